"""What every test stands on: no window, no sound, and one thread, for tiny networks wait more than they work."""

import os

os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1", MPLBACKEND="Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")
