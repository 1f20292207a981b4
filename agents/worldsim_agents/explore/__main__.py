"""Prints how often each action and each event occurs in a recorded dataset.

    python -m worldsim_agents.explore data/voxel
"""

import sys
from pathlib import Path

from worldsim.data.episodes import Dataset
from worldsim_agents.explore.shares import shares, table

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(table(shares(Dataset.open(Path(sys.argv[1])))))
