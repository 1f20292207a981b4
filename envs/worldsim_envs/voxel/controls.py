"""The 25 fields of the internal action vector, in the order of VPT and Open-Oasis, and their places by name."""

from __future__ import annotations

ACTION_NAMES = (
    "inventory", "ESC", *(f"hotbar.{slot}" for slot in range(1, 10)), "forward", "back", "left", "right",
    "cameraX", "cameraY", "jump", "sneak", "sprint", "swapHands", "attack", "use", "pickItem", "drop",
)  # fmt: skip
ACTION_INDEX = {name: index for index, name in enumerate(ACTION_NAMES)}
(INVENTORY, HOTBAR, FORWARD, BACK, LEFT, RIGHT, CAMERA_X, CAMERA_Y, JUMP, SNEAK, SPRINT, SWAP_HANDS, ATTACK, USE, PICK,
 DROP) = (
    ACTION_INDEX[name]
    for name in ("inventory", "hotbar.1", "forward", "back", "left", "right", "cameraX", "cameraY", "jump", "sneak",
                 "sprint", "swapHands", "attack", "use", "pickItem", "drop")
)  # fmt: skip
CAMERA_DEGREES = 20.0  # of a camera field of 1
