"""Training a captioner: it learns what pictures show, is resumable, and `worldsim caption` writes what it says."""

import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from networks import tiny_tokenizer
from training_runs import FIT, record_counter, tokenizer_run, train
from worldsim.cli import main
from worldsim.data.captions import FILE as CAPTIONS
from worldsim.data.captions import write_rewritten
from worldsim.data.episodes import Caption, Dataset
from worldsim.model.captioner import Captioner, CaptionerConfig
from worldsim.model.language import SIGNS, Language, load_language
from worldsim.model.tensors import read_tensors
from worldsim.model.text import Vocabulary
from worldsim.training.captioner import CaptionerObjective, TrainCaptioner, caption_batches, train_captioner
from worldsim.training.latents import LatentEpisode, encode_dataset
from worldsim.training.loop import FitConfig, TrainingError, fit

MODEL = CaptionerConfig(channels=3, frames=2, width=32, looks=1, writes=1, longest=16)
PLACES = ("desert", "forest", "sea")


def placed(seed: int, size: int = 4) -> LatentEpisode:
    """Four stretches of 16 rows, each of one place, which a channel of its latents shows among noise."""
    rng = np.random.default_rng(seed)
    places = rng.integers(3, size=4)
    latents = 0.3 * rng.standard_normal((64, 3, size, size))
    latents[np.arange(64), places.repeat(16)] += 1
    captions = tuple(
        Caption(16 * k, 16 * k + 16, f"a {PLACES[p]}", f"here is a {PLACES[p]} . the sky is blue")
        for k, p in enumerate(places)
    )
    rows = np.zeros((64, 1), np.float32)
    return LatentEpisode(latents.astype(np.float16), rows, rows, rows[:, 0], captions)


def learned(folder: Path) -> Language:
    episodes = [placed(seed) for seed in range(12)]
    texts = [text for e in episodes for c in e.captions for text in (c.short, c.detailed)]
    words = Vocabulary.collect(texts, SIGNS)
    model = replace(MODEL, words=len(words))
    config = TrainCaptioner("", (folder,), rows=16, model=model, fit=replace(FIT, seed=5))
    torch.manual_seed(0)
    network = Captioner(model)
    course = FitConfig(steps=60, warmup=5, muon_rate=5e-3, adam_rate=1e-2, average=0.9, compile=False, bf16=False)
    fitted = fit(
        CaptionerObjective(network, config.loss), lambda k: caption_batches(episodes, words, model, config, k),
        course, folder,
    )  # fmt: skip
    network.load_state_dict({name.removeprefix("captioner."): tensor for name, tensor in fitted.average.items()})
    return Language(network.eval(), words, "")


def test_it_says_what_new_pictures_show_and_finds_the_text_that_fits(tmp_path: Path) -> None:
    language, new = learned(tmp_path / "run"), placed(99)
    rows = [[8, 9], [24, 25], [40, 41], [56, 57]]
    moments = torch.from_numpy(new.latents[np.array(rows)].astype(np.float32))
    assert language.describe(moments) == [caption.short for caption in new.captions]
    assert language.describe(moments, "detailed") == [caption.detailed for caption in new.captions]
    for row, caption in enumerate(new.captions):
        scores = language.score(moments[row : row + 1].repeat(3, 1, 1, 1, 1), [f"a {place}" for place in PLACES])
        assert PLACES[int(scores.argmax())] in caption.short and scores.max() > 0.5 > 0 > np.sort(scores)[1]


def test_batches_depend_on_seed_and_number_alone_and_show_the_rows_of_their_captions() -> None:
    episodes = [placed(0), placed(1, size=8)]
    words = Vocabulary.collect([c.detailed for e in episodes for c in e.captions], SIGNS)
    config = TrainCaptioner("", (Path("d"),), rows=8, detailed=0.5)
    model = replace(MODEL, words=len(words))
    first = list(islice(caption_batches(episodes, words, model, config), 12))
    later = list(islice(caption_batches(episodes, words, model, config, 7), 5))
    assert all(torch.equal(a.latents, b.latents) and torch.equal(a.words, b.words)
               for a, b in zip(first[7:], later, strict=True))  # fmt: skip
    assert {(batch.latents.shape[0], batch.latents.shape[-1]) for batch in first} == {(8, 4), (2, 8)}
    begins = {words.words[int(batch.words[0, 0])] for batch in first}
    assert begins == {"[short]", "[detailed]"}
    for batch in first:
        for moment, line in zip(batch.latents, batch.words, strict=True):
            said = [words.words[int(number)] for number in line if number]
            place = PLACES[int(moment.mean((0, 2, 3)).argmax())]
            assert place in said and said[-1] == "[end]"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Data of the counter world, a tokenizer's checkpoint, and the file of a captioner that hardly learned."""
    folder = tmp_path_factory.mktemp("captioner")
    data = record_counter(folder / "data")
    tokenizer = train(tokenizer_run(data, folder / "tokenizer"))
    return data, tokenizer, train_captioner(the_run(data, tokenizer, folder / "whole"))


def the_run(data: Path, tokenizer: Path, out: Path, **changes: object) -> TrainCaptioner:
    return replace(TrainCaptioner(str(tokenizer), (data,), out, rows=4, model=MODEL, fit=FIT, heldout=0.0), **changes)


def test_a_run_in_two_pieces_ends_with_the_weights_of_one(trained: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data, tokenizer, whole = trained
    run = the_run(data, tokenizer, tmp_path / "run")
    train_captioner(replace(run, fit=replace(FIT, minutes=1e-9)))
    pieces = read_tensors(train_captioner(replace(run, resume=True)))
    assert all(torch.equal(tensor, pieces[name]) for name, tensor in read_tensors(whole).items())
    assert load_language(whole).training["steps"] == FIT.steps and ("count 8", "the counter stands at 8") in (
        load_language(whole).pairs
    )


def test_a_run_goes_on_with_the_tokenizer_it_began_with(trained: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data, tokenizer, _ = trained
    run = the_run(data, tokenizer, tmp_path / "run")
    train_captioner(replace(run, fit=replace(FIT, minutes=1e-9)))
    other = train(tokenizer_run(data, tmp_path / "other", steps=1))
    with pytest.raises(TrainingError, match="trained with tokenizer other than these"):
        train_captioner(replace(run, tokenizer=str(other), resume=True))


def test_data_without_captions_teach_nothing(trained: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data, tokenizer, _ = trained
    bare = without_captions(data, tmp_path / "bare")
    with pytest.raises(TrainingError, match="has a caption"):
        train_captioner(the_run(bare, tokenizer, tmp_path / "run"))


def without_captions(data: Path, folder: Path) -> Path:
    shutil.copytree(data, folder, ignore=shutil.ignore_patterns("latents-*"))
    files = [entry.file for entry in Dataset.open(folder).entries]
    write_rewritten(folder, dict.fromkeys(files, ()), "test")
    return folder


def test_recordings_get_captions_once_and_the_recorded_ones_are_never_lost(
    trained: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, tokenizer, file = trained
    folder = without_captions(data, tmp_path / "bare")
    words = ["caption", str(folder), "--checkpoint", str(tokenizer), "--captioner", str(file)]
    main(words)
    assert "captions for 3 of 3 episodes" in capsys.readouterr().out
    new = Dataset.open(folder)
    assert [(c.start, c.end) for c in new.read(0).captions] == [(0, 16), (16, 31)]
    stored = (folder / CAPTIONS).read_bytes()
    main(words)
    assert "nothing was written" in capsys.readouterr().out and (folder / CAPTIONS).read_bytes() == stored
    main([*words, "--overwrite"])
    assert "captions for 3 of 3 episodes" in capsys.readouterr().out
    latents = encode_dataset(Dataset.open(folder), tiny_tokenizer())
    assert latents[1].captions == Dataset.open(folder).read(1).captions, "training reads the new ones"
    (folder / CAPTIONS).unlink()
    assert Dataset.open(folder).read(0).captions == Dataset.open(data).read(0).captions


def test_captions_need_a_captioner_of_the_same_tokenizer(
    trained: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data, tokenizer, _ = trained
    with pytest.raises(SystemExit, match="2"):
        main(["caption", str(data), "--checkpoint", str(tokenizer)])
    assert "worldsim train captioner" in capsys.readouterr().err
