"""Imports run one way, and importing touches nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = [  # a module may import its own floor and those above it in this list
    {"worldsim.clip", "worldsim.actions", "worldsim.files"},
    {"worldsim.video", "worldsim.model"},
    {"worldsim.data", "worldsim.sampling"},
    {"worldsim.training", "worldsim.fidelity", "worldsim.play", "worldsim.studio", "worldsim.exchange"}
    | {"worldsim_envs.learned"},
    {"worldsim_agents"},
    {"worldsim.cli"},
]
# Where one floor holds several rooms, design.md says which may look into which.
FORBIDDEN = {
    "worldsim.clip": {"worldsim.actions", "worldsim.files"},
    "worldsim.files": {"worldsim.clip", "worldsim.actions"},
    "worldsim.video": {"worldsim.model"},
    "worldsim.model": {"worldsim.video"},
    "worldsim.data": {"worldsim.sampling"},
    "worldsim.exchange": {"worldsim.model", "worldsim.sampling", "worldsim.training", "worldsim.play"},
    "worldsim.play": {"worldsim.training", "worldsim.fidelity", "worldsim_envs"},
    "worldsim.studio": {"worldsim.training", "worldsim.play", "worldsim_envs"},
    "worldsim.fidelity": {"worldsim.training", "worldsim.play", "worldsim.studio", "worldsim_envs"},
    "worldsim.training": {"worldsim.fidelity", "worldsim.play", "worldsim_envs"},
    "worldsim_envs.learned": {"worldsim.training", "worldsim.fidelity", "worldsim.play", "worldsim_envs.voxel"},
    "worldsim_envs.voxel": {"worldsim", "worldsim_agents", "worldsim_envs.learned"},
}
# Tasks are one table for both worlds; nothing else of the true world may be known to the learned one.
ALLOWED = {"worldsim_envs.learned.tasks": {"worldsim_envs.voxel.tasks"}}
TRAINING_ROOMS = ("clip", "actions", "files", "model", "training", "data", "sampling")
TRAINING_PATH = tuple(f"worldsim.{room}" for room in TRAINING_ROOMS)
LEAN = {"torch", "numpy", "numba", "einops", "safetensors", "gymnasium", "tokenizers", "tyro", "tqdm", "worldsim"}


def modules() -> dict[str, Path]:
    """Every module of the three packages by its dotted name."""
    found = {}
    for folder in (ROOT, ROOT / "envs", ROOT / "agents"):
        for package in ("worldsim", "worldsim_envs", "worldsim_agents"):
            for path in sorted((folder / package).rglob("*.py")):
                parts = path.relative_to(folder).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Dotted names of all that a module imports; those under TYPE_CHECKING are for readers, not for running."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()

    def visit(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            match node:
                case ast.Import(names=names):
                    found.update(alias.name for alias in names)
                case ast.ImportFrom(module=module, names=names):
                    assert module is not None and node.level == 0, f"{path}: relative import"
                    found.update(f"{module}.{alias.name}" for alias in names)
                case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                    pass
                case ast.FunctionDef() if top_level_only:
                    pass
                case _:
                    for field in ("body", "orelse", "finalbody", "handlers"):
                        visit(getattr(node, field, []))

    visit(tree.body)
    return found


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def floor(name: str) -> int | None:
    return next((i for i, rooms in enumerate(FLOORS) if any(within(name, room) for room in rooms)), None)


def imported_modules(name: str, path: Path) -> set[str]:
    """Our own modules that a module imports, as module names."""
    known = modules()
    ours = {i for i in imports(path) if i.split(".")[0] in {"worldsim", "worldsim_envs", "worldsim_agents"}}
    return {i if i in known else i.rpartition(".")[0] for i in ours} - {name}


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_module_imports_only_from_its_own_floor_and_below(name: str) -> None:
    mine = floor(name)
    for other in imported_modules(name, modules()[name]):
        theirs = floor(other)
        if mine is not None and theirs is not None:
            assert theirs <= mine, f"{name} imports {other}, which stands above it"
    for room, others in FORBIDDEN.items():
        if within(name, room):
            mine = imported_modules(name, modules()[name]) - ALLOWED.get(name, set())
            seen = {other for other in mine for forbidden in others if within(other, forbidden)}
            assert not seen, f"{name} must not import {seen}"


@pytest.mark.parametrize("name", sorted(n for n in modules() if within(n, "worldsim") and n != "worldsim.cli"))
def test_worldsim_takes_envs_and_agents_by_gymnasium_id_not_by_import(name: str) -> None:
    assert not {i for i in imports(modules()[name]) if i.split(".")[0] in {"worldsim_envs", "worldsim_agents"}}


@pytest.mark.parametrize("name", sorted(n for n in modules() if any(within(n, room) for room in TRAINING_PATH)))
def test_the_training_path_starts_on_a_bare_machine(name: str) -> None:
    outside = {i.split(".")[0] for i in imports(modules()[name], top_level_only=True)} - set(sys.stdlib_module_names)
    assert outside <= LEAN, f"{name} imports {outside - LEAN} at module level"


WATCH = """
import importlib, random, socket, sys

def refuse(*_, **__):
    raise AssertionError("importing opened a connection")
socket.socket.connect = refuse
import numpy, torch
numpy_before, python_before = numpy.random.get_state()[1].tolist(), random.getstate()
torch_before = torch.get_rng_state()
threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
for name in sys.argv[1:]:
    importlib.import_module(name)
assert numpy.random.get_state()[1].tolist() == numpy_before, "numpy's global seed was touched"
assert random.getstate() == python_before, "Python's global seed was touched"
assert torch.equal(torch.get_rng_state(), torch_before), "torch's global seed was touched"
assert not torch.cuda.is_initialized(), "a device was touched"
assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype), "a global setting was touched"
if "pygame" in sys.modules:
    import pygame
    assert not pygame.display.get_init(), "a window was opened"
"""


def test_importing_every_module_touches_no_device_network_window_or_seed() -> None:
    names = [name for name in modules() if not name.endswith("__main__")]
    done = subprocess.run([sys.executable, "-c", WATCH, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stdout, "importing printed something"


def test_importing_worldsim_is_quick_and_loads_no_torch() -> None:
    code = (
        "import sys, time, gymnasium; start = time.perf_counter(); import worldsim; took = time.perf_counter() - start;"
        "assert 'torch' not in sys.modules and 'pygame' not in sys.modules; assert took < 0.3, took;"
        "assert {'worldsim/Voxel-v0', 'worldsim/Learned-v0'} <= set(gymnasium.registry); assert 'Clip' in dir(worldsim)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_load_when_used_and_unknown_ones_are_named() -> None:
    import worldsim
    from worldsim.clip import Clip

    assert worldsim.Clip is Clip
    assert worldsim.verbs.generate.__module__ == "worldsim.sampling.verbs"
    with pytest.raises(AttributeError, match="'Clipp'"):
        _ = worldsim.Clipp
