"""The biomes of a world, in the order of their ids; and where the sea lies."""

BIOMES = ("plains", "forest", "desert", "snow", "mountains", "beach", "ocean", "savanna", "swamp")
PLAINS, FOREST, DESERT, SNOWFIELD, MOUNTAINS, BEACH, OCEAN, SAVANNA, SWAMP = range(len(BIOMES))


def sea_level(height: int) -> int:
    """Return the height of the first cell above the sea, for a world of `height` cells."""
    return height * 11 // 32
