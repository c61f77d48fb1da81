"""A vision transformer written out in torch's functions, and random weights for it under the names that timm, and that
Hugging Face's ViT and DINOv2, give them. Independent of both libraries."""

import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Shape:
    """Of a small transformer."""

    width: int = 32
    depth: int = 2
    num_heads: int = 2
    patch_px: int = 8
    size_px: int = 32
    num_registers: int = 0
    has_scale: bool = False
    hidden: int = 64
    """Of the MLP; with SwiGLU, of each half."""
    is_swiglu: bool = False

    @property
    def num_patches(self):
        return (self.size_px // self.patch_px) ** 2


def random_state(shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: 0.2 * torch.randn(size, generator=generator) + name.endswith("norm.weight") for name, size in shapes}


def timm_state(shape, seed=0):
    """Random weights under timm's names."""
    width, hidden = shape.width, shape.hidden
    shapes = [
        ("cls_token", (1, 1, width)),
        ("pos_embed", (1, 1 + shape.num_patches, width)),
        ("patch_embed.proj.weight", (width, 3, shape.patch_px, shape.patch_px)),
        ("patch_embed.proj.bias", (width,)),
        ("norm.weight", (width,)),
        ("norm.bias", (width,)),
    ]
    if shape.num_registers:  # in DINOv2 with registers, these have no position
        shapes += [("reg_token", (1, shape.num_registers, width))]
    for block in range(shape.depth):
        parts = {
            "norm1.weight": (width,),
            "norm1.bias": (width,),
            "attn.qkv.weight": (3 * width, width),
            "attn.qkv.bias": (3 * width,),
            "attn.proj.weight": (width, width),
            "attn.proj.bias": (width,),
            "norm2.weight": (width,),
            "norm2.bias": (width,),
            "mlp.fc1.weight": (hidden * (1 + shape.is_swiglu), width),
            "mlp.fc1.bias": (hidden * (1 + shape.is_swiglu),),
            "mlp.fc2.weight": (width, hidden),
            "mlp.fc2.bias": (width,),
        }
        if shape.has_scale:
            parts |= {"ls1.gamma": (width,), "ls2.gamma": (width,)}
        shapes += [(f"blocks.{block}.{name}", size) for name, size in parts.items()]
    return random_state(shapes, seed)


def plain_tokens(images, state, shape, eps=1e-6):
    """(B, 1 + registers + patches, width), normalised. images: (B, 3, size_px, size_px). state: timm's names."""

    def norm(tokens, name):
        return F.layer_norm(tokens, (shape.width,), state[f"{name}.weight"], state[f"{name}.bias"], eps)

    def linear(tokens, name):
        return F.linear(tokens, state[f"{name}.weight"], state[f"{name}.bias"])

    patches = F.conv2d(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=shape.patch_px)
    patches = patches.flatten(2).transpose(1, 2)
    first = state["cls_token"].expand(len(images), -1, -1)
    tokens = torch.cat([first, patches], dim=1) + state["pos_embed"]
    if shape.num_registers:
        registers = state["reg_token"].expand(len(images), -1, -1)
        tokens = torch.cat([tokens[:, :1], registers, tokens[:, 1:]], dim=1)
    for block in range(shape.depth):
        name = f"blocks.{block}"
        scales = [state.get(f"{name}.ls{each}.gamma", torch.ones(1)) for each in (1, 2)]
        qkv = linear(norm(tokens, f"{name}.norm1"), f"{name}.attn.qkv")
        qkv = qkv.view(len(images), -1, 3, shape.num_heads, shape.width // shape.num_heads).permute(2, 0, 3, 1, 4)
        logits = qkv[0] @ qkv[1].transpose(-1, -2) / (shape.width // shape.num_heads) ** 0.5
        mixed = (logits.softmax(dim=-1) @ qkv[2]).transpose(1, 2).flatten(2)
        tokens = tokens + scales[0] * linear(mixed, f"{name}.attn.proj")
        inner = linear(norm(tokens, f"{name}.norm2"), f"{name}.mlp.fc1")
        gate, value = inner.chunk(2, dim=-1)
        inner = F.silu(gate) * value if shape.is_swiglu else F.gelu(inner)
        tokens = tokens + scales[1] * linear(inner, f"{name}.mlp.fc2")
    return norm(tokens, "norm")


_RENAMED = {
    "dinov2": {
        "attn.proj": "attention.output.dense",
        "attn.qkv": "attention.attention",
        "ls1.gamma": "layer_scale1.lambda1",
        "ls2.gamma": "layer_scale2.lambda1",
    },
    "vit": {
        "attn.proj": "attention.output.dense",
        "attn.qkv": "attention.attention",
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
    },
}
_OUTSIDE = {
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
    "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
    "norm.weight": "layernorm.weight",
    "norm.bias": "layernorm.bias",
}


def huggingface_state(state, kind):
    """The same weights as files of Hugging Face name them: query, key and value apart. kind: vit or dinov2."""
    found = {}
    for name, tensor in state.items():
        block = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
        if not block:
            found[_OUTSIDE[name]] = tensor
            continue
        inner = block[2]
        for old, new in _RENAMED[kind].items():
            inner = inner.replace(old, new)
        target = f"encoder.layer.{block[1]}.{inner}"
        if "attn.qkv" in name:
            start, _, leaf = target.rpartition(".")
            for part, piece in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                found[f"{start}.{part}.{leaf}"] = piece.clone()
        else:
            found[target] = tensor
    if kind == "dinov2":
        found["embeddings.mask_token"] = torch.zeros(1, state["cls_token"].shape[-1])
    return found
