"""Headers say what decoding the file yields."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.images.decoding import read_image
from overread.images.file_header import FileHeader, read_headers
from overread.images.location import Location
from overread.images.raster import FORMATS
from tests.core.images.made_tiff import tiff

_COLOR = np.random.default_rng(0).integers(0, 256, (10, 24, 3), dtype=np.uint8)
_DEEP = _COLOR[..., 0].astype(np.uint16) * 16


def _header(path: Path) -> FileHeader:
    (header,) = read_headers([Location.of(path)])
    return header


@pytest.mark.parametrize("form", FORMATS)
def test_size_format_and_depth_are_those_that_were_written(tmp_path: Path, form: str) -> None:
    Image.fromarray(_COLOR).save(tmp_path / "a.img", form)
    header = _header(tmp_path / "a.img")
    assert (header.format, header.width_px, header.height_px, header.bits) == (form, 24, 10, 8)
    assert header.channels == 3
    assert header.num_bytes == (tmp_path / "a.img").stat().st_size


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_image(tmp_path: Path, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(_COLOR).save(tmp_path / "a.img", form, exif=exif)
    header = _header(tmp_path / "a.img")
    assert (header.height_px, header.width_px) == read_image(tmp_path / "a.img").pixels.shape[:2]
    assert (header.width_px > header.height_px) == (orientation < 5)  # 5 to 8 lie on their side (EXIF 2.3, 4.6.4)


@pytest.mark.parametrize(
    ("pixels", "channels", "bits"),
    [
        (_DEEP, 1, 16),
        (_DEEP.astype(np.int16) - 1024, 1, 16),
        (_COLOR.astype(np.uint16), 3, 16),
        (_DEEP.astype(np.float32), 1, 32),
        (_DEEP.astype(np.float64), 1, 64),
        (_COLOR, 3, 8),
    ],
)
def test_channels_and_bits_of_a_tiff_are_those_stored(
    tmp_path: Path, pixels: np.ndarray, channels: int, bits: int
) -> None:
    (tmp_path / "a.tif").write_bytes(tiff([pixels]))
    header = _header(tmp_path / "a.tif")
    assert (header.format, header.width_px, header.height_px) == ("TIFF", 24, 10)
    assert (header.channels, header.bits) == (channels, bits)


def test_a_file_that_is_no_image_has_an_empty_header(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    assert _header(tmp_path / "a.png") == FileHeader()
