"""The named encoders, on made weights under the names that their files have. Each gives the vector that its authors
recommend, as plain arithmetic computes it."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from torchvision import models

from overread.errors import ConfigError
from overread.known_encoders import KNOWN_ENCODERS
from overread.models.user_encoders.open_encoder import open_encoder
from tests.core.models.user_encoders.made_folders import IMAGENET, features_of, normalised, pixels_of, write_folder
from tests.core.models.user_encoders.plain_vit import Shape, huggingface_state, plain_tokens, random_state, timm_state

MEAN, STD = IMAGENET["image_mean"], IMAGENET["image_std"]
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected.numpy(), rtol=2e-3, atol=2e-4)


def vit_config(shape, kind, **more):
    return {
        "model_type": kind,
        "architectures": ["ViTModel" if kind == "vit" else "Dinov2Model"],
        "hidden_size": shape.width,
        "num_hidden_layers": shape.depth,
        "num_attention_heads": shape.num_heads,
        "image_size": shape.size_px,
        "patch_size": shape.patch_px,
        "intermediate_size": shape.hidden,
        **more,
    }


@pytest.mark.parametrize("name", ["rad-dino", "phikon-v2"])
def test_rad_dino_and_phikon_v2_give_the_class_token(name, tmp_path):
    shape = Shape(has_scale=True, hidden=128)
    state = timm_state(shape)
    mean, std = ([0.5307] * 3, [0.2583] * 3) if name == "rad-dino" else (MEAN, STD)
    preprocessor = {
        "crop_size": {"height": 32, "width": 32},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": mean,
        "image_processor_type": "BitImageProcessor",
        "image_std": std,
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "size": {"shortest_edge": 32},
    }
    folder = write_folder(
        tmp_path,
        huggingface_state(state, "dinov2"),
        config=vit_config(shape, "dinov2", mlp_ratio=4, layer_norm_eps=1e-6),
        preprocessor_config=preprocessor,
    )
    opened, pixels = open_encoder(folder), pixels_of(32)
    assert (opened.name, opened.feature, opened.backbone.num_features) == ("Dinov2Model", "class token", 32)
    assert_close(features_of(opened, pixels), plain_tokens(normalised(pixels, mean, std), state, shape)[:, 0])


def test_phikon_gives_the_class_token(tmp_path):
    shape = Shape()
    state = timm_state(shape)
    folder = write_folder(
        tmp_path,
        huggingface_state(state, "vit"),
        weights="pytorch_model.bin",
        config=vit_config(shape, "vit", layer_norm_eps=1e-12),
        preprocessor_config={
            "do_normalize": True,
            "do_resize": True,
            "image_processor_type": "ViTImageProcessor",
            "resample": 2,
            "size": {"height": 32, "width": 32},
            **IMAGENET,
        },
    )
    opened, pixels = open_encoder(folder), pixels_of(32)
    assert (opened.name, opened.backbone.interpolation) == ("ViTModel", "bilinear")
    assert_close(features_of(opened, pixels), plain_tokens(normalised(pixels, MEAN, STD), state, shape, 1e-12)[:, 0])


def test_uni_gives_the_class_token(tmp_path):
    shape = Shape(has_scale=True, num_heads=4)
    state = timm_state(shape)
    small = {"embed_dim": 32, "depth": 2, "num_heads": 4, "patch_size": 8, "mlp_ratio": 2}
    config = {
        "architecture": "vit_large_patch16_224",
        "num_classes": 0,
        "num_features": 32,
        "global_pool": "token",
        "model_args": {"img_size": 32, "init_values": 1.0, "num_classes": 0, "dynamic_img_size": True, **small},
        "pretrained_cfg": {
            "input_size": [3, 32, 32],
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "crop_mode": "center",
            "mean": MEAN,
            "std": STD,
            "first_conv": "patch_embed.proj",
            "classifier": "head",
        },
    }
    opened = open_encoder(write_folder(tmp_path, state, weights="pytorch_model.bin", config=config))
    pixels = pixels_of(32)
    assert opened.feature == "class token"
    assert_close(features_of(opened, pixels), plain_tokens(normalised(pixels, MEAN, STD), state, shape)[:, 0])


def test_virchow2_gives_the_class_token_beside_the_mean_of_the_patch_tokens(tmp_path):
    """Its config.json leaves SwiGLU to the caller's code, and pools nothing; its four registers are left out."""
    shape = Shape(has_scale=True, num_registers=4, is_swiglu=True, hidden=48)
    state = timm_state(shape)
    small = {"embed_dim": 32, "depth": 2, "num_heads": 2, "patch_size": 8}
    config = {
        "architecture": "vit_huge_patch14_224",
        "model_args": {
            "img_size": 32,
            "init_values": 1e-5,
            "num_classes": 0,
            "mlp_ratio": 3.0,
            "reg_tokens": 4,
            "no_embed_class": False,
            "global_pool": "",
            "dynamic_img_size": True,
            **small,
        },
        "pretrained_cfg": {
            "input_size": [3, 32, 32],
            "interpolation": "bicubic",
            "crop_pct": 1.0,
            "mean": MEAN,
            "std": STD,
        },
    }
    # Positions of class and register tokens are in Virchow2's pos_embed: 1 + 4 + patches.
    state["pos_embed"] = torch.cat([state["pos_embed"][:, :1], torch.zeros(1, 4, 32), state["pos_embed"][:, 1:]], dim=1)
    opened, pixels = open_encoder(write_folder(tmp_path, state, config=config)), pixels_of(32)
    state["pos_embed"] = torch.cat([state["pos_embed"][:, :1], state["pos_embed"][:, 5:]], dim=1)
    tokens = plain_tokens(normalised(pixels, MEAN, STD), state, shape)
    assert tokens.shape == (2, 21, 32)
    assert_close(features_of(opened, pixels), torch.cat([tokens[:, 0], tokens[:, 5:].mean(dim=1)], dim=1))
    assert opened.feature == "class token and mean of the patch tokens"


def biomedclip(folder, shape):
    state = {f"visual.trunk.{name}": tensor for name, tensor in timm_state(shape).items()}
    state |= random_state([("visual.head.proj.weight", (12, shape.width))])
    state |= random_state([("text.transformer.embeddings.word_embeddings.weight", (7, 4)), ("logit_scale", ())])
    config = {
        "model_cfg": {
            "embed_dim": 12,
            "vision_cfg": {
                "timm_model_name": "vit_tiny_patch16_224",  # the published one is vit_base_patch16_224
                "timm_model_pretrained": False,
                "timm_pool": "",
                "timm_proj": "linear",
                "image_size": 224,
            },
            "text_cfg": {"hf_model_name": "nobody/nothing", "proj": "mlp"},
        },
        "preprocess_cfg": {"mean": list(CLIP_MEAN), "std": list(CLIP_STD)},
    }
    return write_folder(folder, state, weights="open_clip_pytorch_model.bin", open_clip_config=config), state


def test_biomedclip_gives_its_projected_image_vector(tmp_path):
    shape = Shape(width=192, depth=12, num_heads=3, patch_px=16, size_px=224, hidden=768)
    folder, state = biomedclip(tmp_path, shape)
    opened, pixels = open_encoder(folder), pixels_of(224, count=1)
    inner = {name.removeprefix("visual.trunk."): tensor for name, tensor in state.items()}
    class_token = plain_tokens(normalised(pixels, CLIP_MEAN, CLIP_STD), inner, shape)[:, 0]
    assert_close(features_of(opened, pixels), F.linear(class_token, state["visual.head.proj.weight"]))
    assert (opened.backbone.num_features, opened.backbone.size_px) == (12, 224)


def test_conch_gives_its_attention_pooled_vector(tmp_path):
    shape = Shape(width=64, num_heads=1, patch_px=16, size_px=64, hidden=256)
    inner = timm_state(shape)
    pool = random_state(
        [
            ("query", (1, 16)),
            ("attn.in_proj_bias", (48,)),
            ("attn.q_proj_weight", (16, 16)),
            ("attn.k_proj_weight", (16, 64)),
            ("attn.v_proj_weight", (16, 64)),
            ("attn.out_proj.weight", (16, 16)),
            ("attn.out_proj.bias", (16,)),
            *(
                (f"{norm}.{leaf}", (size,))
                for norm, size in (("ln_q", 16), ("ln_k", 64))
                for leaf in ("weight", "bias")
            ),
        ]
    )
    last = random_state([("ln_contrast.weight", (16,)), ("ln_contrast.bias", (16,))], seed=1)
    state = {
        **{f"visual.trunk.{name}": tensor for name, tensor in inner.items()},
        **{f"visual.attn_pool_contrast.{name}": tensor for name, tensor in pool.items()},
        **{f"visual.{name}": tensor for name, tensor in last.items()},
        "visual.proj_contrast": torch.ones(16, 16),
        "logit_scale": torch.ones(()),
    }
    torch.save(state, tmp_path / "pytorch_model.bin")
    opened, pixels = open_encoder(tmp_path / "pytorch_model.bin"), pixels_of(64)
    tokens = plain_tokens(normalised(pixels, CLIP_MEAN, CLIP_STD), inner, shape)
    keys = F.layer_norm(tokens, (64,), pool["ln_k.weight"], pool["ln_k.bias"])
    query = F.layer_norm(pool["query"], (16,), pool["ln_q.weight"], pool["ln_q.bias"])
    biases = pool["attn.in_proj_bias"].chunk(3)
    projected = [
        F.linear(values, pool[f"attn.{part}_proj_weight"], bias)
        for values, part, bias in zip((query.expand(2, 1, 16), keys, keys), "qkv", biases, strict=True)
    ]
    # Eight heads of two numbers each.
    q, k, v = (values.view(2, -1, 8, 2).transpose(1, 2) for values in projected)
    mixed = ((q @ k.transpose(-1, -2) / 2**0.5).softmax(dim=-1) @ v).transpose(1, 2).reshape(2, 16)
    mixed = F.linear(mixed, pool["attn.out_proj.weight"], pool["attn.out_proj.bias"])
    assert_close(
        features_of(opened, pixels), F.layer_norm(mixed, (16,), last["ln_contrast.weight"], last["ln_contrast.bias"])
    )
    assert open_encoder(tmp_path).name == "CONCH"  # a folder with that one file


def xray_network(name):
    """torchxrayvision's, whose layers are torchvision's but for a stem of one channel."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = getattr(models, name)(weights=None, num_classes=18)
        stem = torch.nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        if name == "densenet121":
            network.features.conv0 = stem
            network.register_buffer("op_threshs", torch.ones(18))
        else:
            network.conv1 = stem
        return network.eval()


@pytest.mark.parametrize("kind", ["state dict", "whole network", "whole network of torch 1.5"])
def test_torchxrayvision_s_densenet_takes_one_channel_from_minus_1024_to_1024(kind, tmp_path):
    network = xray_network("densenet121")
    saved = network.state_dict() if kind == "state dict" else network
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the format that torch no longer writes by itself
        torch.save(saved, tmp_path / "densenet.pt", _use_new_zipfile_serialization="1.5" not in kind)
    opened, pixels = open_encoder(tmp_path / "densenet.pt"), pixels_of(224, channels=1, count=1)
    scaled = (2 * pixels.astype(np.float32) / 255 - 1) * 1024  # torchxrayvision.utils.normalize
    with torch.inference_mode():
        maps = network.features(torch.from_numpy(scaled).permute(0, 3, 1, 2))
    assert_close(features_of(opened, pixels), F.relu(maps).mean(dim=(2, 3)))
    assert (opened.name, opened.backbone.num_features) == ("torchxrayvision DenseNet-121", 1024)


def test_torchxrayvision_s_resnet_takes_512_px(tmp_path):
    network = xray_network("resnet50")
    torch.save(network.state_dict(), tmp_path / "resnet.pt")
    opened, pixels = open_encoder(tmp_path / "resnet.pt"), pixels_of(512, channels=1, count=1)
    network.fc = torch.nn.Identity()
    with torch.inference_mode():
        expected = network(torch.from_numpy(pixels.astype(np.float32) * (2048 / 255) - 1024).permute(0, 3, 1, 2))
    assert_close(features_of(opened, pixels), expected)
    assert (opened.name, opened.backbone.num_features) == ("torchxrayvision ResNet-50", 2048)


def test_colour_images_are_averaged_for_an_encoder_of_one_channel(tmp_path):
    torch.save(xray_network("densenet121").state_dict(), tmp_path / "densenet.pt")
    opened, pixels = open_encoder(tmp_path / "densenet.pt"), pixels_of(224, count=1)
    grey = np.full_like(pixels[..., :1], 100)
    colour = np.concatenate([grey - 30, grey, grey + 30], axis=-1)
    np.testing.assert_allclose(features_of(opened, colour), features_of(opened, grey), rtol=1e-3, atol=1e-4)


def test_remedis_is_a_bit_resnet_in_timm_s_layout_or_a_savedmodel_to_be_converted(tmp_path):
    config = {
        "architecture": "resnetv2_50x1_bit",
        "global_pool": "avg",
        "pretrained_cfg": {"input_size": [3, 64, 64], "mean": [0.0] * 3, "std": [1.0] * 3, "crop_pct": 1.0},
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = timm.create_model("resnetv2_50x1_bit", pretrained=False).eval()
    assert {"stem.conv.weight", "stages.0.blocks.0.norm1.weight", "norm.weight"} <= set(network.state_dict())
    opened, pixels = open_encoder(write_folder(tmp_path / "timm", network.state_dict(), config=config)), pixels_of(64)
    with torch.inference_mode():
        expected = network.forward_features(normalised(pixels, [0] * 3, [1] * 3)).mean(dim=(2, 3))
    assert_close(features_of(opened, pixels), expected)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()
    with pytest.raises(ConfigError, match=r"is a SavedModel of TensorFlow; convert it with `python -m tf2onnx.convert"):
        open_encoder(tmp_path / "saved")


@pytest.mark.parametrize("known", KNOWN_ENCODERS, ids=lambda known: known.name)
def test_naming_an_encoder_says_what_to_download_from_where_on_which_terms(known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as raised:
        open_encoder(Path(known.name.upper()))
    message = str(raised.value)
    needed = (known.address, known.licence, known.access, f"give {known.given} to --encoder", *known.files)
    assert all(part in message for part in needed)
    assert "\n" not in message


def test_ten_encoders_are_known():
    assert len({known.name for known in KNOWN_ENCODERS}) == 10
