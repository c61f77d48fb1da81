"""Reads the tensors of a whole network that was saved with torch.save, without running any of its code.

Such a file names the classes of the network's parts and would import and build them. Here every name but those of
tensors stands for a part that only keeps what the file says of it; nothing is imported or called.
Format: torch.nn.Module.__setstate__ (_parameters, _buffers, _modules), torch.load's pickle_module.
"""

import pickle  # nosec B403 # its unpickler runs no code
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import torch
from torch import Tensor

_TENSORS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
}
_MAX_DEPTH = 50


class _Part:
    """What a name in the file stands for: it can be called, filled and changed, and does nothing."""

    dump_patches = False
    """Asked for by torch.load where the file carries a class's source text."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __new__(cls, *_: Any) -> "_Part":
        made = super().__new__(cls)
        made.state = {}
        return made

    def __call__(self, *_: Any) -> "_Part":
        return _Part()

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.state = state

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, value: Any) -> None: ...

    def extend(self, values: Any) -> None: ...


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _TENSORS.get((module, name), _Part)


def _load(file: IO[bytes], **options: Any) -> Any:
    return _Unpickler(file, **options).load()


def read_module_pickle(path: Path) -> dict[str, Tensor] | None:
    """The tensors of a network by name, as its state_dict() has them; None if the file is no such network."""
    reader = SimpleNamespace(Unpickler=_Unpickler, load=_load, __name__=__name__)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes whose source text is not at hand
            found = torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)  # nosec B614 # read by the unpickler of this file
    except Exception:  # damaged files raise nearly anything; the caller says what it met first
        return None
    tensors = dict(_tensors(found)) if isinstance(found, _Part) else {}
    return tensors or None


def _tensors(part: _Part, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    for kind in ("_parameters", "_buffers"):
        kept = part.state.get(kind)
        for name, value in kept.items() if isinstance(kept, dict) else ():
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value.detach()
    inner = part.state.get("_modules")
    for name, value in inner.items() if isinstance(inner, dict) and depth < _MAX_DEPTH else ():
        if isinstance(value, _Part):
            yield from _tensors(value, f"{prefix}{name}.", depth + 1)
