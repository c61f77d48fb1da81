"""A network run by OpenVINO on the CPU: converted from PyTorch once, then read from the user's cache.

With what is cached, neither timm nor the weights are loaded: importing timm alone takes seconds.
"""

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from overread.home import cache_folder
from overread.models.backbones import Backbone

_FORMAT = 1
"""Of what is cached; part of its folder's name."""
_INPUT = ("num_features", "size_px", "mean", "std", "interpolation")
_MODEL_FILE = "model.xml"
_INPUT_FILE = "input.json"


class OpenVinoNetwork(nn.Module):
    """A compiled network, called as a module of PyTorch would be.

    Shape: (B, 3, S, S) float32 on the CPU -> (B, D) float32.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        # In single precision everywhere: else a CPU with bf16 units would give other features than one without.
        hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": _num_cores()}
        self.compiled = _core().compile_model(model, "CPU", hints)

    def forward(self, images: Tensor) -> Tensor:
        return torch.from_numpy(self.compiled(images.contiguous().numpy())[0])


@cache
def has_openvino() -> bool:
    """Whether OpenVINO is installed, and runs on this machine."""
    try:
        return "CPU" in _core().available_devices
    except (ImportError, RuntimeError):  # RuntimeError: what its libraries raise where they find no plugin
        return False


def load_compiled(key: str, load: Callable[[], Backbone]) -> Backbone:
    """The backbone that `load` gives, run by OpenVINO: from the user's cache, else converted and put there.

    key: a name that stands for the network, its weights and its input.
    """
    folder = cache_folder() / f"{key}-openvino{metadata.version('openvino')}-{_FORMAT}"
    found = _read(folder)
    if found is None:
        backbone = load()
        model = _converted(backbone)
        found = replace(backbone, module=OpenVinoNetwork(model))
        with suppress(OSError, RuntimeError):  # a cache that can't be written costs time, and nothing else
            _save(folder, model, backbone)
    return found


def _read(folder: Path) -> Backbone | None:
    """What `_save` put there; None if there is nothing, or it is damaged."""
    try:
        said = json.loads((folder / _INPUT_FILE).read_text(encoding="utf-8"))
        said |= {name: tuple(said[name]) for name in ("mean", "std")}
        return Backbone(OpenVinoNetwork(_core().read_model(folder / _MODEL_FILE)), **said)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):  # the last: OpenVINO's, of any cause
        return None


@cache
def _core() -> Any:
    """The only one, which lives as long as the process.

    On a CPU with AMX units each gives the main thread a stack for its signals. With several of them the thread can be
    left with a stack that is gone, and the next Ctrl+C then ends the process where it would have been handled.
    """
    import openvino

    return openvino.Core()


def _converted(backbone: Backbone) -> Any:
    """OpenVINO's model of a backbone, for batches of any length."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    images = torch.zeros(2, 3, backbone.size_px, backbone.size_px)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # PyTorch asks for its own compilers instead of the trace
        traced = torch.jit.trace(backbone.module, images, check_trace=False)  # type: ignore[no-untyped-call]
        # openvino.convert_model does the same, and tells Intel of it where the user has agreed to that anywhere.
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=images)  # has to live until the conversion is done
        model = frontend.convert(frontend.load(decoder))
    model.reshape([-1, *images.shape[1:]])
    return model


def _save(folder: Path, model: Any, backbone: Backbone) -> None:
    """Whole or not at all, though several processes may convert the same network at once."""
    import openvino

    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        openvino.save_model(model, made / _MODEL_FILE, compress_to_fp16=False)
        said = {name: getattr(backbone, name) for name in _INPUT}
        (made / _INPUT_FILE).write_text(json.dumps(said), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
