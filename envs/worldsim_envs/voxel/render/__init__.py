"""Pictures of a world: which surfaces the rays meet, their shade, the sky, smooth edges, the hand. See `picture`."""
