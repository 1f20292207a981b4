"""Virtual environments of their own, for tests of what others wrote."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def environment(folder: Path, *packages: str) -> Path:
    """The Python of a new virtual environment that has these packages, and this one's behind them."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    own = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    lines = [ROOT, ROOT / "envs", ROOT / "agents", ROOT / "tests", sysconfig.get_path("purelib")]
    (Path(own) / "zz_worldsim.pth").write_text("".join(f"{line}\n" for line in lines))
    for package in filter(None, packages):
        words = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", package]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{package} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return python
