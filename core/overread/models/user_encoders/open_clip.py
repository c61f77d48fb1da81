"""Image towers of models of images and texts: open_clip's folders, such as BiomedCLIP's, and CONCH's weights."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from overread.errors import ConfigError
from overread.models.backbones import import_timm
from overread.models.user_encoders.loaded import LoadedEncoder, make_loaded
from overread.models.user_encoders.preprocessor import OPENAI_MEAN, OPENAI_STD, Preprocessor, from_open_clip, read_json
from overread.models.user_encoders.timm_folder import timm_network
from overread.models.user_encoders.weight_files import read_folder_weights
from overread.models.weights_file import load_weights

CONFIG = "open_clip_config.json"
_TRUNK = "visual.trunk."
_HEAD = "visual.head."
_POOL = "visual.attn_pool_contrast."
_POOL_HEADS = 8
"""conch_ViT-B-16.json: attn_pooler_heads."""


class _Projected(nn.Module):
    """A trunk and what projects its pooled output into the space that images share with texts."""

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.trunk(images))


def load_open_clip(folder: Path) -> LoadedEncoder:
    """From open_clip_config.json and weights, where the image tower is one of timm's.

    The vector of an image is what open_clip's encode_image gives, not normalised. Raises ConfigError.
    """
    config = read_json(folder / CONFIG)
    model = config.get("model_cfg", config)
    vision = model.get("vision_cfg") or {}
    architecture = vision.get("timm_model_name")
    if not architecture:
        raise ConfigError(
            f"--encoder {folder}: the image tower in {CONFIG} is not one of timm's; export its encode_image to ONNX"
        )
    whole, files = read_folder_weights(folder)
    state = {name.removeprefix(_TRUNK): tensor for name, tensor in whole.items() if name.startswith(_TRUNK)}
    try:
        preprocessor = from_open_clip(model, config.get("preprocess_cfg") or {})
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"--encoder {folder / CONFIG}: {error}") from error
    arguments = {"global_pool": vision["timm_pool"]} if vision.get("timm_pool") else {}
    trunk, _ = timm_network(folder, architecture, arguments, {}, state)
    notes = load_weights(trunk, state, path=files[0], name=f"the image tower {architecture}")
    projection = whole.get(f"{_HEAD}proj.weight")
    if projection is None and any(name.startswith(_HEAD) for name in whole):
        raise ConfigError(f"--encoder {folder}: its projection is not linear; export its encode_image to ONNX")
    module: nn.Module = trunk
    if projection is not None:
        linear = nn.Linear(projection.shape[1], projection.shape[0], bias=f"{_HEAD}proj.bias" in whole)
        head = {name.removeprefix(f"{_HEAD}proj."): tensor for name, tensor in whole.items() if name.startswith(_HEAD)}
        load_weights(linear, head, path=files[0], name="the projection")
        module = _Projected(trunk, linear)
    return make_loaded(
        module,
        preprocessor,
        name=f"open_clip {architecture}",
        feature="encode_image, not normalised",
        files=(*files, folder / CONFIG),
        notes=notes,
    )


class _AttentionPool(nn.Module):
    """One learnt query that attends to all tokens, then layer normalisation.

    (B, tokens, width) -> (B, D). Source: CoCa (Yu et al. 2022), as CONCH configures it; parameters named as there.
    """

    def __init__(self, width: int, num_outputs: int, num_queries: int) -> None:
        super().__init__()
        self.attn_pool_contrast = nn.Module()
        pool = self.attn_pool_contrast
        pool.query = nn.Parameter(Tensor(num_queries, num_outputs))
        pool.attn = nn.MultiheadAttention(num_outputs, _POOL_HEADS, kdim=width, vdim=width, batch_first=True)
        pool.ln_q, pool.ln_k = nn.LayerNorm(num_outputs), nn.LayerNorm(width)
        self.ln_contrast = nn.LayerNorm(num_outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        pool: Any = self.attn_pool_contrast
        keys = pool.ln_k(tokens)
        queries = pool.ln_q(pool.query).expand(len(tokens), -1, -1)
        pooled, _ = pool.attn(queries, keys, keys, need_weights=False)
        return self.ln_contrast(pooled[:, 0])


class _Conch(nn.Module):
    def __init__(self, trunk: Any, pool: nn.Module) -> None:
        super().__init__()
        self.trunk, self.pool = trunk, pool

    def forward(self, images: Tensor) -> Tensor:
        return self.pool(self.trunk.forward_features(images))


def is_conch(state: dict[str, Tensor]) -> bool:
    """Whether a file's tensors are those of CONCH: a ViT whose tokens a contrastive query pools."""
    return f"{_POOL}query" in state and f"{_TRUNK}pos_embed" in state


def load_conch(path: Path, state: dict[str, Tensor]) -> LoadedEncoder:
    """CONCH's image tower from its pytorch_model.bin.

    The vector of an image is encode_image(proj_contrast=False, normalize=False), which its authors recommend for
    classifiers. 448 px and CLIP's normalisation, as its code has them: the file names none. Raises ConfigError.
    """
    if import_timm() is None:
        raise ConfigError(f"--encoder {path}: needs timm, which is not installed; pip install timm")
    from timm.models.vision_transformer import VisionTransformer

    trunk_state = {name.removeprefix(_TRUNK): tensor for name, tensor in state.items() if name.startswith(_TRUNK)}
    pool_state = {name.removeprefix("visual."): tensor for name, tensor in state.items() if name.startswith("visual.")}
    patches = trunk_state.get("patch_embed.proj.weight")
    query = state[f"{_POOL}query"]
    if patches is None or patches.ndim != 4 or query.ndim != 2:
        raise ConfigError(f"--encoder {path}: looks like CONCH, but its tensors have other shapes; download it again")
    width, _, patch_px, _ = patches.shape
    num_tokens = trunk_state["pos_embed"].shape[1] - 1
    size_px = round(num_tokens**0.5) * patch_px
    trunk = VisionTransformer(
        img_size=size_px,
        patch_size=patch_px,
        embed_dim=width,
        depth=len({name.split(".")[1] for name in trunk_state if name.startswith("blocks.")}),
        num_heads=max(1, width // 64),
        num_classes=0,
    )
    pool = _AttentionPool(width, query.shape[1], len(query))
    load_weights(trunk, trunk_state, path=path, name="CONCH's image tower")
    load_weights(pool, pool_state, path=path, name="CONCH's attention pooling")
    preprocessor = Preprocessor(size_px, size_px, OPENAI_MEAN, OPENAI_STD)
    return make_loaded(
        _Conch(trunk, pool),
        preprocessor,
        name="CONCH",
        feature="encode_image before its projection, not normalised",
        files=(path,),
    )
