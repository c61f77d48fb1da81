"""Encoders in folders as Hugging Face's transformers writes them. Nothing is downloaded; no code of a folder is run."""

import os
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from overread.errors import ConfigError
from overread.models.user_encoders.loaded import LoadedEncoder, make_loaded
from overread.models.user_encoders.preprocessor import PREPROCESSOR, beside
from overread.models.user_encoders.weight_files import read_folder_weights

_CLASS_TOKEN = ("beit", "data2vec-vision", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "vit", "vit_msn")
_POOLED = (
    *("bit", "convnext", "convnextv2", "dinov3_convnext", "focalnet", "regnet", "resnet"),
    *("swin", "swinv2", "clip_vision_model", "siglip_vision_model"),
)
_TOWERS = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}
"""Models of images and texts, of which only the image tower is loaded."""


class _ClassToken(nn.Module):
    """The class token after the last normalisation."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(pixel_values=images).last_hidden_state[:, 0]


class _Pooled(nn.Module):
    """The model's own pooled output."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(pixel_values=images).pooler_output.flatten(1)


def load_huggingface(folder: Path, config: dict[str, Any]) -> LoadedEncoder:
    """From a folder's config.json, weights and preprocessor_config.json.

    The vector of an image is the class token of ViT, DeiT, BEiT and DINOv2, else the model's pooled output. Raises
    ConfigError, also if transformers is not installed, or one of the encoder's tensors is not in the file.
    """
    kind = config.get("model_type")
    if "auto_map" in config:
        raise ConfigError(
            f"--encoder {folder}: needs Python code of its own (auto_map in config.json), which is not run; export the "
            f"model to ONNX where you trust that code, and give model.onnx with {PREPROCESSOR} beside it"
        )
    if kind not in (*_CLASS_TOKEN, *_POOLED, *_TOWERS):
        known = ", ".join(sorted((*_CLASS_TOKEN, *_POOLED, *_TOWERS)))
        raise ConfigError(
            f"--encoder {folder}: model_type {kind!r} is not one of {known}; export it to ONNX, and give model.onnx "
            f"with {PREPROCESSOR} beside it"
        )
    state, files = read_folder_weights(folder)
    preprocessor = beside(folder, num_channels=int(config.get("num_channels", 3)))
    model = _model(folder, kind, state)
    is_class_token = kind in _CLASS_TOKEN
    return make_loaded(
        _ClassToken(model) if is_class_token else _Pooled(model),
        preprocessor,
        name=type(model).__name__,
        feature="class token" if is_class_token else "pooled output",
        files=(*files, folder / "config.json"),
    )


def _model(folder: Path, kind: str, state: dict[str, Tensor]) -> nn.Module:
    # Read when huggingface_hub is imported: nothing is fetched, whatever a folder says.
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--encoder {folder}: needs transformers, which is not installed; pip install overread[encoders]"
        ) from error
    logging: Any = transformers.utils.logging
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)  # nosec B615 # a local folder
        if kind in _TOWERS:
            config = config.vision_config
        pools = {"add_pooling_layer": False} if kind in ("vit", "deit", "beit") else {}
        kind_of_model: Any = transformers.MODEL_MAPPING[type(config)]
        model, report = kind_of_model.from_pretrained(
            None, config=config, state_dict=state, output_loading_info=True, dtype="float32", **pools
        )
    except Exception as error:  # transformers raises OSError, ValueError, RuntimeError and its own
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ConfigError(f"--encoder {folder}: transformers cannot load it: {reason}") from error
    missing = sorted((*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])))
    if missing:
        raise ConfigError(
            f"--encoder {folder}: {len(missing)} of the {len(model.state_dict())} tensors of {type(model).__name__} "
            f"are not in its weights in that shape, {missing[0]} for one; download the folder again"
        )
    return model
