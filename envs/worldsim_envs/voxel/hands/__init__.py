"""What the player does with the hands: choosing, mining, striking, placing, using, painting, crafting, smelting."""
