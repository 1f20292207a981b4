"""Zips of agents: read by stable-baselines3, read without running what is in them, and named where they are none."""

import base64
import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from stable_baselines3 import PPO

from worldsim.cli import main
from worldsim_agents.rl.agents import AgentError, load_agent, make_agent, recipe_for, save_agent
from worldsim_agents.rl.train import _keep_former


def agent_zip(folder: Path) -> Path:
    recipe = recipe_for("ppo", "OpenDoor", "latent", (4, 8, 8), 26, 0)
    return save_agent(make_agent(recipe), recipe, folder / "agent")


def test_stable_baselines3_reads_our_zip(tmp_path: Path) -> None:
    path = agent_zip(tmp_path)
    assert PPO.load(path, device="cpu").action_space.n == 26


class Trap:
    def __reduce__(self):
        return (Path("/tmp/worldsim-trap-sprung").touch, ())


def test_a_zip_is_read_without_running_what_is_pickled_in_it(tmp_path: Path) -> None:
    path, sprung = agent_zip(tmp_path), Path("/tmp/worldsim-trap-sprung")
    sprung.unlink(missing_ok=True)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    bad = io.BytesIO()
    torch.save({"weight": Trap()}, bad)
    data = json.loads(parts["data"])
    data["lr_schedule"] = {":type:": "x", ":serialized:": base64.b64encode(pickle.dumps(Trap())).decode()}
    for changed, fine in (({"data": json.dumps(data).encode()}, True), ({"policy.pth": bad.getvalue()}, False)):
        trapped = tmp_path / "trapped.zip"
        with zipfile.ZipFile(trapped, "w") as archive:
            for name, content in {**parts, **changed}.items():
                archive.writestr(name, content)
        if fine:
            load_agent(trapped)
        else:
            with pytest.raises(AgentError, match="damaged, or no agent"):
                load_agent(trapped)
        assert not sprung.exists()


def test_a_file_that_is_no_agent_is_named(tmp_path: Path) -> None:
    path = agent_zip(tmp_path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}

    def written(changes: dict[str, bytes | None]) -> Path:
        file = tmp_path / "changed.zip"
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in {**parts, **changes}.items():
                if content is not None:
                    archive.writestr(name, content)
        return file

    recipe = json.loads(parts["worldsim.json"])
    wrong = {
        "does not exist": tmp_path / "nowhere.zip",
        "holds no worldsim.json": written({"worldsim.json": None}),
    }
    for says, file in wrong.items():
        with pytest.raises(AgentError, match=says):
            load_agent(file)
    for says, change in (
        ("version 1", {"version": 2}),
        ("learner must be one of", {"learner": "sac"}),
        ("no recipe", {"colour": 1}),
        ("must be numbers or words", {"settings": {"n_steps": [1]}}),
        ("does not take these settings", {"settings": {"wings": 2}}),
        ("do not fit", {"actions": 3}),
    ):
        with pytest.raises(AgentError, match=says):
            load_agent(written({"worldsim.json": json.dumps({**recipe, **change}).encode()}))
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(AgentError, match="damaged"):
        load_agent(tmp_path / "text.zip")


def test_an_agent_that_explores_a_little_still_does_when_it_is_loaded(tmp_path: Path) -> None:
    recipe = recipe_for("dqn", "OpenDoor", "latent", (4, 8, 8), 26, 0)
    agent = make_agent(recipe)
    loaded = load_agent(save_agent(agent, recipe, tmp_path / "agent"))[0]
    assert loaded.exploration_rate == agent.exploration_final_eps > 0


def test_a_folder_is_answered_with_the_agents_in_it(tmp_path: Path) -> None:
    path = agent_zip(tmp_path)
    with pytest.raises(AgentError, match=f"is a folder; give the zip of an agent, such as {path}"):
        load_agent(tmp_path)


def test_an_agent_that_is_there_already_is_kept_beside_the_new_one(tmp_path: Path, capsys) -> None:
    for text in ("first", "second", "third"):
        _keep_former(tmp_path / "agent.zip")
        (tmp_path / "agent.zip").write_text(text)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"agent-1.zip": "first", "agent-2.zip": "second", "agent.zip": "third"}
    assert f"was there already, and is {tmp_path / 'agent-2.zip'} now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("train --rows 0", "--rows must be at least 1, got 0"),
        ("train --start-frames 0", "--start-frames must be at least 1"),
        ("train --save-every -1", "--save-every must be at least 0, got -1"),
        ("train --guard 0.99", "--guard watches a surprise: choose --surprise"),
        ("clone --data x --epochs 0", "--epochs must be at least 1, got 0"),
        ("watch --episodes 0", "--episodes must be at least 1, got 0"),
        ("rank --episodes 1", "--episodes must be at least 2, got 1"),
        ("study --gap-episodes -1", "--gap-episodes must be at least 0"),
        ("eval --plan.rounds 0", "rounds must be at least 1, got 0"),
        ("train --learner sac", "ppo"),
    ],
)
def test_numbers_that_mean_nothing_are_named_by_their_options(words: str, says: str, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["agent", *words.split()])
    assert says in capsys.readouterr().err
