"""Tensors by name: on disk as safetensors, into a network of the same shape, and into one whose world has grown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from worldsim.files import replacing_file
from worldsim.model.card import CheckpointError, WorldCard
from worldsim.model.dynamics import Dynamics

__all__ = [
    "continue_from", "half_weights", "load_weights", "network_fingerprint", "read_metadata", "read_tensors",
    "write_tensors",
]  # fmt: skip


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors, and metadata beside them, as safetensors."""
    with replacing_file(path) as temporary:
        save_file({key: value.contiguous() for key, value in tensors.items()}, temporary, dict(metadata or {}))


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file. Raises `CheckpointError` when it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}; get it again, or restore it from a backup") from error


def read_metadata(path: Path) -> dict[str, str]:
    """What `write_tensors` wrote beside the tensors of a file that `read_tensors` reads."""
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def half_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    """A network's state with its weights in bf16, as files hold them; buffers stay as they are."""
    parameters = dict(module.named_parameters())
    return {
        name: tensor.detach().to(torch.bfloat16) if name in parameters else tensor.detach()
        for name, tensor in module.state_dict().items()
    }


def network_fingerprint(network: nn.Module) -> str:
    """A name for a network's weights: other weights, another name."""
    digest = hashlib.blake2b(digest_size=6)
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_weights(module: nn.Module, tensors: Mapping[str, torch.Tensor], origin: str) -> None:
    """Copy tensors into a module, all of them, after checking each.

    Raises:
        CheckpointError: naming the first tensor that is missing, extra, misshapen or not finite.
    """
    own = module.state_dict()
    for name in own:
        if name not in tensors:
            raise CheckpointError(f"{origin}: tensor {name!r} {tuple(own[name].shape)} is missing")
    for name, tensor in tensors.items():
        if name not in own:
            raise CheckpointError(f"{origin}: tensor {name!r} {tuple(tensor.shape)} is not part of this network")
        if tensor.shape != own[name].shape:
            raise CheckpointError(
                f"{origin}: tensor {name!r} must be {tuple(own[name].shape)}, got {tuple(tensor.shape)}; "
                "do card.json and weights belong together?"
            )
        if not torch.isfinite(tensor).all():
            raise CheckpointError(
                f"{origin}: tensor {name!r} holds NaN or infinity; the file or its training is broken"
            )
    module.load_state_dict({name: tensor.to(own[name].dtype) for name, tensor in tensors.items()})


def continue_from(dynamics: Dynamics, card: WorldCard, old: Dynamics, old_card: WorldCard) -> list[str]:
    """Copy what was learned into a network of other words, events or actions; returns what started anew.

    Rows that belong to a word, its place, an event or an action field are matched by name, so that nothing learned is
    lost when the world grows. All other tensors are copied where their shapes agree, those that read a text only where
    both have the same encoder.
    """
    named = {
        "text.embed": (0, card.vocabulary, old_card.vocabulary),
        "text.place": (0, range(card.max_prompt_words), range(old_card.max_prompt_words)),
        "event_head.weight": (0, card.event_names, old_card.event_names),
        "event_head.bias": (0, card.event_names, old_card.event_names),
        "event_in.weight": (1, card.event_names, old_card.event_names),
        "action_in.weight": (1, card.action_spec.names, old_card.action_spec.names),
        "action_head.weight": (0, card.action_spec.names, old_card.action_spec.names),
        "action_head.bias": (0, card.action_spec.names, old_card.action_spec.names),
    }
    source, target, fresh = old.state_dict(), dynamics.state_dict(), []
    for name, tensor in target.items():
        learned = source.get(name)
        if name.startswith("text.") and card.encoder != old_card.encoder:
            learned = None  # of hidden states that mean something else
        if name in named and learned is not None:
            axis, new_names, old_names = named[name]
            rows, learned_rows = tensor.movedim(axis, 0), learned.movedim(axis, 0)
            places = {key: i for i, key in enumerate(old_names)}
            pairs = [(i, places[key]) for i, key in enumerate(new_names) if key in places]
            if pairs and rows.shape[1:] == learned_rows.shape[1:]:
                mine, theirs = (torch.tensor(side) for side in zip(*pairs, strict=True))
                rows[mine] = learned_rows[theirs]
                continue
        elif learned is not None and learned.shape == tensor.shape:
            tensor.copy_(learned)
            continue
        fresh.append(name)
    return fresh
