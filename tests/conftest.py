"""What every test stands on: no window, no sound, and one thread, for tiny networks wait more than they work."""

import os
import signal

os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1", MPLBACKEND="Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A run in the background of a shell inherits an ignored Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
