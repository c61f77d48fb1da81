"""Pixels that are not square: the displayed image is as wide and as high as what it shows."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from overread.errors import ImageError
from overread.images.cache.tile import square_tile
from overread.images.decoded_image import to_uint8
from overread.images.decoding import read_image
from overread.images.file_header import read_headers
from overread.images.location import Location
from tests.core.images.dicom.test_golden_pixels import needs_dcmtk
from tests.core.images.made_dicom import write_dicom

_ROWS, _COLUMNS = 20, 30
_RAMP = np.add.outer(np.arange(_ROWS) * 100, np.arange(_COLUMNS) * 8).astype(np.uint16)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"PixelAspectRatio": [2, 1]}, (30, 40)),
        ({"PixelAspectRatio": [1, 2]}, (60, 20)),
        ({"PixelAspectRatio": [4, 3]}, (30, 27)),
        ({"PixelSpacing": ["0.4", "0.2"]}, (30, 40)),
        ({"ImagerPixelSpacing": ["0.1", "0.3"]}, (90, 20)),
        ({"NominalScannedPixelSpacing": ["3", "2"]}, (30, 30)),
        ({"PixelSpacing": ["1", "1"], "PixelAspectRatio": [2, 1]}, (30, 20)),
        ({"PixelSpacing": ["0.2001", "0.2"]}, (30, 20)),
        ({"PixelSpacing": ["", ""], "ImagerPixelSpacing": ["0.4", "0.2"]}, (30, 40)),
        ({"PixelAspectRatio": [1, 0]}, (30, 20)),
        ({"PixelAspectRatio": [1, 30_000]}, (30, 20)),
        ({"PixelAspectRatio": None}, (30, 20)),
    ],
)
def test_the_size_is_that_of_square_pixels_in_image_and_header(
    tmp_path: Path, attributes: dict[str, Any], size: tuple[int, int]
) -> None:
    write_dicom(tmp_path / "a.dcm", _RAMP, **attributes)
    assert read_image(tmp_path / "a.dcm").pixels.shape == size[::-1]
    (header,) = read_headers([Location(str(tmp_path / "a.dcm"))])
    assert (header.width_px, header.height_px) == size


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_stretched_values_lie_on_the_line_through_the_centres_of_the_pixels(tmp_path: Path, dtype: type) -> None:
    stored = (_RAMP // 10).astype(dtype)
    write_dicom(tmp_path / "a.dcm", stored, PixelAspectRatio=[3, 1])
    pixels = read_image(tmp_path / "a.dcm").pixels
    expected = np.empty((60, _COLUMNS))
    for column in range(_COLUMNS):
        expected[:, column] = np.interp((np.arange(60) + 0.5) / 3 - 0.5, np.arange(_ROWS), stored[:, column])
    assert np.issubdtype(pixels.dtype, np.integer)
    assert np.abs(pixels - expected).max() <= 0.5
    assert (pixels[1::3] == stored).all(), "nothing of what was stored is lost"


def test_colour_is_stretched_as_pillow_stretches_it(tmp_path: Path) -> None:
    color = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    write_dicom(tmp_path / "a.dcm", color, PixelAspectRatio=[1, 2])
    expected = np.asarray(Image.fromarray(color).resize((24, 16), Image.Resampling.BILINEAR))
    assert np.abs(read_image(tmp_path / "a.dcm").pixels.astype(int) - expected).max() <= 1


@needs_dcmtk
@pytest.mark.parametrize("ratio", [[2, 1], [1, 3], [4, 3]])
def test_the_size_is_dcmtk_s(tmp_path: Path, ratio: list[int]) -> None:
    write_dicom(tmp_path / "a.dcm", _RAMP, PixelAspectRatio=ratio)
    height, width = read_image(tmp_path / "a.dcm").pixels.shape
    for option, side in (("+Sxv", width), ("+Syv", height)):  # of the one side that is given, it finds the other
        subprocess.run(["dcm2pnm", "+a", option, str(side), tmp_path / "a.dcm", tmp_path / "a.pgm"], check=True)
        with Image.open(tmp_path / "a.pgm") as image:
            assert np.abs(np.subtract(image.size, (width, height))).max() <= 1


def test_padding_does_not_bleed_into_its_neighbours(tmp_path: Path) -> None:
    stored = np.full((10, 12), 1000, dtype=np.int16)
    stored[:, :5], stored[:3] = -2000, -2000
    write_dicom(tmp_path / "a.dcm", stored, PixelPaddingValue=-2000, PixelAspectRatio=[7, 3])
    image = read_image(tmp_path / "a.dcm")
    assert image.is_padding is not None
    assert image.pixels.shape == image.is_padding.shape == (23, 12)
    assert (image.pixels == 1000).all()
    assert image.is_padding[:7].all()
    assert (image.is_padding[7:] == (np.arange(12) < 5)).all()


def test_an_enhanced_file_s_spacing_is_that_of_its_frame(tmp_path: Path) -> None:
    def group(spacing: list[str]) -> Dataset:
        measures, item = Dataset(), Dataset()
        measures.PixelSpacing = spacing
        item.PixelMeasuresSequence = Sequence([measures])
        return item

    frames = np.stack([_RAMP, _RAMP])
    groups = Sequence([group(["1", "1"]), group(["1", "2"])])
    write_dicom(tmp_path / "a.dcm", frames, PerFrameFunctionalGroupsSequence=groups)
    shapes = [read_image(Location(str(tmp_path / "a.dcm"), number)).pixels.shape for number in (1, 2)]
    assert shapes == [(20, 30), (20, 60)]


def test_a_circle_in_tall_pixels_is_a_circle_in_the_cache(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :128]
    disc = (((2 * y - 64) ** 2 + (x - 64) ** 2) < 40**2).astype(np.uint16) * 1000
    write_dicom(tmp_path / "a.dcm", disc, PixelAspectRatio=[2, 1])
    tile = square_tile(read_image(tmp_path / "a.dcm"), 64)[..., 0] > 127
    assert abs(int(tile.any(axis=0).sum()) - int(tile.any(axis=1).sum())) <= 1
    assert to_uint8(read_image(tmp_path / "a.dcm")).shape == (128, 128)


def test_a_stretched_image_can_be_too_large(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", np.zeros((9, 13_000), dtype=np.uint8), PixelAspectRatio=[1, 100])
    assert read_image(tmp_path / "a.dcm").pixels.shape == (9, 1_300_000)
    write_dicom(tmp_path / "a.dcm", np.zeros((200, 13_000), dtype=np.uint8), PixelAspectRatio=[1, 100])
    with pytest.raises(ImageError, match=r"^1300000 x 200 px: too large"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    ("attributes", "spacing_mm", "is_at_detector"),
    [
        ({"PixelSpacing": ["0.3", "0.3"]}, (0.3, 0.3), False),
        ({"PixelSpacing": ["0.4", "0.2"]}, (0.2, 0.2), False),
        ({"ImagerPixelSpacing": ["0.1", "0.3"]}, (0.1, 0.1), True),
        ({"PixelSpacing": ["0.15", "0.15"], "ImagerPixelSpacing": ["0.15", "0.15"]}, (0.15, 0.15), True),
        ({"PixelSpacing": ["0.12", "0.12"], "ImagerPixelSpacing": ["0.15", "0.15"]}, (0.12, 0.12), False),
        ({"PixelSpacing": ["", ""], "ImagerPixelSpacing": ["0.2", "0.2"]}, (0.2, 0.2), True),
    ],
)
def test_the_spacing_is_that_of_the_displayed_pixels(
    tmp_path: Path, attributes: dict[str, Any], spacing_mm: tuple[float, float], is_at_detector: bool
) -> None:
    write_dicom(tmp_path / "a.dcm", _RAMP, **attributes)
    spacing = read_image(Location.of(tmp_path / "a.dcm")).spacing
    assert spacing is not None
    assert (spacing.row_mm, spacing.column_mm) == pytest.approx(spacing_mm)
    assert spacing.is_at_detector == is_at_detector


@pytest.mark.parametrize(
    "attributes", [{}, {"PixelSpacing": ["0", "0.2"]}, {"PixelAspectRatio": [2, 1]}, {"PixelSpacing": ["0.2"]}]
)
def test_without_two_positive_numbers_there_is_no_spacing(tmp_path: Path, attributes: dict[str, Any]) -> None:
    write_dicom(tmp_path / "a.dcm", _RAMP, **attributes)
    assert read_image(Location.of(tmp_path / "a.dcm")).spacing is None
