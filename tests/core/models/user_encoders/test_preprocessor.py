"""What an encoder's own preprocessor file says of size, crop, interpolation and normalisation, and what a pixel of
known value becomes. Beside transformers' and timm's own transforms."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from transformers import BitImageProcessor, CLIPImageProcessor, ConvNextImageProcessor, ViTImageProcessor

from overread.errors import ConfigError
from overread.models.backbones import Backbone, backbone_features
from overread.models.user_encoders.preprocessor import Preprocessor, beside, from_huggingface, from_open_clip, from_timm
from tests.core.models.user_encoders.made_folders import CPU, IMAGENET, pixels_of


def seen_by_the_encoder(preprocessor, pixels):
    """(N, C, size_px, size_px), normalised: what reaches the network."""
    fields = ("size_px", "resize_px", "mean", "std", "interpolation")
    backbone = Backbone(torch.nn.Flatten(), num_features=0, **{name: getattr(preprocessor, name) for name in fields})
    flat = backbone_features(pixels, backbone, device=CPU, precision="fp32")
    return flat.reshape(len(pixels), len(preprocessor.mean), preprocessor.size_px, preprocessor.size_px)


def mid_grey_pixels():
    """Noise that bicubic filters do not take beyond black or white: Pillow clips twice there, torch once."""
    return 64 + pixels_of(48) // 2


PROCESSORS = [
    ViTImageProcessor(size={"height": 24, "width": 24}, resample=2),
    BitImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 24, "width": 24}, resample=3, **IMAGENET),
    CLIPImageProcessor(size={"shortest_edge": 28}, crop_size=28),
    ConvNextImageProcessor(size={"shortest_edge": 28}, crop_pct=0.875, resample=3),
    ViTImageProcessor(size={"height": 24, "width": 24}, do_normalize=False, resample=2),
    ViTImageProcessor(size={"height": 24, "width": 24}, rescale_factor=1 / 127.5, image_mean=[1.0] * 3, resample=2),
]


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda processor: type(processor).__name__)
def test_images_are_prepared_as_transformers_own_processor_prepares_them(processor):
    pixels = mid_grey_pixels()
    expected = processor([Image.fromarray(image) for image in pixels], return_tensors="np")["pixel_values"]
    found = seen_by_the_encoder(from_huggingface(processor.to_dict()), pixels)
    # Rounding to whole grey levels may fall on the other side of a half.
    level = 1.1 / 255 / min(from_huggingface(processor.to_dict()).std)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < level


@pytest.mark.parametrize(("crop_pct", "interpolation"), [(1.0, "bilinear"), (0.875, "bicubic")])
def test_images_are_prepared_as_timm_s_own_transform_prepares_them(crop_pct, interpolation):
    config = {
        "input_size": (3, 28, 28),
        "mean": IMAGENET["image_mean"],
        "std": IMAGENET["image_std"],
        "interpolation": interpolation,
        "crop_pct": crop_pct,
    }
    pixels = mid_grey_pixels()
    transform = timm.data.create_transform(**config)
    expected = np.stack([transform(Image.fromarray(image)).numpy() for image in pixels])
    found = seen_by_the_encoder(from_timm(config), pixels)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1.1 / 255 / 0.224


@pytest.mark.parametrize(
    ("config", "value", "expected"),
    [
        ({"size": 16, "image_mean": [0.5, 0.25, 0.0], "image_std": [0.5, 0.25, 1.0]}, 102, [-0.2, 0.6, 0.4]),
        ({"size": 16, "image_mean": 0.4, "image_std": 0.1, "rescale_factor": 1 / 255}, 102, [0.0] * 3),
        ({"size": 16, "do_rescale": False, "image_mean": [100.0] * 3, "image_std": [2.0] * 3}, 102, [1.0] * 3),
        ({"size": 16, "do_normalize": False}, 51, [0.2] * 3),
    ],
)
def test_a_grey_level_becomes_what_the_file_says(config, value, expected):
    pixels = np.full((1, 16, 16, 1), value, dtype=np.uint8)
    found = seen_by_the_encoder(from_huggingface(config), pixels)
    np.testing.assert_allclose(found[0, :, 5, 7], expected, atol=1e-5)


def test_black_and_white_become_minus_and_plus_1024_in_one_channel():
    preprocessor = Preprocessor(16, 16, (0.5,), (1 / 2048,), "bilinear")
    pixels = np.zeros((1, 16, 16, 1), dtype=np.uint8)
    pixels[0, :, 8:] = 255
    found = seen_by_the_encoder(preprocessor, pixels)
    assert found.shape == (1, 1, 16, 16)
    assert (found[0, 0, 3, 0], found[0, 0, 3, 15]) == (-1024, 1024)


def test_the_centre_is_cut_out_of_the_resized_image():
    pixels = np.arange(16, dtype=np.uint8)[None, :, None, None].repeat(16, axis=2)
    preprocessor = replace(Preprocessor(8, 16, (0.0,), (1 / 255,)), interpolation="bilinear")
    np.testing.assert_allclose(seen_by_the_encoder(preprocessor, pixels)[0, 0, :, 0], np.arange(4, 12), rtol=1e-5)


def test_open_clip_s_folder_without_normalisation_means_clip_s():
    found = from_open_clip({"vision_cfg": {"image_size": 64}}, {})
    assert (found.size_px, found.mean[0], found.std[2]) == (64, 0.48145466, 0.27577711)
    assert from_open_clip({"vision_cfg": {}}, {"size": [96, 96], "mean": 0.5, "std": 0.25}).size_px == 96


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"size": 224, "image_std": [0.5] * 3}, "'image_mean' is missing"),
        ({"image_mean": 0.5, "image_std": 0.5}, "'size' is missing"),
        ({"size": {"height": 224, "width": 192}, **IMAGENET}, "takes images of 192 x 224 px; only square ones"),
        ({"size": 224, "resample": 0, **IMAGENET}, r"interpolation 0 is not possible; must be bilinear \(2\) or"),
        ({"size": 224, "image_mean": [0.5] * 4, "image_std": [0.5] * 4}, "4 means and 4 deviations, must be 1 or 3"),
        ({"size": 224, "image_mean": 0.5, "image_std": 0.0}, "deviations above 0"),
        ({"size": 2, "image_mean": 0.5, "image_std": 0.5}, "a size of 2 px cut out of 2 px is not possible"),
        ({"size": "large", **IMAGENET}, "invalid literal"),
    ],
)
def test_a_preprocessor_file_that_cannot_be_followed_is_named_with_the_reason(config, message, tmp_path):
    import json

    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=message):
        beside(tmp_path)


def test_a_folder_without_one_says_what_to_write(tmp_path):
    with pytest.raises(ConfigError, match=r'has no preprocessor_config.json, .* add it, such as \{"size"'):
        beside(tmp_path)
