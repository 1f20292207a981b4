"""The game loop without a window: keys in, frames, messages, films and episodes out."""

import warnings
from contextlib import closing
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import counter
from fakes import CounterWorld
from tiny import KWARGS, save_tiny_checkpoint
from worldsim.actions import ActionSpec
from worldsim.data.episodes import Dataset
from worldsim.model.calibration import Calibration, EventScore
from worldsim.model.prompts import UnknownWords
from worldsim.play.controls import Controls
from worldsim.play.games import LearnedGame, PlayError, TrueGame
from worldsim.play.headless import play_headless
from worldsim.play.run import Play, open_session
from worldsim.play.session import Session
from worldsim.sampling.world import WorldError
from worldsim.video import read_mp4, read_png
from worldsim_envs.learned import LearnedEnv

TRUE_ID = "test/Counter-v0"


@pytest.fixture(autouse=True)
def counter_env():
    """A 'true' env with the same counter inside, so that both worlds can be told apart by their noise only."""
    gym.register(TRUE_ID, entry_point=lambda **kwargs: LearnedEnv(CounterWorld(1, **kwargs)))
    yield
    del gym.registry[TRUE_ID]


def session(tmp_path: Path, world: str = "true", end_at: int = 1000, **kwargs) -> Session:
    games = {"true": TrueGame.open(TRUE_ID, {"end_at": end_at}), "learned": LearnedGame(CounterWorld(1, end_at=end_at))}
    return Session(games, world, folder=tmp_path, **kwargs)


def shown(session: Session) -> list[int]:
    """The count, the action and the length of the prompt that the frame shows."""
    return session.frame[0, :3, 0].tolist()


@pytest.mark.parametrize(("f1", "ends"), [(0.49, False), (0.5, True)])
def test_an_episode_ends_at_the_calibrated_threshold_as_in_the_learned_env(f1: float, ends: bool) -> None:
    world = CounterWorld(1)  # whose ends have a probability of 0.1
    world.calibration = Calibration({"end": EventScore(0.05, f1=f1)})
    game = LearnedGame(world)
    game.reset(0)
    assert game.step(np.float32([1, 0])).terminated is ends


def test_return_types_a_prompt_but_where_an_action_is_named_by_it(tmp_path: Path) -> None:
    play = session(tmp_path)
    play.press("return")
    assert play.typing == ""
    names = ("left", "right", "toggle")
    play = session(tmp_path)
    play.controls = Controls(ActionSpec(gym.spaces.Discrete(3), names, np.eye(3, dtype=np.float32), meanings=names))
    play.press("return")
    assert play.typing is None and play.controls.vector(play.held).tolist() == [0, 0, 1]


def test_each_tick_shows_the_action_of_the_keys_held_then(tmp_path: Path) -> None:
    for world in ("true", "learned"):
        play = session(tmp_path, world)
        assert play.frame[0, 0, 0] == 0
        play.press("w")
        play.tick()
        assert shown(play)[:2] == [1, 10] and play.action == "forward"
        play.release("w")
        play.tick()
        assert shown(play)[:2] == [2, 0] and play.action == "nothing"


def test_the_learned_world_takes_keys_together_and_the_true_one_the_nearest_action(tmp_path: Path) -> None:
    play = session(tmp_path, "learned")
    play.press("w")
    play.press("s")
    play.tick()
    assert shown(play)[1] == 30  # both fields at once
    play.switch()
    play.tick()
    assert shown(play)[1] in (10, 20)


def test_the_learned_world_goes_on_from_the_true_ones_last_frames_and_the_true_one_resumes(tmp_path: Path) -> None:
    play = session(tmp_path)
    for _ in range(6):
        play.tick()
    truth = play.frame.copy()
    play.press("tab")
    assert play.world == "learned" and np.array_equal(play.frame, truth)
    for _ in range(3):
        play.tick()
    assert shown(play)[0] == 9
    play.press("tab")
    assert play.world == "true" and np.array_equal(play.frame, truth)
    play.tick()
    assert shown(play)[0] == 7


def test_switching_gives_the_learned_world_frames_and_the_actions_that_led_to_them(tmp_path: Path) -> None:
    play = session(tmp_path)
    seen = {}
    go_on = play.games["learned"].go_on
    play.games["learned"].go_on = lambda *given: seen.update(frames=given[0], vectors=given[1]) or go_on(*given)
    for key in ("w", "s", "w", "s", "w", "s"):
        play.release_all()
        play.press(key)
        play.tick()
    play.switch()
    assert seen["frames"][:, 0, 0, 0].tolist() == [3, 4, 5, 6]  # the window of the world
    assert seen["vectors"].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_a_typed_prompt_steers_and_typing_neither_walks_nor_quits(tmp_path: Path) -> None:
    play = session(tmp_path, "learned")
    play.press("w")
    play.press("t")
    play.write("deserts")
    play.press("backspace")
    play.press("r")
    assert play.typing == "desert"
    play.tick()
    assert shown(play) == [1, 0, 0]  # the world goes on, but w does not count
    play.press("return")
    assert play.typing is None and play.prompt == "desert"
    play.tick()
    assert shown(play) == [2, 10, 6]
    play.press("return")
    play.write("x")
    play.press("escape")
    assert play.typing is None and play.prompt == "desert" and play.running


def test_a_prompt_stays_when_the_learned_world_is_left_and_entered_again(tmp_path: Path) -> None:
    play = session(tmp_path, "learned")
    play.set_prompt("desert")
    play.press("tab")
    play.press("tab")
    play.tick()
    assert shown(play)[2] == 6


def test_the_true_world_says_that_it_takes_no_prompts(tmp_path: Path) -> None:
    play = session(tmp_path)
    play.set_prompt("snow")
    assert "takes no prompts" in play.message and play.prompt == ""


def test_words_that_the_model_does_not_know_are_told_and_the_others_steer(checkpoint: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownWords)  # the HUD tells it too, each time
        with closing(open_session(Play(checkpoint, prompt="a Dragon at night", out=tmp_path))) as play:
            assert play.message.startswith("the word 'Dragon' of the prompt does not occur"), "also of the first prompt"
            play.set_prompt("a desert")
            assert play.message == ""
            for _ in range(2):  # not only once
                play.set_prompt("zebras in a castle, at night!")
                assert "the words 'zebras', 'in', 'castle' of the prompt do not" in play.message
            assert play.prompt.startswith("zebras")
            play.set_prompt("a desert!")
            assert play.message == "", "signs go without a word"


def test_a_new_episode_begins_on_r_and_after_an_end_with_another_seed(tmp_path: Path) -> None:
    play = session(tmp_path, "learned", end_at=2)
    first = play.frame.copy()
    play.press("r")
    assert not np.array_equal(play.frame, first) and shown(play)[0] == 0
    play.tick()
    play.tick()
    assert shown(play)[0] == 2
    play.tick()
    assert shown(play)[0] == 0 and "new" in play.message


def test_a_recording_is_a_film_and_episodes_that_open_as_datasets(tmp_path: Path) -> None:
    play = session(tmp_path)
    play.tick()
    play.press("f5")
    play.press("w")
    for _ in range(3):
        play.tick()
    play.press("tab")
    play.tick()
    play.press("f5")
    film, fps = read_mp4(tmp_path / "play-001" / "film.mp4")
    assert len(film) == 6 and fps == 10
    true, learned = (Dataset.open(tmp_path / "play-001" / world) for world in ("true", "learned"))
    assert (true.info.env_id, learned.info.env_id) == (TRUE_ID, "worldsim/Learned-v0")
    episode = true.read(0)
    assert episode.frames[:, 0, 0, 0].tolist() == [1, 2, 3, 4]
    assert episode.actions.tolist() == [[0, 0], [1, 0], [1, 0], [1, 0]]
    assert episode.events[:, 0].tolist() == [0, 2, 3, 4]
    assert learned.read(0).frames[:, 0, 0, 0].tolist() == [4, 5]


def test_quitting_writes_what_is_being_recorded_and_recordings_never_overwrite(tmp_path: Path) -> None:
    for number in (1, 2):
        play = session(tmp_path, "learned")
        play.press("f5")
        play.tick()
        play.press("r")
        play.tick()
        play.press("escape")
        assert not play.running
        assert [entry.length for entry in Dataset.open(tmp_path / f"play-00{number}" / "learned").entries] == [2, 2]


def test_help_is_shown_and_hidden(tmp_path: Path) -> None:
    play = session(tmp_path)
    play.press("f1")
    assert play.helping
    play.press("f1")
    assert not play.helping


def test_a_world_alone_cannot_be_switched(tmp_path: Path) -> None:
    play = Session({"true": TrueGame.open(TRUE_ID, {})}, "true", folder=tmp_path)
    play.switch()
    assert play.world == "true" and "only the true world" in play.message
    with pytest.raises(PlayError, match="world must be one of true, got 'learned'"):
        Session(play.games, "learned")


def test_the_learned_world_acts_by_itself_until_a_key_is_held(tmp_path: Path) -> None:
    play = session(tmp_path, "learned", auto=True)
    play.tick()
    assert shown(play)[:2] == [1, 20] and play.action == "by itself: back"
    play.press("w")
    play.tick()
    assert shown(play)[:2] == [2, 10] and play.action == "forward"
    play.release("w")
    play.press("f2")
    play.tick()
    assert shown(play)[:2] == [3, 0] and play.action == "nothing"
    play.press("f2")
    play.switch()
    play.tick()
    assert play.world == "true" and shown(play)[1] == 0, "the true world waits for the player"


def test_what_a_world_imagined_by_itself_is_recorded_as_its_actions(tmp_path: Path) -> None:
    play = session(tmp_path, "learned", auto=True)
    play.press("f5")
    for _ in range(3):
        play.tick()
    play.press("f5")
    episode = Dataset.open(tmp_path / "play-001" / "learned").read(0)
    assert episode.actions.tolist() == [[0, 0], [0, 1], [0, 1], [0, 1]]


def test_a_headless_run_of_a_world_that_acts_by_itself_shows_what_it_did(tmp_path: Path) -> None:
    play = session(tmp_path, "learned", auto=True)
    files, _ = play_headless(play, 6, tmp_path)
    assert play.world == "learned" and shown(play)[:2] == [6, 20] and len(read_mp4(files[0])[0]) == 7


def test_what_cannot_act_by_itself_is_told() -> None:
    for wrong in ({"world": "true"}, {"env": "CartPole-v1"}, {"prompt": "a forest"}):
        with pytest.raises(PlayError, match="--auto needs the learned world|give one prompt"):
            Play(auto="a desert", **wrong)


def test_a_headless_run_writes_a_film_and_a_picture_of_both_worlds(tmp_path: Path) -> None:
    play = session(tmp_path)
    files, speed = play_headless(play, 20, tmp_path)
    assert play.world == "learned" and speed > 0
    assert len(read_mp4(files[0])[0]) == 21
    assert read_png(files[1]).shape[0] > 8
    with pytest.raises(PlayError, match="steps must be at least 1"):
        play_headless(play, 0, tmp_path)


def test_any_env_with_pictures_is_a_game_and_others_are_named(tmp_path: Path) -> None:
    game = TrueGame.open("CartPole-v1", {})
    assert game.info.size == game.reset(0).frame.shape[:2]
    assert game.step(game.info.actions.encode(1)).events.tolist() == [1.0]
    with pytest.raises(PlayError, match="cannot make the env 'Nowhere-v0'"):
        TrueGame.open("Nowhere-v0", {})
    with pytest.raises(PlayError, match="one row, got 2"):
        LearnedGame(CounterWorld(2))


def test_an_env_with_cameras_fields_but_no_vector_of_its_own_is_played_by_its_nearest_action() -> None:
    class Camera(counter.CounterEnv):
        action_names = ("cameraX", "cameraY")
        action_vectors = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)

    gym.register("test/Camera-v0", entry_point=Camera)
    try:
        game = TrueGame.open("test/Camera-v0", {})
        assert counter.read_actions(game.step(np.array([0.1, 0.8], np.float32)).frame) == 3
        Camera.action_vector = lambda self, action: None  # now it promises a Dict space of keys and camera
        with pytest.raises(PlayError, match="cannot make the env 'test/Camera-v0' with .*'action_space'"):
            TrueGame.open("test/Camera-v0", {})
    finally:
        del gym.registry["test/Camera-v0"]


def test_a_game_whose_env_withholds_its_events_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    game = TrueGame.open(counter.ID, {})
    monkeypatch.setattr(counter.CounterEnv, "step", lambda self, _: (self._observation(), 0.0, False, False, {}))
    with pytest.raises(PlayError, match=r"info\['events'\] of shape \(2,\)"):
        game.step(np.zeros(counter.ACTIONS, np.float32))


def test_closing_a_session_closes_its_envs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr(LearnedEnv, "close", lambda self: closed.append(self))
    session(tmp_path).close()
    assert len(closed) == 1


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("play") / "tiny"))


def test_play_at_another_size_begins_with_true_frames_of_that_size(checkpoint: str, tmp_path: Path) -> None:
    with closing(open_session(Play(checkpoint, size="48x80", out=tmp_path, seed=3))) as play:
        true = gym.make("worldsim/Voxel-v0", **{**KWARGS, "size": (48, 80)})
        seen = [true.reset(seed=3)[0], *(true.step(0)[0] for _ in range(5))]
        assert np.array_equal(play.frame, seen[-1])
        play.tick()
        assert play.frame.shape == (48, 80, 3) and (play.frame != seen[-1]).any()
        play.switch()
        begun = true.reset(seed=play.seed)[0]
        assert play.world == "true" and np.array_equal(play.frame, begun), "the player's true world is one of its own"
        files, _ = play_headless(play, 4, tmp_path)
        assert read_mp4(files[0])[0].shape[1:3] == (48 * 4, 80 * 4)
    with closing(open_session(Play(checkpoint, size="48x80", prompt="a desert", out=tmp_path, seed=3))) as play:
        assert (play.frame != seen[-1]).mean() > 0.9, "a prompt begins from noise"


def test_a_size_that_play_cannot_have_is_told(checkpoint: str) -> None:
    with pytest.raises(WorldError, match="steps of 16 pixels"):
        open_session(Play(checkpoint, size="50x80"))
    with pytest.raises(WorldError, match="HEIGHTxWIDTH"):
        Play(checkpoint, size="large")
    with pytest.raises(PlayError, match="--size is of a learned world"):
        Play(env="CartPole-v1", size="48x80")


def test_an_opening_stops_before_the_true_episode_ends() -> None:
    ends = TrueGame.open(TRUE_ID, {"end_at": 3})
    frames, vectors = LearnedGame(CounterWorld(1), lambda: ends)._opened(0)
    assert frames[:, 0, 0, 0].tolist() == [0, 1, 2] and vectors.tolist() == [[0, 0]] * 3
