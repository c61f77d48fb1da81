import json
import os
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest

from overread.checks.odd_images import check_odd_images
from overread.images.cache.tile import square_tile
from overread.images.decoding import read_image
from overread.images.file_header import FileHeader
from tests.core.checks.samples import made_samples
from tests.core.commands import run_command
from tests.core.images.made_dicom import write_dicom

_RG1 = Path(data_store.__file__).parent / "data" / "RG1_UNCR.dcm"


def posed(num_images, *, side_px=48, noise=25):
    """Grey images of one pose: two dark fields beside each other, a bright base, a small bright top."""
    rng = np.random.default_rng(0)
    pose = np.full((side_px, side_px), 120.0)
    pose[8:34, 6:20] = pose[8:34, 28:42] = 40
    pose[36:] = 210
    pose[:5, 20:28] = 230
    return (pose + rng.normal(0, noise, (num_images, side_px, side_px))).clip(0, 255).astype(np.uint8)[..., None]


def found(pixels, **header):
    samples = made_samples([f"{i}.png" for i in range(len(pixels))], ["cat"] * len(pixels))
    headers = [FileHeader(**header)] * len(pixels)
    findings = check_odd_images(samples, pixels, [f"id{i}" for i in range(len(pixels))], headers)
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
    assert check_odd_images(samples, pixels, [f"id{i}" for i in range(30)], [FileHeader()] * 29) == []


@pytest.mark.parametrize("num_inverted", [1, 12, 19])
def test_inverted_images_are_found_however_many_they_are_up_to_half(num_inverted):
    pixels = posed(40)
    pixels[:num_inverted] = 255 - pixels[:num_inverted]
    assert found(pixels) == {"inverted": tuple(f"id{i}" for i in range(num_inverted))}


def limbs(num_images, *, height_px=48):
    """Bright limbs at any angle before a dark background, which is what lies at the rim; black padding beside them."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48] - 23.5
    pixels = np.zeros((num_images, 48, 48), dtype=np.uint8)
    top = (48 - height_px) // 2
    for image in pixels:
        angle, (across, down) = rng.uniform(0, np.pi), rng.uniform(-9, 9, 2)
        along = (x - across) * np.cos(angle) + (y - down) * np.sin(angle)
        is_limb = (np.abs(along) < 6) & (np.hypot(x - across, y - down) < 14)
        limb = np.where(is_limb, 190, 25) + rng.normal(0, 8, (48, 48))
        image[top : top + height_px] = limb.clip(0, 255)[top : top + height_px]
    return pixels[..., None]


@pytest.mark.parametrize("height_px", [48, 36])
def test_without_a_common_pose_the_rim_tells_which_images_are_inverted(height_px):
    pixels = limbs(40, height_px=height_px)
    top = (48 - height_px) // 2
    part = pixels[5:8, top : top + height_px]
    part[:] = 255 - part
    header = {"width_px": 480, "height_px": 10 * height_px}
    assert found(pixels, **header) == {"inverted": ("id5", "id6", "id7")}


def test_of_dicom_files_that_lie_of_black_and_white_the_finding_says_which_they_are(tmp_path):
    """The real chest radiograph, MONOCHROME1, moved and exposed anew; three of the copies say MONOCHROME2."""
    rng = np.random.default_rng(0)
    stored = pydicom.dcmread(_RG1).pixel_array[::16, ::16]
    lying = ("03.dcm", "11.dcm", "17.dcm")
    (tmp_path / "tree").mkdir()
    for number in range(24):
        top, left = rng.integers(0, 12, 2)
        moved = (stored[top : top + 108, left : left + 100] * rng.uniform(0.9, 1)).astype(np.uint16)
        name = f"{number:02}.dcm"
        write_dicom(
            tmp_path / "tree" / name, moved, BitsStored=15, HighBit=14, Laterality="LR"[number % 2],
            PhotometricInterpretation="MONOCHROME2" if name in lying else "MONOCHROME1",
        )  # fmt: skip
    ended = run_command(
        "import", tmp_path / "tree", "--label-tag", "Laterality", "--study", tmp_path / "s", "--image-size", 64
    )
    assert ended.status == 0, ended.err
    findings = json.loads(run_command("check", tmp_path / "s", "--json").out)["findings"]
    (inverted,) = [finding for finding in findings if finding["kind"] == "inverted"]
    lines = (tmp_path / "s" / "samples.csv").read_text().splitlines()[1:]
    images = dict(line.split(",")[:2] for line in lines)
    assert sorted(images[sample_id] for sample_id in inverted["samples"]) == list(lying)
    assert inverted["message"] == (
        "3 images seem to be inverted (dark for light) compared with the rest; by their DICOM tag, which may be wrong, "
        "3 of these are MONOCHROME2, 21 of the others are MONOCHROME1"
    )


@pytest.mark.real_data
@pytest.mark.skipif("OVERREAD_DATA" not in os.environ, reason="OVERREAD_DATA names no folder of real images")
def test_among_real_chest_radiographs_only_a_flipped_one_is_inverted():
    files = sorted((Path(os.environ["OVERREAD_DATA"]) / "chest_xray").rglob("*.jpeg"))[::6]
    chest = square_tile(read_image(_RG1), 64)
    tiles = np.stack([*(square_tile(read_image(file, at_least_px=64), 64) for file in files), chest, 255 - chest])
    flipped = f"id{len(tiles) - 1}"
    assert len(files) > 600
    assert found(tiles)["inverted"] == (flipped,)
