"""Weights from files: read without running code, and put into a network whole or not at all."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from overread.errors import ConfigError
from overread.models.module_pickle import read_module_pickle

_PREFIXES = ("module.", "model.", "backbone.", "encoder.", "base_encoder.", "encoder_q.", "teacher.", "student.")
"""What checkpoints put before the names of an encoder's weights, in any order and more than once."""
_WRAPPERS = ("state_dict", "model_state_dict", "model", "teacher", "student", "network", "net")
"""Under which checkpoints keep the weights beside an optimiser's state, an epoch and the like."""
_COUNTER = "num_batches_tracked"
"""Batch normalisation's counter: some files lack it, and a prediction does not look at it."""


def read_weights(path: Path) -> tuple[dict[str, Tensor], bool]:
    """The tensors of a file by name, and whether their order is that of the network that they were saved from.

    path: .safetensors, or a state dict, a checkpoint around one, or a whole network saved with torch.save; no code of
    the file is run. Raises ConfigError.
    """
    if not path.is_file():
        raise ConfigError(f"--encoder {path}: no such file")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path), False
        except SafetensorError as error:
            raise ConfigError(f"--encoder {path}: is not a safetensors file ({error})") from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle's, zipfile's and its own errors, from file to file another
        found = read_module_pickle(path)
        if found is None:
            raise ConfigError(
                f"--encoder {path}: cannot be read as weights alone ({type(error).__name__}); save the network's "
                "state_dict() with torch.save, or as .safetensors"
            ) from error
    while isinstance(found, Mapping) and (inner := [w for w in _WRAPPERS if isinstance(found.get(w), Mapping)]):
        found = found[inner[0]]
    named = found.items() if isinstance(found, Mapping) else ()
    tensors = {k: v for k, v in named if isinstance(k, str) and isinstance(v, Tensor)}
    if not tensors:
        raise ConfigError(f"--encoder {path}: contains no state dict; save the network's state_dict() with torch.save")
    return tensors, True


def load_weights(
    module: nn.Module, state: dict[str, Tensor], *, path: Path, name: str, has_order: bool = False, hint: str = ""
) -> tuple[str, ...]:
    """Put a file's weights into an encoder without its head; returns notes for the user.

    state: as `read_weights` gives it; tensors are matched by name, prefixes such as "module." aside, and else, with
    has_order, by order, shape and the last part of the name. name, hint: for the message. Raises ConfigError unless
    every tensor of the encoder is there, in its shape and finite.
    """
    wanted = {key: tensor for key, tensor in module.state_dict().items() if not key.endswith(_COUNTER)}
    candidates = [
        {key: tensor for key, tensor in candidate.items() if not key.endswith(_COUNTER)}
        for candidate in _unwrapped(state)
    ]

    def num_fitting(candidate: dict[str, Tensor]) -> int:
        return sum(key in candidate and candidate[key].shape == tensor.shape for key, tensor in wanted.items())

    nearest = max(candidates, key=num_fitting)
    best: dict[str, Tensor] | None = nearest
    notes: tuple[str, ...] = ()
    if num_fitting(nearest) < len(wanted):
        best = next(filter(None, (_by_order(wanted, c) for c in candidates)), None) if has_order else None
        notes = ("the weights were matched by their order and shapes, since the file names them otherwise",)
    if best is None:
        key = next(k for k, tensor in wanted.items() if k not in nearest or nearest[k].shape != tensor.shape)
        found = f"is {tuple(nearest[key].shape)} in the file" if key in nearest else "is not in the file"
        raise ConfigError(
            f"--encoder {path}: {num_fitting(nearest)} of the {len(wanted)} tensors of {name} are in it; "
            f"{key} {tuple(wanted[key].shape)} {found}{hint and f'; {hint}'}"
        )
    loaded = {key: best[key] for key in wanted}
    if any(tensor.is_meta or tensor.is_complex() for tensor in loaded.values()):
        raise ConfigError(f"--encoder {path}: holds tensors without values, or complex ones; use another file")
    if not all(torch.isfinite(tensor).all() for tensor in loaded.values() if tensor.is_floating_point()):
        raise ConfigError(f"--encoder {path}: holds values that are not finite numbers; use another file")
    module.load_state_dict(loaded, strict=False)
    return notes


def _unwrapped(state: dict[str, Tensor], depth: int = 3) -> Iterator[dict[str, Tensor]]:
    """The tensors as they are named, and those under each prefix without it, to a depth of three prefixes."""
    yield state
    for prefix in _PREFIXES if depth else ():
        inner = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        if inner:
            yield from _unwrapped(inner, depth - 1)


def _by_order(wanted: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """A file's tensors under the encoder's names, the first for the first; None where one doesn't fit its place.

    What the file has beyond the encoder's last is its head.
    """
    if len(state) < len(wanted):
        return None
    pairs = list(zip(wanted.items(), state.items(), strict=False))
    fits = all(
        tensor.shape == other.shape and key.rsplit(".", 1)[-1] == other_key.rsplit(".", 1)[-1]
        for (key, tensor), (other_key, other) in pairs
    )
    return {key: other for (key, _), (_, other) in pairs} if fits else None
