"""Recordings of others in, ours out: VPT / MineRL contractor films, Minari, LeRobot. Networks have no part in it."""
