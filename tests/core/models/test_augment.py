import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from overread.models.augment import (
    color_jitter,
    gaussian_blur,
    random_grayscale,
    random_resized_crop,
    simclr_view,
    strong_augment,
    weak_augment,
)

SEED = 3
JITTER = {"probability": 1.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}


def seeded(seed=SEED):
    return torch.Generator().manual_seed(seed)


def smooth_images(num_images, num_channels, side_px, seed=0):
    """(B, C, H, W) in [0, 1], without sharp edges."""
    rng = np.random.default_rng(seed)
    noise = rng.random((num_images, num_channels, side_px, side_px))
    smooth = ndimage.gaussian_filter(noise, sigma=(0, 0, 2, 2), mode="wrap")
    low, high = (f(smooth, axis=(2, 3), keepdims=True) for f in (np.min, np.max))
    return torch.from_numpy((smooth - low) / (high - low)).float()


@pytest.mark.parametrize("augment", [simclr_view, strong_augment, weak_augment])
@pytest.mark.parametrize("num_channels", [1, 3])
class TestEveryAugmentation:
    def test_one_seed_gives_one_result_and_another_seed_another(self, augment, num_channels):
        images = smooth_images(8, num_channels, 24)
        first, again, other = (augment(images, seeded(seed)) for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    def test_the_shape_stays_and_values_stay_within_0_and_1(self, augment, num_channels):
        images = (smooth_images(64, num_channels, 24) > 0.5).float()
        result = augment(images, seeded())
        assert result.shape == images.shape
        assert result.dtype == torch.float32
        assert result.min() >= 0
        assert result.max() <= 1 + 1e-6  # the weights of a blur or a luma sum to 1 but for rounding

    def test_the_images_that_come_in_are_left_as_they_are(self, augment, num_channels):
        images = smooth_images(8, num_channels, 24)
        before = images.clone()
        augment(images, seeded())
        assert torch.equal(images, before)

    def test_copies_of_one_image_each_come_out_different(self, augment, num_channels):
        result = augment(smooth_images(1, num_channels, 24).expand(12, -1, -1, -1), seeded())
        assert len({image.numpy().tobytes() for image in result}) == 12


def test_a_crop_is_that_part_of_the_image_that_its_numbers_tell():
    """Each crop is compared with a bilinear reading of the image at points computed here."""
    num_images, side = 6, 16
    images = smooth_images(num_images, 2, side)
    result = random_resized_crop(images, seeded(), min_scale=0.3, flip=True).numpy()
    u = torch.rand(5, num_images, generator=seeded()).double().numpy()
    is_mirrored = u[4] < 0.5
    assert 0 < is_mirrored.sum() < num_images
    for i in range(num_images):
        area, ratio = 0.3 + 0.7 * u[0, i], (4 / 3) ** (2 * u[1, i] - 1)
        width, height = min(1, math.sqrt(area * ratio)) * side, min(1, math.sqrt(area / ratio)) * side
        left, top = u[2, i] * (side - width), u[3, i] * (side - height)
        steps = (np.arange(side) + 0.5) / side
        columns, rows = left + steps * width - 0.5, top + steps * height - 0.5
        if is_mirrored[i]:
            columns = columns[::-1]
        points = np.meshgrid(rows, columns, indexing="ij")
        for channel in range(2):
            expected = ndimage.map_coordinates(images[i, channel].double().numpy(), points, order=1, mode="reflect")
            np.testing.assert_allclose(result[i, channel], expected, atol=1e-4)


def test_a_crop_of_the_whole_area_keeps_most_of_the_image_in_place():
    images = smooth_images(32, 1, 48)
    whole, part = (random_resized_crop(images, seeded(), min_scale=s, flip=False) for s in (1.0, 0.2))
    # With the whole area, only the aspect ratio (3/4 to 4/3) cuts anything off.
    assert (whole - images).abs().mean() < 0.5 * (part - images).abs().mean()


@pytest.mark.parametrize("setting", ["brightness", "contrast", "saturation", "hue"])
def test_each_part_of_the_jitter_draws_a_number_of_its_own_for_each_image(setting):
    images = smooth_images(1, 3, 8).mul(0.5).add(0.2).expand(6, -1, -1, -1)
    result = color_jitter(images, seeded(), **{**JITTER, setting: 0.2})
    assert len({image.numpy().tobytes() for image in result}) == 6


def test_brightness_and_contrast_are_those_of_their_formulas():
    images = smooth_images(5, 1, 8).mul(0.4).add(0.3)
    u = torch.rand(5, 5, generator=seeded()).numpy()
    expected = images.numpy() * (1 + 0.2 * (2 * u[0] - 1))[:, None, None, None]
    mean = expected.mean(axis=(1, 2, 3), keepdims=True)
    expected = mean + (expected - mean) * (1 + 0.3 * (2 * u[1] - 1))[:, None, None, None]
    result = color_jitter(images, seeded(), **{**JITTER, "brightness": 0.2, "contrast": 0.3})
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-5)


def test_turning_the_hue_and_saturation_leaves_grey_pixels_grey():
    grey = smooth_images(6, 1, 8).expand(-1, 3, -1, -1)
    result = color_jitter(grey, seeded(), **{**JITTER, "saturation": 0.8, "hue": 0.5})
    torch.testing.assert_close(result, grey, atol=1e-5, rtol=0)


def test_turning_the_hue_keeps_a_pixel_s_mean_and_its_distance_from_grey():
    images = smooth_images(6, 3, 8).mul(0.2).add(0.4)  # far from the bounds, so that nothing is clipped
    result = color_jitter(images, seeded(), **{**JITTER, "hue": 0.5})
    means = [x.mean(dim=1, keepdim=True) for x in (images, result)]
    torch.testing.assert_close(*means, atol=1e-5, rtol=0)
    distances = [(x - mean).norm(dim=1) for x, mean in zip((images, result), means, strict=True)]
    torch.testing.assert_close(*distances, atol=1e-5, rtol=0)
    assert (result - images).abs().max() > 0.05


def test_a_third_of_a_turn_moves_red_to_green_or_blue():
    red = torch.zeros(64, 3, 1, 1)
    red[:, 0] = 1
    result = color_jitter(red, seeded(), **{**JITTER, "hue": 1 / 3}).squeeze()
    assert result.argmax(dim=1).unique().tolist() == [0, 1, 2]


def test_saturation_of_zero_is_the_grey_of_random_grayscale():
    images = smooth_images(400, 3, 4)
    u = torch.rand(5, 400, generator=seeded())
    dullest = int(u[2].argmin())  # its factor, 1 - 1 + 2u, is the nearest to zero
    result = color_jitter(images, seeded(), **{**JITTER, "saturation": 1.0})
    grey = random_grayscale(images, seeded(), probability=1.0)
    torch.testing.assert_close(result[dullest], grey[dullest], atol=0.02, rtol=0)


def test_grey_images_have_equal_channels_and_the_luma_of_bt_601():
    images = smooth_images(40, 3, 8)
    result = random_grayscale(images, seeded(), probability=0.5)
    is_grey = (result == result[:, :1]).all(dim=1).all(dim=(1, 2))
    assert 8 < is_grey.sum() < 32
    assert torch.equal(result[~is_grey], images[~is_grey])
    luma = 0.299 * images[:, 0] + 0.587 * images[:, 1] + 0.114 * images[:, 2]
    torch.testing.assert_close(result[is_grey][:, 1], luma[is_grey])


def test_an_image_of_one_channel_is_grey_already():
    images = smooth_images(4, 1, 8)
    assert torch.equal(random_grayscale(images, seeded(), probability=1.0), images)


@pytest.mark.parametrize("num_channels", [1, 3])
def test_the_blur_is_that_of_scipy_with_a_deviation_of_its_own_for_each_image(num_channels):
    num_images, side = 12, 224
    images = torch.rand(num_images, num_channels, side, side, generator=seeded(9))
    result = gaussian_blur(images, seeded(), probability=0.5)
    u = torch.rand(2, num_images, generator=seeded())
    is_blurred = u[0] < 0.5
    assert 1 < is_blurred.sum() < num_images
    assert torch.equal(result[~is_blurred], images[~is_blurred])
    for i in is_blurred.nonzero().flatten().tolist():
        sigma = 0.1 + 1.9 * float(u[1, i])  # the paper's range, which holds at 224 px
        for channel in range(num_channels):
            expected = ndimage.gaussian_filter(images[i, channel].numpy(), sigma, mode="mirror", radius=11)
            np.testing.assert_allclose(result[i, channel].numpy(), expected, atol=1e-4)


def test_a_small_image_is_blurred_in_proportion_and_stays_finite():
    images = torch.rand(32, 1, 8, 8, generator=seeded(9))
    result = gaussian_blur(images, seeded(), probability=1.0)
    assert torch.isfinite(result).all()
    # Less than a tenth of a pixel at 8 px: next to nothing.
    torch.testing.assert_close(result, images, atol=0.05, rtol=0)
