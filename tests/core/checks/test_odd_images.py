import numpy as np

from core.checks.odd_images import check_odd_images
from tests.core.checks.samples import made_samples


def posed(num_images, *, side_px=48, noise=25):
    """Grey images of one pose: two dark fields beside each other, a bright base, a small bright top."""
    rng = np.random.default_rng(0)
    pose = np.full((side_px, side_px), 120.0)
    pose[8:34, 6:20] = pose[8:34, 28:42] = 40
    pose[36:] = 210
    pose[:5, 20:28] = 230
    return (pose + rng.normal(0, noise, (num_images, side_px, side_px))).clip(0, 255).astype(np.uint8)[..., None]


def found(pixels):
    samples = made_samples([f"{i}.png" for i in range(len(pixels))], ["cat"] * len(pixels))
    findings = check_odd_images(samples, pixels, [f"id{i}" for i in range(len(pixels))])
    return {finding.kind: finding.samples for finding in findings}


def test_inverted_turned_and_blank_images_are_told_apart():
    pixels = posed(40)
    pixels[3] = 255 - pixels[3]
    pixels[8], pixels[9], pixels[10] = (np.rot90(pixels[i], turn) for i, turn in ((8, 1), (9, 2), (10, 3)))
    pixels[20] = 17
    assert found(pixels) == {"inverted": ("id3",), "rotated": ("id8", "id9", "id10"), "blank": ("id20",)}


def test_images_of_one_pose_are_no_finding_however_noisy():
    assert found(posed(40, noise=60)) == {}


def test_images_without_a_common_pose_can_be_neither_turned_nor_inverted():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 48, 3), dtype=np.uint8)
    pixels[3] = 255 - pixels[3]
    assert found(pixels) == {}


def test_a_study_of_few_images_has_no_common_pose():
    pixels = posed(10)
    pixels[3] = 255 - pixels[3]
    assert found(pixels) == {}


def test_images_of_the_cache_that_are_no_samples_any_more_do_not_count():
    pixels = posed(30)
    pixels[5] = 0
    samples = made_samples([f"{i}.png" for i in range(30)], ["cat"] * 30).drop(index=5)
    assert check_odd_images(samples, pixels, [f"id{i}" for i in range(30)]) == []
