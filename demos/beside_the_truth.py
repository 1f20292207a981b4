"""Films a learned world beside the true one, truth above: `python demos/beside_the_truth.py --help`."""

from __future__ import annotations

import tyro

from worldsim.play.demo import Demo, demo

if __name__ == "__main__":
    demo(tyro.cli(Demo))
