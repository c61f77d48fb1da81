"""Encoders in folders as timm writes them for the Hugging Face Hub: config.json with an architecture, and weights."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from overread.errors import ConfigError
from overread.models.backbones import import_timm
from overread.models.user_encoders.loaded import LoadedEncoder, make_loaded
from overread.models.user_encoders.preprocessor import Preprocessor, from_timm
from overread.models.user_encoders.weight_files import read_folder_weights
from overread.models.weights_file import load_weights

_NOT_TAKEN = ("cache_dir", "checkpoint_path", "num_classes", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay")
"""Arguments of timm.create_model that would load or fetch other weights, or add a head."""


class ClassAndPatches(nn.Module):
    """The class token beside the mean of the patch tokens, without register tokens.

    Source: Virchow2's model card, which takes tokens 0 and 5 onwards of a network with four registers.
    """

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.num_prefix_tokens = int(getattr(trunk, "num_prefix_tokens", 1))

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.trunk(images)
        return torch.cat([tokens[:, 0], tokens[:, self.num_prefix_tokens :].mean(dim=1)], dim=1)


def load_timm_folder(folder: Path, config: dict[str, Any]) -> LoadedEncoder:
    """From a folder's config.json and weights.

    The vector of an image is what the network pools (global_pool in config.json); where it pools nothing, the class
    token and the mean of the patch tokens. Raises ConfigError.
    """
    state, files = read_folder_weights(folder)
    stated = config.get("pretrained_cfg", config)
    arguments = dict(config.get("model_args") or {})
    if "global_pool" in config:
        arguments.setdefault("global_pool", config["global_pool"])
    module, preprocessor = timm_network(folder, str(config["architecture"]), arguments, stated, state)
    notes = load_weights(module, state, path=files[0], name=str(config["architecture"]))
    pool = getattr(module, "global_pool", None)
    feature = _FEATURES.get(pool, "pooled output") if isinstance(pool, str) else "pooled output"
    if pool == "" and hasattr(module, "num_prefix_tokens"):
        module, feature = ClassAndPatches(module), "class token and mean of the patch tokens"
    return make_loaded(
        module,
        preprocessor,
        name=str(config["architecture"]),
        feature=feature,
        files=(*files, folder / "config.json"),
        notes=notes,
    )


_FEATURES = {"token": "class token", "avg": "mean of the patch tokens", "map": "attention-pooled tokens"}  # nosec B105 # a way to pool
"""By the name of timm's pooling in a vision transformer."""


def timm_network(
    folder: Path, architecture: str, arguments: dict[str, Any], stated: dict[str, Any], state: dict[str, Tensor]
) -> tuple[nn.Module, Preprocessor]:
    """A timm network without a head, and its input.

    arguments: of timm.create_model. stated: its pretrained_cfg; what that leaves out is timm's own for the
    architecture. state: the weights, whose shapes tell what config.json leaves to a caller's code: packed SwiGLU,
    layer scale, register tokens. Raises ConfigError.
    """
    timm = import_timm()
    if timm is None:
        raise ConfigError(f"--encoder {folder}: needs timm, which is not installed; pip install timm")
    if ":" in architecture or not timm.is_model(architecture):
        raise ConfigError(f"--encoder {folder}: timm {timm.__version__} has no architecture {architecture!r}")
    taken = {name: value for name, value in arguments.items() if name not in _NOT_TAKEN}
    try:
        module = timm.create_model(architecture, num_classes=0, **taken | _told_by(state))
        defaults = timm.data.resolve_model_data_config(module)
        return module, from_timm(defaults | {name: value for name, value in stated.items() if value is not None})
    except (ConfigError, KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise ConfigError(f"--encoder {folder}: timm cannot build {architecture}: {error}") from error


def _told_by(state: dict[str, Tensor]) -> dict[str, Any]:
    """Arguments of a vision transformer that the shapes of its weights give away."""
    found: dict[str, Any] = {}
    first, second = (_ending(state, f"blocks.0.mlp.{name}.weight") for name in ("fc1", "fc2"))
    if first is not None and second is not None and first.shape[0] == 2 * second.shape[1]:
        from timm.layers.mlp import SwiGLUPacked

        found |= {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU}
    if _ending(state, "blocks.0.ls1.gamma") is not None:
        found["init_values"] = 1e-5  # whose values the weights replace
    registers = _ending(state, "reg_token")
    if registers is not None:
        found["reg_tokens"] = registers.shape[1]
    return found


def _ending(state: dict[str, Tensor], name: str) -> Tensor | None:
    return next((tensor for key, tensor in state.items() if key == name or key.endswith(f".{name}")), None)
