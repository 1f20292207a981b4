"""Truth as its own candidate, in every probe: `python benchmarks/truth.py --out DIR`.

The candidate is the voxel world itself, which here takes prompts and tells its surprise as well
(`worldsim_envs.voxel.answering`). What a study does not read as 1 is an error of the study. A killed run goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from worldsim.fidelity import study
from worldsim.fidelity.harness.probes import PROBES, TIERS
from worldsim_envs.voxel.answering import Answering

BAR = 0.98


def main() -> None:
    """Study truth, print N of each probe by each reader, and name those below the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tier", choices=TIERS, default="quick")
    parser.add_argument("--trials", type=int, default=0, help="at most, of each probe; 0 for the tier's own number")
    parser.add_argument("--probes", nargs="*", default=list(PROBES))
    options = parser.parse_args()
    found = study(Answering, "worldsim/Voxel-v0", out=options.out, tier=options.tier, trials=options.trials,
                  probes=options.probes)  # fmt: skip
    below = []
    for name, figures in found["probes"].items():
        told = {"renderer": figures.get("N"), "decoder": figures.get("second", {}).get("N")}
        row = {who: normal for who, normal in told.items() if normal}
        shown = "  ".join(f"{who} {one['value']:.2f} [{one.get('low', float('nan')):.2f}, "
                          f"{one.get('high', float('nan')):.2f}]" for who, one in row.items())  # fmt: skip
        below += [f"{name} ({who})" for who, one in row.items() if one["value"] < BAR]
        print(f"{name:22}{figures['trials']:4} trials  {shown or 'N is not told'}  departs: {figures['departs']}")
    print(f"below {BAR}: {', '.join(below) or 'none'}")
    for name, reason in found["refused"].items():
        print(f"refused: {name}: {reason}")
    for name, part in found["failed"].items():
        print(f"failed: {name}: {part['trials']} trials; {part['first']}")


if __name__ == "__main__":
    main()
