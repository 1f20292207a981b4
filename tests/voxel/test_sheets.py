"""The contact sheets of the docs come from one command."""

import importlib.util
import sys
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "pictures.py"


@pytest.mark.parametrize(("sheet", "rows"), [("creatures", 2), ("dynamics", 4)])
def test_a_sheet_holds_a_frame_of_each_scene(
    sheet: str, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("pictures", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--only", sheet, "--size", "24", "40", "--out", str(tmp_path)])
    module.main()
    with Image.open(tmp_path / f"voxel-{sheet}.png") as image:
        assert image.size == (4 * 40, rows * 24)
