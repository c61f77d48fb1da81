"""How an encoder wants its images: size, crop, interpolation and normalisation, from the file beside its weights."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.errors import ConfigError

PREPROCESSOR = "preprocessor_config.json"
_INTERPOLATIONS = {"bilinear": "bilinear", "bicubic": "bicubic", 2: "bilinear", 3: "bicubic"}
"""By the name that timm and open_clip give it, or Pillow's number."""
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's normalisation, which open_clip takes where a folder states none."""


@dataclass(frozen=True)
class Preprocessor:
    """What is done to a square image of values in [0, 1] before the encoder sees it."""

    size_px: int
    """Side of the encoder's input."""
    resize_px: int
    """Side to which the image is resized; the centre of size_px is cut out of it."""
    mean: tuple[float, ...]
    """Subtracted from each channel; as many as the encoder has input channels, 1 or 3."""
    std: tuple[float, ...]
    """Each channel is divided by it."""
    interpolation: str = "bicubic"
    """bicubic or bilinear."""

    def __post_init__(self) -> None:
        if not 8 <= self.size_px <= self.resize_px <= 4096:
            raise ConfigError(f"a size of {self.size_px} px cut out of {self.resize_px} px is not possible")
        if len(self.mean) != len(self.std) or len(self.mean) not in (1, 3):
            raise ConfigError(f"found {len(self.mean)} means and {len(self.std)} deviations, must be 1 or 3 of each")
        if not all(map(math.isfinite, (*self.mean, *self.std))) or not all(value > 0 for value in self.std):
            raise ConfigError("means and deviations must be finite, and deviations above 0")

    def to_dict(self) -> dict[str, Any]:
        """As config.json keeps it."""
        return {
            "channels": len(self.mean),
            "size_px": self.size_px,
            "resize_px": self.resize_px,
            "interpolation": self.interpolation,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    def __str__(self) -> str:
        crop = f" cut out of {self.resize_px}" if self.resize_px > self.size_px else ""
        mean, std = (" ".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"{self.size_px} px{crop}, {self.interpolation}, mean {mean}, deviation {std}"


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises ConfigError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--encoder {path}: cannot be read as JSON ({type(error).__name__})") from error
    if not isinstance(found, dict):
        raise ConfigError(f"--encoder {path}: holds no JSON object")
    return found


def beside(folder: Path, *, num_channels: int = 3) -> Preprocessor:
    """From a folder's preprocessor_config.json, as Hugging Face lays it out.

    num_channels: of the encoder's input. Raises ConfigError, which says what the file must hold.
    """
    path = folder / PREPROCESSOR
    if not path.is_file():
        raise ConfigError(
            f"--encoder {folder}: has no {PREPROCESSOR}, which says how its images are normalised; add it, such as "
            '{"size": {"height": 224, "width": 224}, "resample": 3, "image_mean": [0.485, 0.456, 0.406], '
            '"image_std": [0.229, 0.224, 0.225]}'
        )
    found = read_json(path)
    try:
        return from_huggingface(found, num_channels=num_channels)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else error
        raise ConfigError(f"--encoder {path}: {what}") from error


def from_huggingface(config: dict[str, Any], *, num_channels: int = 3) -> Preprocessor:
    """From what preprocessor_config.json holds. Raises ConfigError, KeyError, TypeError or ValueError.

    Keys: transformers' image processors (size, do_center_crop, crop_size, crop_pct, resample, do_rescale,
    rescale_factor, do_normalize, image_mean, image_std); what is done where a key is absent is done here too.
    """
    resize_px = _side(config["size"])
    crops = config.get("do_center_crop", "crop_size" in config)
    size_px = _side(config["crop_size"]) if crops else resize_px
    if not config.get("do_resize", True):
        resize_px = size_px  # an image is given at its size, which a study's images are brought to
    if config.get("crop_pct") and resize_px < 384:  # ConvNextImageProcessor
        resize_px = int(resize_px / config["crop_pct"])
    code = config.get("resample", 2)
    # Values from 0 to 255 are multiplied by the factor; mean and deviation here are of values in [0, 1].
    factor = (config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0) * 255
    normalises = config.get("do_normalize", True)
    mean = _channels(config["image_mean"], num_channels) if normalises else (0.0,) * num_channels
    std = _channels(config["image_std"], num_channels) if normalises else (1.0,) * num_channels
    return Preprocessor(
        size_px=size_px,
        resize_px=max(resize_px, size_px),
        mean=tuple(value / factor for value in mean),
        std=tuple(value / factor for value in std),
        interpolation=interpolation_of(code),
    )


def from_timm(config: dict[str, Any]) -> Preprocessor:
    """From timm's pretrained_cfg (input_size, mean, std, interpolation, crop_pct), as its evaluation transform does.
    Raises ConfigError, KeyError, TypeError or ValueError."""
    channels, height, width = config["input_size"]
    if height != width:
        raise ConfigError(f"takes images of {height} x {width} px; only square ones are possible")
    return Preprocessor(
        size_px=height,
        resize_px=math.floor(height / (config.get("crop_pct") or 1.0)),
        mean=_channels(config["mean"], channels),
        std=_channels(config["std"], channels),
        interpolation=interpolation_of(config.get("interpolation", "bicubic")),
    )


def from_open_clip(model: dict[str, Any], config: dict[str, Any]) -> Preprocessor:
    """From open_clip's model_cfg and preprocess_cfg. Raises ConfigError, KeyError, TypeError or ValueError."""
    side = _side(config.get("size") or model["vision_cfg"].get("image_size", 224))
    return Preprocessor(
        size_px=side,
        resize_px=side,
        mean=_channels(config.get("mean") or OPENAI_MEAN, 3),
        std=_channels(config.get("std") or OPENAI_STD, 3),
        interpolation=interpolation_of(config.get("interpolation", "bicubic")),
    )


def interpolation_of(code: Any) -> str:
    """bicubic or bilinear. Raises ConfigError for any other."""
    if code not in _INTERPOLATIONS:
        raise ConfigError(f"interpolation {code!r} is not possible; must be bilinear (2) or bicubic (3)")
    return _INTERPOLATIONS[code]


def _side(size: Any) -> int:
    """Of a square, from any of the ways in which a size is written."""
    match size:
        case {"height": height, "width": width, **_rest}:
            sides = {height, width}
        case {"shortest_edge": side, **_rest} | {"longest_edge": side, **_rest}:
            sides = {side}
        case [height, width] | [_, height, width]:
            sides = {height, width}
        case _:
            sides = {size}
    if len(sides) != 1:
        raise ConfigError(f"takes images of {' x '.join(map(str, sorted(sides)))} px; only square ones are possible")
    return int(sides.pop())


def _channels(values: Any, num_channels: int) -> tuple[float, ...]:
    listed = [float(value) for value in values] if isinstance(values, (list, tuple)) else [float(values)]
    return tuple(listed * num_channels if len(listed) == 1 else listed)
