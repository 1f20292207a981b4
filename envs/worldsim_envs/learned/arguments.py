"""What the maker of a learned env asks for: each argument is as it has to be, or named in an `EnvError`."""

from __future__ import annotations

import warnings

from gymnasium.vector import AutoresetMode

from worldsim.actions import ActionSpec
from worldsim.data.envs import RecordError, open_env
from worldsim.data.truth import env_of
from worldsim.model.calibration import Calibration
from worldsim.model.card import WorldCard
from worldsim.sampling.world import SURPRISES
from worldsim_envs.learned.starts import EnvError

__all__ = ["check_arguments", "read_action_space", "read_autoreset", "read_guard", "warn_of_passes"]


def check_arguments(
    *, num_envs: int, render_mode: str | None, max_episode_steps: int | None, horizon: int | None, obs: str,
    surprise: str, dense: bool, task: str | None, threshold: float | None,
) -> None:  # fmt: skip
    """Raise `EnvError` for the first of the constructor's arguments that is not as it describes them."""
    if num_envs < 1:
        raise EnvError(f"num_envs must be at least 1, got {num_envs}")
    if render_mode not in (None, "rgb_array"):
        raise EnvError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
    for name, limit in (("max_episode_steps", max_episode_steps), ("horizon", horizon)):
        if limit is not None and limit < 1:
            raise EnvError(f"{name} must be at least 1 or None, got {limit}")
    if obs not in ("rgb", "latent"):
        raise EnvError(f"obs must be 'rgb' or 'latent', got {obs!r}")
    if surprise and surprise not in SURPRISES:
        raise EnvError(f"surprise must be one of {', '.join(SURPRISES)}, or empty, got {surprise!r}")
    if dense and task is None:
        raise EnvError("dense is the form of a task: name the task too")
    if threshold is not None and not 0 < threshold <= 1:
        raise EnvError(f"threshold must be None or in (0, 1], got {threshold}")


def read_autoreset(mode: AutoresetMode | str) -> AutoresetMode:
    """One of Gymnasium's modes, or its value as text."""
    try:
        return AutoresetMode(mode)
    except ValueError as error:
        modes = [mode.value for mode in AutoresetMode]
        raise EnvError(f"autoreset_mode must be one of {modes}, got {mode!r}") from error


def read_action_space(name: str | None, card: WorldCard) -> ActionSpec:
    """The actions of the card, or those of its true env made with `action_space=name`, in the same vectors.

    Raises:
        EnvError: the true env is not here, or has no such actions.
    """
    if name is None:
        return card.action_spec
    try:
        env_id, kwargs, image_key = env_of(card)
        env = open_env(env_id, {**kwargs, "action_space": name}, image_key)
    except RecordError as error:
        raise EnvError(f"action_space {name!r} is taken from the true env: {error}") from error
    spec = ActionSpec.from_env(env)
    env.close()
    if spec.names != card.action_spec.names:
        raise EnvError(
            f"action_space {name!r} of {env_id} reads as {', '.join(spec.names)}; checkpoint {card.name!r} was "
            f"learned with {', '.join(card.action_spec.names)}"
        )
    return spec


def warn_of_passes(calibration: Calibration | None, passes: int, task: str | None) -> None:
    """Warn where a task's events are told by thresholds that were measured in another number of passes."""
    if task is not None and calibration is not None and not calibration.fits(passes):
        warnings.warn(
            f"task {task}: when events have happened was measured in {calibration.passes} denoising passes per frame, "
            f"and this world plays in {passes}: thresholds are near at best; worldsim agent calibrate --passes "
            f"{passes} measures them",
            stacklevel=4,
        )


def read_guard(guard: float | str | None, surprise: str, calibration: Calibration | None, passes: int) -> float | None:
    """The limit of surprise that a guard means: the number itself, or a quantile, measured in these passes, by name."""
    if guard is None:
        return None
    if not surprise:
        raise EnvError(f"a guard watches a surprise: choose one of {', '.join(SURPRISES)}")
    fits = calibration is None or calibration.fits(passes)
    known = calibration.surprise.get(surprise, {}) if calibration is not None and fits else {}
    if not isinstance(guard, str):
        if guard <= 0:
            raise EnvError(f"guard must be above 0, got {guard}")
        if known and guard > max(known.values()):
            warnings.warn(
                f"guard={guard:g} lies above every measured surprise (the largest quantile is {max(known.values()):g}) "
                f"and hardly ever cuts; a quantile is given as text, such as guard={next(iter(known))!r}",
                stacklevel=4,
            )
        return float(guard)
    if guard not in known:
        measured = "" if fits else f" in {passes} passes"
        raise EnvError(
            f"guard must be a number, or one of the quantiles measured{measured}: {', '.join(known) or '(none)'}, "
            f"got {guard!r}; run worldsim agent calibrate{'' if fits else f' --passes {passes}'}"
        )
    return float(known[guard])
