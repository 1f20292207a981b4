"""As much of `transformers` as a text encoder needs, without a network or a file: what would be read is in `Hub`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest
import torch
from torch import nn

from worldsim.model.frozen import load_encoder

TOKENS = 50
END = 1


class FakeTokenizer:
    """Words → numbers, and a sign at the end."""

    model_max_length = int(1e30)

    def __call__(self, text: str, verbose: bool = True) -> Any:
        assert not verbose
        return SimpleNamespace(input_ids=[2 + crc32(word.encode()) % (TOKENS - 2) for word in text.split()] + [END])

    def get_vocab(self) -> dict[str, int]:
        return {f"word{number}": number for number in range(TOKENS)}


class FakeNetwork(nn.Module):
    """Token numbers → states, each of which knows those before it. `asked` holds what it was asked to read."""

    def __init__(self, seed: int = 0, hidden: int = 12, **config: Any) -> None:
        super().__init__()
        self.config = SimpleNamespace(is_encoder_decoder=False, **config)
        self.table = nn.Parameter(torch.randn(TOKENS, hidden, generator=torch.Generator().manual_seed(seed)))
        self.pooler = nn.Linear(hidden, hidden)  # random weights, of which nothing depends
        self.asked: list[list[int]] = []

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        assert len(input_ids) == 1 and attention_mask.all() and attention_mask.shape == input_ids.shape
        self.asked += input_ids.tolist()
        return SimpleNamespace(last_hidden_state=self.table[input_ids].cumsum(1))

    def get_encoder(self) -> nn.Module:
        raise AssertionError("it is an encoder already")


class Config:
    """Of a network that `AutoModel` makes."""

    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)


class TextConfig(Config):
    """Of a network that `AutoModelForTextEncoding` makes."""


@dataclass
class Hub:
    """What can be read: a config and a network by name; and what was asked for."""

    networks: dict[str, nn.Module] = field(default_factory=dict)
    configs: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ("pooler.weight",)
    commit: str = "c0ffee"
    read: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def add(self, name: str | Path, network: nn.Module, config: Any = None) -> str:
        self.networks[str(name)], self.configs[str(name)] = network, config or TextConfig()
        return str(name)

    def _find(self, kind: str, name: str, options: dict[str, Any]) -> str:
        self.read.append((kind, name, options))
        if name not in self.networks:
            raise OSError(f"{name} is not a local folder\nand is not a valid model identifier")
        return name

    def module(self) -> Any:
        """What `import transformers` gives."""

        def network(kind: str) -> Any:
            def read(name: str, output_loading_info: bool, **options: Any) -> Any:
                assert output_loading_info
                torch.randn(3)  # as networks are made before their weights are read
                return self.networks[self._find(kind, name, options)], {"missing_keys": set(self.missing)}

            return SimpleNamespace(from_pretrained=read)

        def config(name: str, **options: Any) -> Any:
            return self.configs[self._find("config", name, options)]

        def tokenizer(name: str, **options: Any) -> Any:
            self._find("tokenizer", name, options)
            return FakeTokenizer()

        def cached_file(name: str, file: str) -> str:
            self._find("file", name, {})
            return f"/cache/models/snapshots/{self.commit}/{file}"

        return SimpleNamespace(
            AutoTokenizer=SimpleNamespace(from_pretrained=tokenizer),
            AutoConfig=SimpleNamespace(from_pretrained=config), AutoModel=network("AutoModel"),
            AutoModelForTextEncoding=network("AutoModelForTextEncoding"),
            MODEL_FOR_TEXT_ENCODING_MAPPING={TextConfig: None}, utils=SimpleNamespace(cached_file=cached_file),
        )  # fmt: skip


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A hub with one encoder, "someone/small", as all that `transformers` can read."""
    found = Hub()
    found.add("someone/small", FakeNetwork())
    monkeypatch.setitem(sys.modules, "transformers", found.module())
    load_encoder.cache_clear()
    yield found
    load_encoder.cache_clear()
