import numpy as np
import pytest

from overread.checks.borders import pixel_features
from overread.checks.shortcuts import check_shortcuts
from overread.images.file_header import FileHeader
from tests.core.checks.samples import made_samples

NUM = 120
LABELS = [("cat", "dog")[i] for i in np.random.default_rng(0).integers(0, 2, NUM)]
IS_DOG = np.array([label == "dog" for label in LABELS])
SQUARE = FileHeader(width_px=64, height_px=64)


def noise(seed=1):
    return np.random.default_rng(seed).integers(60, 200, (NUM, 64, 64, 1), dtype=np.uint8)


def found(pixels, headers=None):
    features = pixel_features(pixels, range(NUM), headers or [SQUARE] * NUM)
    samples = made_samples([f"{i}.png" for i in range(NUM)], LABELS)
    return {f.kind: f.severity for f in check_shortcuts(samples, features, np.arange(NUM))}


def test_images_that_differ_in_nothing_are_no_finding():
    assert found(noise()) == {}


@pytest.mark.parametrize("side", ["top", "left"])
def test_a_margin_that_only_one_class_has_is_a_warning(side):
    pixels = noise()
    rows = (slice(0, 6), slice(None)) if side == "top" else (slice(None), slice(0, 6))
    pixels[(IS_DOG, *rows)] = 2
    assert found(pixels)["shortcut_border"] == "warning"


def test_a_light_margin_counts_as_well():
    pixels = noise()
    pixels[IS_DOG, :, -7:] = 250
    assert "shortcut_border" in found(pixels)


def test_what_the_square_tile_itself_pads_is_no_border():
    """Wide images of one class: their size tells the label, not a border."""
    pixels = noise()
    pixels[IS_DOG, :16] = pixels[IS_DOG, -16:] = 0
    headers = [FileHeader(width_px=800, height_px=400) if is_dog else SQUARE for is_dog in IS_DOG]
    assert found(pixels, headers) == {}


def test_a_class_that_is_brighter_is_worth_a_word():
    pixels = noise()
    pixels[IS_DOG] += 30
    assert found(pixels) == {"shortcut_brightness": "info"}


def test_margins_and_dark_rims_are_shares():
    pixels = noise()
    pixels[0, :16] = 0
    pixels[1, :, 48:] = 100
    border = pixel_features(pixels, [0, 1, 2], [SQUARE] * 3)["border"]
    assert border[0, :2].tolist() == [0.25, 0]
    assert border[0, 4:].tolist() == [1, 0, 0.25, 0.25]
    assert border[1].tolist() == [0, 0, 0, 0.25, 0, 0, 0, 0]
    assert border[2].tolist() == [0] * 8
