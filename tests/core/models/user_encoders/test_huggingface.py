"""Every kind of model that a folder of transformers may hold: its features are those of the library's own forward."""

import json

import numpy as np
import pytest
import torch
import transformers

from overread.models.user_encoders.huggingface import _CLASS_TOKEN, _POOLED, _TOWERS
from overread.models.user_encoders.open_encoder import open_encoder
from tests.core.models.user_encoders.made_folders import IMAGENET, features_of, normalised, pixels_of

TRANSFORMER = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
}
SMALL = {
    "bit": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "num_groups": 4},
    "convnext": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    "focalnet": {"image_size": 32, "embed_dim": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
    "regnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "groups_width": 8},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
    "swin": {"image_size": 32, "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4},
}
SMALL |= {"convnextv2": SMALL["convnext"], "dinov3_convnext": SMALL["convnext"], "swinv2": SMALL["swin"]}


def vector_of(model, images):
    """What the page core/docs/encoders.md says of it."""
    with torch.inference_mode():
        output = model(pixel_values=images)
    kind = model.config.model_type
    return output.last_hidden_state[:, 0] if kind in _CLASS_TOKEN else output.pooler_output.reshape(len(images), -1)


@pytest.mark.parametrize("kind", [*_CLASS_TOKEN, *_POOLED])
def test_each_kind_of_model_gives_what_transformers_own_forward_gives(kind, tmp_path):
    config = transformers.AutoConfig.for_model(kind, **SMALL.get(kind, TRANSFORMER))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(config).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": 32, **IMAGENET}))
    opened, pixels = open_encoder(tmp_path), pixels_of(32)
    expected = vector_of(model, normalised(pixels, IMAGENET["image_mean"], IMAGENET["image_std"]))
    np.testing.assert_allclose(features_of(opened, pixels), expected.numpy(), rtol=1e-3, atol=1e-4)
    assert opened.backbone.num_features == expected.shape[1]


@pytest.mark.parametrize("kind", _TOWERS)
def test_of_a_model_of_images_and_texts_the_image_tower_is_taken(kind, tmp_path):
    text = {name: TRANSFORMER[name] for name in list(TRANSFORMER)[:4]} | {"vocab_size": 20, "bos_token_id": 0}
    text |= {"eos_token_id": 1, "pad_token_id": 1}
    config = transformers.AutoConfig.for_model(kind, vision_config=TRANSFORMER, text_config=text)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(config).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": 32, **IMAGENET}))
    opened, pixels = open_encoder(tmp_path), pixels_of(32)
    images = normalised(pixels, IMAGENET["image_mean"], IMAGENET["image_std"])
    with torch.inference_mode():
        expected = model.vision_model(pixel_values=images).pooler_output
    np.testing.assert_allclose(features_of(opened, pixels), expected.numpy(), rtol=1e-3, atol=1e-4)
