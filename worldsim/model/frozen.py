"""Text encoders of others: what `transformers` can load, frozen, in the place of a vocabulary.

Such an encoder reads every word. Its hidden states go into a dynamics network in place of word numbers; the network
projects them (`text.Projection`). A checkpoint holds no weights of it, only an `EncoderCard` that says which it was.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from worldsim.model.card import CheckpointError, WorldCard
from worldsim.model.text import PAD, UNKNOWN, EncoderCard, PromptError, PromptReader, TextConfig, Vocabulary

__all__ = ["EncoderError", "FrozenEncoder", "load_encoder", "prompt_reader"]

REMEMBERED = 2**30  # bytes of texts that were read: captions come again and again


class EncoderError(CheckpointError):
    """A text encoder that is not here, cannot be read, or is not the one that a checkpoint was trained with."""


class FrozenEncoder:
    """Text → hidden states of an encoder that nobody trains; a `PromptReader` like `Vocabulary`.

    Each text is read by itself and without padding, so that what it becomes depends on no other.

    Args:
        name, revision: what the card says of it.
        tokenizer: text → `input_ids`.
        network: `input_ids` and `attention_mask` i64 (1, L) → `last_hidden_state` (1, L, hidden).
        longest: most tokens that it takes.
        remembered: bytes of what was read that are kept; what was not asked for longest goes first.

    Raises:
        EncoderError: a network that reads no text.
    """

    words: Sequence[str] = (PAD, UNKNOWN)  # with rows of their own in the network: none

    def __init__(
        self, name: str, revision: str, tokenizer: Callable[..., Any], network: nn.Module, longest: int,
        remembered: int = REMEMBERED,
    ) -> None:  # fmt: skip
        self.tokenizer, self.network = tokenizer, network.float().eval().requires_grad_(False)
        self.longest, self.remembered = longest, remembered
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()  # neither tokenizers nor what is kept bear two threads
        try:
            hidden = self._states(self._numbers("a world")[:longest]).shape[1]
        except Exception as error:  # a network of pictures or sounds fails in ways of its own
            told = f"{name} is no text encoder: it gives no last_hidden_state for a text ({error})"
            raise EncoderError(told) from error
        self.card = EncoderCard(name, revision, _fingerprint(tokenizer, network), hidden)

    def fit(self, config: TextConfig) -> TextConfig:
        """Sizes of the part that is trained beside it."""
        return TextConfig(config.width, 0, min(config.longest, self.longest), self.card.hidden)

    def encode(self, text: str, longest: int) -> list[int]:
        """Token numbers of a text; none of an empty one. Raises `PromptError` for more than `longest`."""
        with self._lock:
            numbers = self._numbers(text)
        if len(numbers) > longest:
            raise PromptError(
                f"a prompt has at most {longest} tokens of {self.card.name}, got {len(numbers)}: {text[:60]!r} …; "
                "shorten it"
            )
        return numbers

    def table(self, texts: Sequence[str], longest: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states bf16 (N, longest, hidden) of N texts, padded, and which of them are tokens, bool (N, longest).

        Raises:
            PromptError: a text of more than `longest` tokens.
        """
        states = torch.zeros(len(texts), longest, self.card.hidden, dtype=torch.bfloat16)
        present = torch.zeros(len(texts), longest, dtype=torch.bool)
        for row, text in enumerate(texts):
            found = self._read(text, longest)
            states[row, : len(found)] = found
            present[row, : len(found)] = True
        return states, present

    def known(self, text: str) -> str:
        """The text: nothing of it is left out."""
        return text

    def unknown(self, text: str) -> list[str]:
        """No word."""
        return []

    def _read(self, text: str, longest: int) -> torch.Tensor:
        """Hidden states bf16 (L, hidden) of a text, from what is kept or anew."""
        with self._lock:
            found = self._kept.get(text)
            if found is not None and len(found) <= longest:
                self._kept.move_to_end(text)
                return found
        numbers = self.encode(text, longest)
        with self._lock:
            found = self._states(numbers) if numbers else torch.zeros(0, self.card.hidden)
            found = found.to("cpu", torch.bfloat16)
            if text not in self._kept:
                self._kept[text] = found
                self._size += found.nbytes
            while self._size > self.remembered and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].nbytes
        return found

    def _numbers(self, text: str) -> list[int]:
        return list(self.tokenizer(text, verbose=False).input_ids) if text.strip() else []

    @torch.no_grad()
    def _states(self, numbers: list[int]) -> torch.Tensor:
        device = next(self.network.parameters()).device
        ids = torch.tensor([numbers], device=device)
        with torch.autocast(device.type, enabled=False):
            return self.network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]


@lru_cache(maxsize=4)
def load_encoder(name: str, revision: str = "", device: str = "cpu") -> FrozenEncoder:
    """A text encoder of `transformers`, from a folder that `save_pretrained` wrote or from the hub.

    Weights are read from safetensors only, and no code that comes with them is run. Of an encoder and a decoder, or of
    a pair that reads texts and pictures, it is the part that reads texts. It is kept for later calls.

    Raises:
        EncoderError: transformers is not installed, or there is no such encoder.
    """
    try:
        import transformers  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise EncoderError(
            f"the text encoder {name!r} is one of transformers, which is not installed here; "
            "pip install transformers sentencepiece"
        ) from error
    place = Path(name).expanduser()
    name = str(place.resolve()) if place.is_dir() else name
    try:
        with torch.random.fork_rng(devices=[]):  # networks are made with random weights before theirs are read
            revision = revision or _revision(transformers, name)
            tokenizer, network = _open(transformers, name, {"revision": revision} if revision else {})
    except EncoderError:
        raise
    except Exception as error:  # transformers, the hub and safetensors raise whatever they like
        told = " ".join(str(error).split())[:300]
        more = "" if find_spec("sentencepiece") else "; T5's kind of tokens needs pip install sentencepiece as well"
        raise EncoderError(
            f"cannot read the text encoder {name!r}: {told}; give a folder that save_pretrained wrote, or an id on "
            f"the hub, of a text encoder whose weights are safetensors{more}"
        ) from error
    places = getattr(network.config, "max_position_embeddings", None) or tokenizer.model_max_length  # T5 has none
    return FrozenEncoder(name, revision, tokenizer, network.to(device), int(min(places, tokenizer.model_max_length)))


def prompt_reader(card: WorldCard, device: str = "cpu") -> PromptReader:
    """What reads prompts for a world: its vocabulary, or the encoder that it was trained with.

    Raises:
        EncoderError: transformers is not installed, the encoder is not here, or has other weights.
    """
    wanted = card.encoder
    if wanted is None:
        return Vocabulary(card.vocabulary)
    found = load_encoder(wanted.name, wanted.revision, device)
    if (found.card.fingerprint, found.card.hidden) != (wanted.fingerprint, wanted.hidden):
        raise EncoderError(
            f"{card.name} was trained with the text encoder {wanted.name!r} of fingerprint {wanted.fingerprint}, and "
            f"the one here has {found.card.fingerprint}; get the one it was trained with, and write its folder into "
            "card.json as encoder.name if that is another"
        )
    return found


def _revision(transformers: Any, name: str) -> str:
    """The commit that an id on the hub stands for at present; "" for a folder."""
    if Path(name).is_dir():
        return ""
    path = Path(transformers.utils.cached_file(name, "config.json"))  # …/snapshots/COMMIT/config.json
    return path.parent.name if path.parent.parent.name == "snapshots" else ""


def _open(transformers: Any, name: str, which: dict[str, str]) -> tuple[Any, nn.Module]:
    """Tokenizer and network. Raises `EncoderError` where weights are missing, which would be random ones otherwise."""
    safe = {**which, "trust_remote_code": False}
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, **safe)
    config = transformers.AutoConfig.from_pretrained(name, **safe)
    config = getattr(config, "text_config", config)  # of a pair that reads texts and pictures, such as CLIP
    encoders = transformers.MODEL_FOR_TEXT_ENCODING_MAPPING
    kind = transformers.AutoModelForTextEncoding if type(config) in encoders else transformers.AutoModel
    network, told = kind.from_pretrained(name, config=config, use_safetensors=True, output_loading_info=True, **safe)
    missing = sorted(key for key in told["missing_keys"] if "pooler" not in key)  # which is not asked for anything
    if missing:
        raise EncoderError(f"the text encoder {name!r} lacks weights: {', '.join(missing[:3])} …; get it again")
    return tokenizer, network.get_encoder() if network.config.is_encoder_decoder else network


def _fingerprint(tokenizer: Any, network: nn.Module) -> str:
    """A name for weights and tokens, whatever a version of transformers calls the weights and in which order."""
    parts = sorted(
        hashlib.blake2b(parameter.detach().cpu().contiguous().numpy().tobytes(), digest_size=16).hexdigest()
        for name, parameter in network.named_parameters()
        if "pooler" not in name
    )
    tokens = json.dumps(sorted(tokenizer.get_vocab().items()))
    return hashlib.blake2b("".join([*parts, tokens]).encode(), digest_size=6).hexdigest()
