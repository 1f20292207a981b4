"""The command `worldsim`: a table of subcommands, each a dataclass of options and a function.

A subcommand's module loads when it is chosen, so that help comes at once. tyro reads the options from the dataclass.
A caller's mistake ends as one line on stderr and exit code 2; with WORLDSIM_DEBUG=1 its traceback is shown.
"""

from __future__ import annotations

import io
import os
import re
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from itertools import dropwhile, takewhile
from typing import Any

from worldsim import __version__

__all__ = ["main"]


@dataclass(frozen=True)
class Command:
    """A subcommand: where its options and its function are, and what it is for."""

    module: str
    options: str
    function: str
    purpose: str
    defaults: str = ""
    """Where the options' defaults depend on the words: the function that makes them, as "module:name"."""


STUDIO = "worldsim.studio.commands"
STUDY = "worldsim.fidelity.harness.commands"
COMMANDS = {
    "play": Command("worldsim.play.run", "Play", "play", "play in the learned or the true world, by hand or headless"),
    "serve": Command("worldsim.play.run", "Serve", "serve", "play in a web page"),
    "demo": Command("worldsim.play.demo", "Demo", "demo", "film the learned world beside the true one"),
    "generate": Command(STUDIO, "Generate", "generate", "a film from a text, from actions, or from neither"),
    "image": Command(STUDIO, "Image", "image", "a picture from a text"),
    "animate": Command(STUDIO, "Animate", "animate", "let a picture move"),
    "extend": Command(STUDIO, "Extend", "extend", "go on from a film, or show what was before it"),
    "loop": Command(STUDIO, "Loop", "loop", "a film without end"),
    "connect": Command(STUDIO, "Connect", "connect", "two films as one"),
    "fill": Command(STUDIO, "Fill", "fill", "make some frames of a film anew"),
    "edit": Command(STUDIO, "Edit", "edit", "a film as it would be under another text"),
    "enhance": Command(STUDIO, "Enhance", "enhance", "a film without its noise and smear"),
    "gallery": Command("worldsim.studio.gallery", "Gallery", "gallery", "make a page that shows every verb"),
    "record": Command("worldsim.data.command", "Record", "record_env", "record episodes of any Gymnasium env"),
    "import": Command(
        "worldsim.exchange.command", "Import", "import_dataset", "read recordings of VPT / MineRL, Minari or LeRobot"
    ),
    "export": Command("worldsim.exchange.command", "Export", "export_dataset", "write recordings for LeRobot"),
    "train tokenizer": Command(
        "worldsim.training.stages", "TrainTokenizer", "train_tokenizer", "train a tokenizer on frames",
        "worldsim.training.presets:tokenizer_defaults",
    ),
    "train dynamics": Command(
        "worldsim.training.stages", "TrainDynamics", "train_dynamics", "train a dynamics network on its latents",
        "worldsim.training.presets:dynamics_defaults",
    ),
    "train world": Command(
        "worldsim.training.both", "TrainWorld", "train_world", "train both, in any number of interrupted pieces"
    ),
    "train average": Command(
        "worldsim.training.average", "Average", "average", "average checkpoints that were trained on from one another"
    ),
    "train refiner": Command(
        "worldsim.training.refiner", "TrainRefiner", "train_refiner", "train what gives a world's frames their detail"
    ),
    "train captioner": Command(
        "worldsim.training.captioner", "TrainCaptioner", "train_captioner", "train a captioner and matcher on captions"
    ),
    "train habits": Command(
        "worldsim.training.habits", "TrainHabits", "train_habits", "learn what players do, for worlds that act alone"
    ),
    "train": Command(
        "worldsim.training.plan", "Train", "train", "train a world on recordings of any env, with nothing to choose"
    ),
    "caption": Command("worldsim.studio.caption", "CaptionData", "caption", "say what a film or a recording shows"),
    "eval": Command(
        "worldsim.fidelity.evaluate", "Evaluate", "evaluate", "measure a learned world against held-out true ones"
    ),
    "fidelity run": Command(STUDY, "Run", "run_study", "study where any simulator departs from a true one"),
    "fidelity report": Command(STUDY, "Report", "report_run", "a study's figures again, from its trials alone"),
    "fidelity compare": Command(STUDY, "Compare", "compare_runs", "several studies on one page"),
    "agent train": Command("worldsim_agents.rl.train", "Train", "train", "train an agent in a learned or true world"),
    "agent clone": Command("worldsim_agents.rl.train", "Clone", "clone_agent", "let an agent imitate a recording"),
    "agent eval": Command("worldsim_agents.rl.evaluate", "Judge", "judge", "judge an agent in a learned or true world"),
    "agent record": Command(
        "worldsim_agents.rl.recorded", "RecordAgents", "record_agents", "record agents in the true world, to learn from"
    ),
    "agent watch": Command("worldsim_agents.rl.watch", "Watch", "watch", "film an agent in both worlds"),
    "agent study": Command("worldsim_agents.rl.study", "Study", "study", "what learning in the learned world is worth"),
    "agent rank": Command("worldsim_agents.rl.ranking", "Rank", "rank", "do both worlds rank policies alike"),
    "agent calibrate": Command(
        "worldsim_agents.calibrate", "Calibrate", "calibrate", "measure when each predicted event has happened"
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; raises `SystemExit` with 0, 2 for a caller's mistake, or 130 when interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words[:1] == ["--version"]:
        print(__version__)
        return
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name == "train" and words[1:] and not words[1].startswith("-"):
        name = None  # the name of a stage that there is not
    if name is None:
        group = words[0] if words and any(name.startswith(f"{words[0]} ") for name in COMMANDS) else ""
        asked = not words or words[0] in ("-h", "--help") or (group and words[1:] in ([], ["-h"], ["--help"]))
        if asked:
            print(_overview(group))
            sys.exit(0)
        meant = _meant(words)
        near = get_close_matches(meant, COMMANDS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"\n\n{_overview(group)}"
        print(f"worldsim: no command {meant!r}{hint}", file=sys.stderr)
        sys.exit(2)
    usual, warnings.formatwarning = warnings.formatwarning, _in_a_line
    try:
        _run(name, words[len(name.split()) :])
    except Exception as error:
        if os.environ.get("WORLDSIM_DEBUG") or not _explains_itself(error):
            raise
        print(f"worldsim {name}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"worldsim {name}: stopped", file=sys.stderr)
        sys.exit(130)
    finally:
        warnings.formatwarning = usual


def _in_a_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning to a user without the place in the code that gave it; any other as Python shows it."""
    if category is UserWarning and not os.environ.get("WORLDSIM_DEBUG"):
        return f"worldsim: warning: {message}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"


def _run(name: str, words: list[str]) -> Any:
    """Load a subcommand, read its options, and call it."""
    import tyro

    command = COMMANDS[name]
    module = import_module(command.module)
    where, _, maker = command.defaults.partition(":")
    given = {"default": getattr(import_module(where), maker)(words)} if where else {}
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            options = tyro.cli(getattr(module, command.options), prog=f"worldsim {name}", args=words, **given)
    except SystemExit as stop:
        if stop.code:
            print(f"worldsim {name}: {_in_one_line(said.getvalue())}; see worldsim {name} --help", file=sys.stderr)
        raise
    return getattr(module, command.function)(options)


def _in_one_line(box: str) -> str:
    """What tyro has to say of wrong options, without its frame, in Unicode or ASCII, and its advice."""
    lines = [line.strip("╭╮╰╯│─ ") for line in box.splitlines()]
    lines = list(dropwhile(_is_rule, lines[1:]))  # without the title, and a rule under it
    told = list(takewhile(lambda line: not _is_rule(line), lines))
    if told and told[0].startswith("Missing"):
        names = [match[0] for line in told[1:] if (match := re.match(r"--[\w.-]+|[A-Z]{2,}(?= |$)", line))]
        return f"missing {', '.join(names)}" if names else " ".join(told)
    return re.sub(r"^Error parsing [A-Za-z_.]+: ", "", " ".join(told)).rstrip(".") or "wrong options"


def _is_rule(line: str) -> bool:
    return not line.strip("-")


def _explains_itself(error: Exception) -> bool:
    """Whether an error is one of our own, Gymnasium's, or the system's about a file, rather than a fault in here."""
    told = type(error).__module__
    return isinstance(error, OSError) or type(error) is ValueError or told.startswith(("worldsim", "gymnasium.error"))


def _meant(words: list[str]) -> str:
    """The command that these words ask for: two words where commands of two words begin like them."""
    longer = any(name.startswith(f"{words[0]} ") for name in COMMANDS)
    return " ".join(words[:2]) if longer and not words[1].startswith("-") else words[0]


def _overview(group: str = "") -> str:
    """All commands and what they are for, or those of a group."""
    shown = {name: command for name, command in COMMANDS.items() if not group or name.split()[0] == group}
    width = max(map(len, shown))
    lines = [f"  {name:<{width}}  {command.purpose}" for name, command in shown.items()]
    return "\n".join(["usage: worldsim COMMAND [options]     worldsim COMMAND --help shows the options", "", *lines])


if __name__ == "__main__":
    main()
