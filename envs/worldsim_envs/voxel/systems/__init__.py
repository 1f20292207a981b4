"""What goes on in the world by itself, each a module: falling, fluids, fire, growth, decay, weather, snow, ovens."""
