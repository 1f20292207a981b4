"""A world whose prompts an encoder of `transformers` itself reads, in an environment that has it, and without it."""

import os
import subprocess
from pathlib import Path

import pytest

from environments import environment

pytestmark = pytest.mark.slow
ENCODERS = """
import sys
from pathlib import Path
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, CLIPConfig, CLIPModel, PreTrainedTokenizerFast, T5Config
from transformers import T5EncoderModel, T5ForConditionalGeneration

root = Path(sys.argv[1])
torch.manual_seed(0)
words = ["<pad>", "</s>", "<unk>", *"the counter stands at count snow hills".split()]
numbers = {word: i for i, word in enumerate(words)}
numbers |= {str(i): len(numbers) + i for i in range(40)}
split = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
split.pre_tokenizer = pre_tokenizers.Whitespace()
split.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
signs = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
tokenizer = PreTrainedTokenizerFast(tokenizer_object=split, **signs)
small = {"vocab_size": len(numbers), "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
small |= {"intermediate_size": 32, "max_position_embeddings": 16}
t5 = T5Config(
    vocab_size=len(numbers), d_model=32, d_kv=16, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0
)
pictures = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
pictures |= {"image_size": 32, "patch_size": 16}
made = {
    "t5": T5EncoderModel(t5),
    "whole-t5": T5ForConditionalGeneration(t5),
    "bert": BertModel(BertConfig(**small)),
    "clip": CLIPModel(CLIPConfig(text_config=small | {"eos_token_id": 1}, vision_config=pictures, projection_dim=16)),
}
for name, network in made.items():
    network.save_pretrained(root / name)
    tokenizer.save_pretrained(root / name)
torch.save(made["clip"].state_dict(), root / "pytorch_model.bin")
"""
READ = """
import sys
from pathlib import Path
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from worldsim.model.frozen import EncoderError, load_encoder

root = Path(sys.argv[1])
torch.manual_seed(1)
before = torch.get_rng_state()
for name in ("t5", "whole-t5", "bert", "clip"):
    encoder = load_encoder(str(root / name))
    states, present = encoder.table(["the counter stands at 3", "", "snow"], 16)
    assert states.shape == (3, 16, 32) and present.sum(1).tolist() == [6, 0, 2], (name, states.shape, present.sum(1))
    assert states[0].float().std() > 0 and not torch.equal(states[0, :2], states[2, :2])
    assert type(encoder.network).__name__ in ("T5EncoderModel", "BertModel", "CLIPTextModel"), encoder.network
    network = type(encoder.network).from_pretrained(root / name) if name != "clip" else (
        transformers.CLIPModel.from_pretrained(root / name).text_model)
    ids = torch.tensor([encoder.encode("the counter stands at 3", 16)])
    whole = network.eval()(input_ids=ids).last_hidden_state[0]
    assert (states[0, :6].float() - whole).abs().max() < 0.02, name
    assert encoder.longest == (encoder.tokenizer.model_max_length if "t5" in name else 16)
    if name == "t5":
        assert torch.equal(torch.get_rng_state(), before)
one = load_encoder(str(root / "t5")).card.fingerprint
load_encoder.cache_clear()
assert load_encoder(str(root / "t5")).card.fingerprint == one
weights = load_file(root / "bert" / "model.safetensors")
weights.pop(max(name for name in weights if "pooler" not in name))
save_file(weights, root / "bert" / "model.safetensors", {"format": "pt"})
(root / "clip" / "model.safetensors").unlink()
(root / "pytorch_model.bin").rename(root / "clip" / "pytorch_model.bin")
load_encoder.cache_clear()
for name, reason in (("bert", "lacks weights: "), ("clip", "safetensors"), ("nobody/none", "an id on the hub")):
    with pytest.raises(EncoderError, match=reason):
        load_encoder(str(root / name) if "/" not in name else name)
"""
TRAIN = """
import sys
from pathlib import Path
import numpy as np
import counter
from training_runs import dynamics_run, record_counter, tokenizer_run, train
from dataclasses import replace
from worldsim import World, verbs
from worldsim.model.tensors import read_tensors

root = Path(sys.argv[1])
data = record_counter(root / "data")
tokenizer = train(tokenizer_run(data, root / "tokenizer", steps=2))
run = replace(dynamics_run(data, tokenizer, root / "run", steps=20, adam_rate=0.05), text_encoder=str(root / "t5"))
made = train(replace(run, model=replace(run.model, text=replace(run.model.text, longest=16))))
assert "text.out.weight" in (names := read_tensors(made / "dynamics.safetensors")) and "text.embed" not in names
world = World.from_pretrained(made)
assert world.card.encoder.name == str(root / "t5") and world.card.encoder.hidden == 32
clips = [verbs.generate(world, text, frames=4, seeds=3) for text in ("the counter stands at 3", "snow", "snow", "")]
assert not np.array_equal(clips[0].frames, clips[1].frames), "prompts make a difference"
assert np.array_equal(clips[1].frames, clips[2].frames) and not np.array_equal(clips[1].frames, clips[3].frames)
"""
WITHOUT = """
import sys
import pytest
from worldsim import World
from worldsim.model.frozen import EncoderError

with pytest.raises(EncoderError, match="which is not installed here; pip install transformers sentencepiece"):
    World.from_pretrained(sys.argv[1])
"""


def test_encoders_of_transformers_read_the_prompts_of_a_world(tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", "transformers", "regex")

    def run(code: str, folder: Path, interpreter: Path | str = python) -> None:
        given = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
        words = [interpreter, "-c", code, str(folder)]
        done = subprocess.run(words, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]

    run(ENCODERS, tmp_path)
    run(READ, tmp_path)
    run(TRAIN, tmp_path)
    bare = environment(tmp_path / "bare")
    if subprocess.run([bare, "-c", "import transformers"], capture_output=True, check=False).returncode:
        run(WITHOUT, tmp_path / "run" / "checkpoint", bare)
