"""Readers: small networks that tell from frames which action led on, and which biome, time and weather it is."""
