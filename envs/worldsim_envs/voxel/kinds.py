"""Tables of what moves: animals, monsters, drops, falling blocks, fragments, arrows. Rows keep their place.

`SIZES` and the other arrays are what compiled code reads. Behaviour is in `life`, drawing in `render`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kind:
    """One kind of entity. `half` is half its width and `height` its height in blocks; `hearts` are half hearts.

    `speed` is the push of a tick on the ground (the player's is 0.1).
    """

    name: str
    half: float
    height: float
    hearts: int = 1
    speed: float = 0.0
    animal: bool = False
    monster: bool = False


KINDS: tuple[Kind, ...] = (
    Kind("none", 0.0, 0.0),
    Kind("drop", 0.125, 0.25),
    Kind("falling", 0.49, 0.98),
    Kind("fragment", 0.06, 0.12),
    Kind("arrow", 0.06, 0.12),
    Kind("pig", 0.45, 0.9, 10, 0.035, animal=True),
    Kind("sheep", 0.45, 1.3, 8, 0.032, animal=True),
    Kind("cow", 0.45, 1.4, 10, 0.032, animal=True),
    Kind("chicken", 0.2, 0.7, 4, 0.032, animal=True),
    Kind("zombie", 0.3, 1.95, 20, 0.042, monster=True),
    Kind("skeleton", 0.3, 1.99, 20, 0.042, monster=True),
    Kind("spider", 0.7, 0.9, 16, 0.05, monster=True),
)
KIND_IDS: dict[str, int] = {kind.name: number for number, kind in enumerate(KINDS)}
DROP, FALLING, FRAGMENT, ARROW = (KIND_IDS[name] for name in ("drop", "falling", "fragment", "arrow"))
FIRST_CREATURE, FIRST_MONSTER = KIND_IDS["pig"], KIND_IDS["zombie"]
MODES = ("still", "wander", "flee", "hunt", "graze")
STILL, WANDER, FLEE, HUNT, GRAZE = range(len(MODES))

SIZES = np.array([(kind.half, kind.height) for kind in KINDS])  # (K, 2)
SPEEDS = np.array([kind.speed for kind in KINDS])
FIRST_HEARTS = np.array([kind.hearts for kind in KINDS], np.int64)
