"""Encoders as graphs: ONNX files, and programs of torch.export. They run on the CPU; their input is described by a
preprocessor_config.json beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from overread.errors import ConfigError
from overread.models.user_encoders.loaded import LoadedEncoder, make_loaded
from overread.models.user_encoders.preprocessor import PREPROCESSOR, beside
from overread.models.user_encoders.program_check import check_program


class _Batches(nn.Module):
    """A graph that was saved for batches of one size, or of any (0), called with batches of any size."""

    def __init__(self, call: Callable[[Tensor], Tensor], batch_size: int) -> None:
        super().__init__()
        self._call, self._batch_size = call, batch_size

    def forward(self, images: Tensor) -> Tensor:
        images = images.contiguous()
        if not self._batch_size:
            return self._call(images)
        vectors = []
        for start in range(0, len(images), self._batch_size):
            batch = images[start : start + self._batch_size]
            missing = self._batch_size - len(batch)
            filled = torch.cat([batch, batch[:1].expand(missing, -1, -1, -1)]) if missing else batch
            vectors.append(self._call(filled)[: len(batch)])
        return torch.cat(vectors)


def load_onnx(path: Path) -> LoadedEncoder:
    """From an ONNX file, run by onnxruntime on the CPU.

    The vector of an image is the output named pooler_output, image_embeds or embedding, else the first with two axes.
    Raises ConfigError.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--encoder {path}: needs onnxruntime, which is not installed; pip install overread[encoders]"
        ) from error
    onnxruntime.set_default_logger_severity(3)
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base of their own
        reason = str(error).splitlines()[0][:200]
        raise ConfigError(f"--encoder {path}: is not an ONNX file that onnxruntime can read: {reason}") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in ("tensor(float)", "tensor(float16)"):
        found = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
        raise ConfigError(f"--encoder {path}: takes {found}; must take one batch of images (B, C, H, W) of floats")
    batch_size, *sides = inputs[0].shape
    is_channels_last = sides[2] in (1, 3) and sides[0] not in (1, 3)  # as tf2onnx writes TensorFlow's networks
    shape = (batch_size, sides[2], sides[0], sides[1]) if is_channels_last else inputs[0].shape
    named = ("pooler_output", "image_embeds", "embedding")
    vectors = [each.name for each in outputs if len(each.shape) == 2]
    chosen = next((name for name in named if name in vectors), next(iter(vectors), None))
    if chosen is None:
        found = ", ".join(f"{each.name} {each.shape}" for each in outputs)
        raise ConfigError(f"--encoder {path}: gives {found}; must give one vector per image (B, D): export it pooled")
    dtype = np.float16 if inputs[0].type == "tensor(float16)" else np.float32

    def call(images: Tensor) -> Tensor:
        batch = images.permute(0, 2, 3, 1) if is_channels_last else images
        values = np.ascontiguousarray(batch.float().cpu().numpy(), dtype=dtype)
        (found,) = session.run([chosen], {inputs[0].name: values})
        return torch.from_numpy(found.astype(np.float32, copy=False)).to(images.device)

    # Weights of more than 2 GB lie beside the graph.
    data = sorted(each for each in path.parent.glob(f"{path.name}?*") if each.is_file())
    return _loaded(path, call, shape, "ONNX graph", f"output {chosen}", (path, *data))


def load_exported(path: Path) -> LoadedEncoder:
    """From a program that torch.export.save wrote, with one batch of images in and one of vectors out.

    Needs torch 2.9. Raises ConfigError, also for programs that `check_program` refuses.
    """
    check_program(path)
    try:
        program = torch.export.load(path)
        module = program.module(check_guards=False)  # which are code; its input is checked here
        (shape,) = (
            tuple(node.meta["val"].shape)
            for node in program.graph.nodes
            if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
        )
    except Exception as error:  # torch.export raises AssertionError, RuntimeError, its own and more
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ConfigError(
            f"--encoder {path}: torch {torch.__version__} cannot load it as one batch of images in: {reason}"
        ) from error

    def call(images: Tensor) -> Tensor:
        return module(images.cpu()).to(images.device)

    return _loaded(path, call, shape, "exported program", "output", (path,))


def _loaded(
    path: Path, call: Callable[[Tensor], Tensor], shape: Any, name: str, feature: str, files: tuple[Path, ...]
) -> LoadedEncoder:
    """shape: of the graph's input, (B, C, H, W); what is no int is any number."""
    batch_size, channels, *sides = shape
    preprocessor = beside(path.parent, num_channels=channels if isinstance(channels, int) else 3)
    if any(isinstance(side, int) and side != preprocessor.size_px for side in sides):
        raise ConfigError(
            f"--encoder {path}: takes images of {' x '.join(map(str, sides))} px, and {PREPROCESSOR} says "
            f"{preprocessor.size_px} px"
        )
    module = _Batches(call, batch_size if isinstance(batch_size, int) and batch_size > 0 else 0)
    return make_loaded(module, preprocessor, name=name, feature=feature, files=(*files, path.parent / PREPROCESSOR))
