"""Which probe catches which planted fault: `python benchmarks/faults.py --out DIR --trials 8`.

Each fault of `worldsim_envs.voxel.faults` is studied beside the true world. Printed is a row per fault with the
probes that depart from truth for sure, the one meant for it marked with a star. A killed run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import worldsim
from worldsim.fidelity import study
from worldsim.fidelity.harness.probes import PROBES, TIERS
from worldsim_envs.voxel.faults import FAULTS, faulty

MEANT = {
    "frozen": "counterfactual pairs", "random frames": "action control", "shuffled actions": "action control",
    "reverting": "persistence", "always reverting": "persistence", "crumbling": "persistence", "late": "physics",
    "splitting": "births and deaths", "wide turns": "turns", "floating sand": "physics", "mirrored": "left and right",
    "brightening": "drift", "free reward": "events and reward", "misheard": "sides in words",
}  # fmt: skip


def main() -> None:
    """Study every fault that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=8, help="at most, of each probe; 0 for the tier's own number")
    parser.add_argument("--tier", choices=TIERS, default="quick")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS))
    parser.add_argument("--probes", nargs="*", default=[name for name in PROBES if name != "policy ranking"])
    options = parser.parse_args()
    rows = {}
    for name in options.faults:
        folder = options.out / name.replace(" ", "-")
        found = study(faulty(name), "worldsim/Voxel-v0", out=folder, trials=options.trials, tier=options.tier,
                      probes=options.probes,
                      decode=False)  # fmt: skip
        rows[name] = {probe: part["departs"] for probe, part in found["probes"].items() if part["departs"]}
        told = [f"{probe}{'*' * (probe == MEANT[name])} ({', '.join(how)})" for probe, how in rows[name].items()]
        verdict = "caught" if MEANT[name] in rows[name] else "MISSED"
        print(f"{name}: {verdict}; departs in {'; '.join(told) or 'nothing'}", flush=True)
    (options.out / "faults.json").write_text(json.dumps({"version": worldsim.__version__, "departs": rows}, indent=1))


if __name__ == "__main__":
    main()
