"""`VoxelEnv`: the voxel world as a Gymnasium environment.

Here are spaces, seeding, snapshots and info. Rules live in physics, life and systems, pictures in render, rewards in
judge, edits in editor, words in language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import checks, editor, language, physics, start, state
from worldsim_envs.voxel.actions import DISCRETE_ACTIONS, Actions
from worldsim_envs.voxel.checks import VoxelError, VoxelTypeError
from worldsim_envs.voxel.controls import ACTION_NAMES
from worldsim_envs.voxel.editor import Editable
from worldsim_envs.voxel.episodes import KEPT_WORLDS, Snapshot, drawn_start
from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.items import ITEM_IDS
from worldsim_envs.voxel.judge import Judge, Memory
from worldsim_envs.voxel.language.facts import shown_words
from worldsim_envs.voxel.language.story import Story
from worldsim_envs.voxel.observations import LABELS, OBSERVATIONS, observation_space, read_labels
from worldsim_envs.voxel.render.picture import View, picture
from worldsim_envs.voxel.scenes import set_scene
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.switches import switched
from worldsim_envs.voxel.tasks import TASKS

if TYPE_CHECKING:
    from worldsim_envs.voxel.stages import Lesson, Scene

RESET_OPTIONS = ("world_seed", "biome", "start_time")


class VoxelEnv(Editable, gym.Env[Any, Any]):
    """A Minecraft-like world: first-person pictures, mining, building, crafting, creatures, weather, day and night.

    Args:
        size: height and width of a frame in pixels, 16…2160 each.
        frame_skip: ticks of 1/20 s per step.
        action_space: "discrete", "multidiscrete" (23 keys and two cameras) or "dict" (MineRL's names); see actions.
        render_mode: None or "rgb_array".
        hud: draw the hand, the crosshair and what the player carries.
        day_length: ticks of a whole day; None takes the task's.
        start_time: share of the day at reset, 0 sunrise, 0.5 sunset; None takes the task's, or draws it, mostly day.
        biome: where the player starts; None takes one of the task's, or draws one.
        world_size: blocks east, north, up. East and north are powers of two: the world is a torus.
        render_size: height and width of `render()`; None gives the observation itself.
        task: a row of tasks.TASKS.
        dense: pay progress towards the task's goal too.
        observations: what is observed, of OBSERVATIONS; more than the picture, or other than it, makes a Dict.
        labels: what `info` holds beside the events, of LABELS.
        switches: systems to turn on or off; see switches.SWITCHES.
        items: what the player carries at first, by name and count; None takes the task's.
        num_levels: how many worlds there are, from `start_level` on; 0 for all. So train and test seeds stay apart.
        start_level: the seed of the first world.
        kept_worlds: how many untouched worlds stay in memory, 13 MB each, for all envs of the process; the largest
            number counts. A reset into a kept world takes milliseconds, into another one a tenth of a second.

    `reset(options=...)` takes "world_seed" (int), "biome", "start_time" for that episode.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self,
        size: tuple[int, int] = (64, 64),
        frame_skip: int = 2,
        action_space: str = "discrete",
        render_mode: str | None = None,
        hud: bool = True,
        day_length: int | None = None,
        start_time: float | None = None,
        biome: str | None = None,
        world_size: tuple[int, int, int] = (256, 256, 64),
        render_size: tuple[int, int] | None = None,
        task: str = "Explore",
        dense: bool = False,
        observations: Sequence[str] = ("rgb",),
        labels: Sequence[str] = (),
        switches: Mapping[str, bool] | None = None,
        items: Mapping[str, int] | None = None,
        num_levels: int = 0,
        start_level: int = 0,
        kept_worlds: int = 4,
    ) -> None:
        self._settings = {name: value for name, value in locals().items() if name in SETTINGS}
        self.size = checks.checked_size("size", size)
        self.render_size = None if render_size is None else checks.checked_size("render_size", render_size)
        self.world_size = checks.checked_world_size(world_size)
        self.frame_skip = checks.checked_count("frame_skip", frame_skip, 1, 100)
        self.task = TASKS[checks.checked_choice("task", task, TASKS)]
        asked = self.task.day_length if day_length is None else day_length
        self.day_length = checks.checked_count("day_length", asked, 20, 10_000_000)
        self.start_time = checks.checked_time(self.task.start_time if start_time is None else start_time)
        self.biome = checks.checked_biome(biome)
        self.num_levels = checks.checked_count("num_levels", num_levels, 0, 2**31)
        self.start_level = checks.checked_count("start_level", start_level, 0, 2**31)
        KEPT_WORLDS.make_room(checks.checked_count("kept_worlds", kept_worlds, 1, 2**31))
        self.observed = checks.checked_choices("observations", observations, OBSERVATIONS) or ("rgb",)
        self.labels = checks.checked_choices("labels", labels, LABELS)
        for name, given in (("switches", switches), ("items", items)):
            if given is not None and not isinstance(given, Mapping):
                wanted = "True or False" if name == "switches" else "a number"
                raise VoxelTypeError(f"{name} must map names to {wanted}, got {given!r}")
        self.switches = {**self.task.switches, **(switches or {})}
        switched(self.switches)  # raises on unknown names
        checks.checked_choices("items", list(items or {}), ITEM_IDS)
        task_items = start.START_INVENTORY if self.task.items is None else self.task.items
        self.items = dict(task_items if items is None else items)
        if render_mode not in (None, "rgb_array"):
            raise VoxelError(f'render_mode must be None or "rgb_array", got {render_mode!r}')
        self.render_mode = render_mode
        self.hud = bool(hud)
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 20 / self.frame_skip}  # type: ignore[misc]
        self.actions = Actions(action_space)
        self.action_space = self.actions.space
        self.observation_space = observation_space(self.observed, self.size, self.world_size)
        self.action_names = ACTION_NAMES
        self.action_vectors = self.actions.table
        self.event_names = EVENT_NAMES
        self.judge = Judge(self.task, bool(dense), self.world_size)
        self.view = View(self.size)
        self._large = None if self.render_size is None else View(self.render_size)
        self._state: VoxelState | None = None
        self.memory: Memory = np.zeros(0)
        self._last_action = np.zeros(len(ACTION_NAMES), np.float32)
        self._story = Story()
        self._frame: NDArray[np.uint8] | None = None

    # ------------------------------------------------------------------------------------------ Gymnasium

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start a new episode in the world drawn from `seed`, or the one named in `options`.

        Returns:
            The first observation, and info with "events" f32 (E,), all zero.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        unknown = sorted(set(options) - set(RESET_OPTIONS))
        if unknown:
            raise VoxelError(f"reset options are world_seed, biome and start_time, got also {unknown}; remove them")
        random = self.np_random
        world_seed, time, biome = drawn_start(random, self.task.biomes)
        level = self.start_level + (world_seed % self.num_levels if self.num_levels else world_seed)
        world_seed = checks.checked_count("world_seed", options.get("world_seed", level), 0, 2**63 - 1)
        wished = checks.checked_time(options.get("start_time", self.start_time))
        time = time if wished is None else wished
        biome = checks.checked_biome(options.get("biome", self.biome)) or biome
        land = KEPT_WORLDS.world(world_seed, self.world_size)
        world = start.first_state(land, world_seed, random, biome, time, self.day_length, self.switches, self.items)
        place = set_scene(self.task.scene, world, random)
        editor.aim_again(world)
        self.adopt(world, self.judge.begin(world, place))
        self._last_action, self._story = np.zeros(len(ACTION_NAMES), np.float32), Story()
        return self.read(np.zeros(len(EVENT_NAMES), np.float32), False)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Hold one action for `frame_skip` ticks.

        Returns:
            The observation, reward, terminated (the player died, or the task is done), False, and info with "events"
            f32 (E,), the labels asked for and, where the task has a goal, "success".
        """
        world, vector = self.state, self.actions.vector(action)
        events = np.zeros(len(EVENT_NAMES), np.float32)
        physics.advance(world.tick, vector, self.frame_skip, events)
        reward, success, judged = 0.0, False, self.task.has_goal or np.count_nonzero(events) > 0
        if judged:  # else nothing happened and nothing is asked for
            rewards, done = self.judge.step(self.memory[None], events[None], world.unlocked[None], world.body[None],
                                            world.entities[None], world.kinds[None])  # fmt: skip
            reward, success = float(rewards[0]), bool(done[0])
        self.note(vector, events if judged else None)
        self._frame = None
        observation, info = self.read(events, success)
        return observation, reward, bool(world.marks[state.DEAD]) or success, False, info

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """Return the current frame u8, at `render_size` if one was given; None without a render mode."""
        if self.render_mode is None:
            gym.logger.warn('render() returns None without render_mode="rgb_array"')
            return None
        return self.picture() if self._large is None else picture(self.state, self._large, self.hud)

    def close(self) -> None:
        """Free the world."""
        self._state = None
        self._frame = None

    # ------------------------------------------------------------------------------------------ state

    @property
    def state(self) -> VoxelState:
        """The world as it is now; raises before the first reset."""
        if self._state is None:
            raise gym.error.ResetNeeded("the world does not exist yet; call env.reset() first")
        return self._state

    def clone_state(self) -> Snapshot:
        """Return all of the world and the env's randomness."""
        return Snapshot(self.state.clone(), self.np_random.bit_generator.state, self._last_action.copy(),
                        self.memory.copy(), self._story.copy())  # fmt: skip

    def restore_state(self, snapshot: Snapshot) -> Any:
        """Go back to a snapshot, exactly. Returns the observation of that moment."""
        if not isinstance(snapshot, Snapshot):
            raise VoxelTypeError(f"snapshot must come from clone_state(), got {type(snapshot).__name__}")
        if snapshot.world.blocks.shape != self.world_size:
            held = snapshot.world.blocks.shape
            raise VoxelError(f"snapshot must hold a world of {self.world_size} blocks as this env does, got {held}")
        self.adopt(snapshot.world.clone(), snapshot.memory.copy())
        self.np_random.bit_generator.state = snapshot.generator
        self._last_action, self._story = snapshot.action.copy(), snapshot.story.copy()
        return self.read(np.zeros(len(EVENT_NAMES), np.float32), False)[0]

    def fork(self) -> VoxelEnv:
        """Return another env with the same settings, in the same state."""
        twin = type(self)(**self._settings)
        twin.restore_state(self.clone_state())
        return twin

    def stages(self) -> Mapping[str, Callable[..., Scene]]:
        """Return the scenes that a study asks about, as functions (env, seed, index, **detail) by name."""
        from worldsim_envs.voxel.stages import STAGES  # stages stand on the env

        return STAGES

    def lesson(self, seed: int, pairs: int = 24) -> Lesson:
        """Return pairs of views of a new world with what they truly show, for readers to learn from."""
        from worldsim_envs.voxel.stages import lesson

        return lesson(self, seed, pairs)

    # ------------------------------------------------------------------------------------------ parts of a step

    def adopt(self, world: VoxelState, memory: Memory, frame: NDArray[np.uint8] | None = None) -> None:
        """Go on in these arrays, without copying them; `frame` is the picture of the world, if it is drawn already."""
        self._state, self.memory, self._frame = world, memory, frame

    def note(self, vector: NDArray[np.float32], events: NDArray[np.float32] | None) -> None:
        """Remember for captions what a step did, (25,), and led to, (E,); None for nothing worth telling."""
        self._last_action = vector
        if events is not None:
            self._story.note(int(self.state.marks[state.TICK]), events)

    def read(self, events: NDArray[np.float32], success: bool) -> tuple[Any, dict[str, Any]]:
        """Return a new observation of this moment, and its info."""
        frame, view = self.picture(), self.view
        info = {"events": events, **({"success": success} if self.task.has_goal else {})}
        info |= read_labels(self.labels, self.state, view)
        if self.observed == ("rgb",):
            return frame, info
        labels = read_labels(tuple(key for key in self.observed if key != "rgb"), self.state, view)
        return {key: frame if key == "rgb" else labels[key] for key in self.observed}, info

    # ------------------------------------------------------------------------------------------ actions and words

    @property
    def goal(self) -> str:
        """The task in words."""
        return self.task.goal

    def action_vector(self, action: Any) -> NDArray[np.float32]:
        """Return a new vector (25,) f32 of an action of the env's space; raises on anything outside it."""
        return self.actions.vector(action)

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions can change anything now, as sb3-contrib's MaskablePPO asks for."""
        return self.actions.masks(self.state)

    def get_action_meanings(self) -> list[str]:
        """Return the names of the discrete actions."""
        return list(DISCRETE_ACTIONS)

    def get_keys_to_action(self) -> dict[tuple[str, ...], int]:
        """Return the discrete action of each set of held keys, as `gymnasium.utils.play` asks for."""
        return self.actions.keys()

    def caption(self, detail: str = "short", other: int = 0) -> str:
        """Return a caption of this moment; `detail` is "short", "detailed" or "full", `other` chooses a paraphrase."""
        self.picture()
        return language.describe(self.state, self.view.seen, self._last_action, detail, self._story, other)

    def shown_words(self) -> NDArray[np.str_]:
        """Return the word of what each pixel shows, (H, W): a kind of creature, a block's word, or ""."""
        self.picture()
        return shown_words(self.view.seen, self.view.entities, self.state)

    def glimpses(self, seed: int, count: int) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
        """Return views u8 (count, H, W, 3) of all sorts of a world, and the word of each pixel. Resets the env."""
        from worldsim_envs.voxel.stages.told import glimpses  # stages stand on the env

        return glimpses(self, seed, count)

    def story(self, steps: int = 16) -> str:
        """Return what happened in the last steps, in its order: "first … then …"."""
        return self._story.tell(int(self.state.marks[state.TICK]) - steps * self.frame_skip)

    # ------------------------------------------------------------------------------------------ pictures

    def picture(self) -> NDArray[np.uint8]:
        """Return what the player sees now, a new array (H, W, 3) u8."""
        if self._frame is None:
            self.draw()
        assert self._frame is not None
        return self._frame.copy()

    def draw(self) -> None:
        """Draw the world as it is now; `picture` and labels then show it."""
        self._frame = picture(self.state, self.view, self.hud)


SETTINGS = tuple(signature(VoxelEnv.__init__).parameters)[1:]  # what makes an env, by name
