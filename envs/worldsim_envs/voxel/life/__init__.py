"""What moves by itself: drops, falling blocks, fragments and arrows; animals and monsters, and what they want."""
