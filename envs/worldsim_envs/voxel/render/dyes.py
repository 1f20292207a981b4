"""The colours of a brush: red, green and blue of 0…1 for each dye of a canvas; index 0 is bare."""

from __future__ import annotations

import numpy as np

DYE_COLOURS: dict[str, tuple[int, int, int]] = {
    "bare": (0, 0, 0), "white": (240, 240, 240), "light_gray": (160, 160, 158), "gray": (84, 86, 90),
    "black": (28, 28, 32), "brown": (120, 76, 44), "red": (196, 42, 40), "orange": (240, 124, 30),
    "yellow": (250, 206, 54), "lime": (116, 196, 40), "green": (66, 116, 34), "cyan": (34, 150, 156),
    "light_blue": (94, 178, 228), "blue": (54, 66, 178), "purple": (132, 50, 178), "magenta": (196, 78, 190),
    "pink": (242, 150, 176),
}  # fmt: skip
DYE_TABLE = np.array(list(DYE_COLOURS.values())) / 255.0  # (17, 3)
