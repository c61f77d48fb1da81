"""Colour of 16 bits and real numbers of 64, against the values that were written."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.images.decoded_image import to_uint8
from overread.images.decoding import read_image
from tests.core.images.made_tiff import tiff

_RNG = np.random.default_rng(0)
_COLOR = _RNG.integers(0, 2**16, (10, 12, 3)).astype(np.uint16)
_COLOR[0, 0] = 2**16 - 1
_OF_12_BITS = (_COLOR >> 4).astype(np.uint16)


def _png(pixels: np.ndarray, *extra: bytes) -> bytes:
    """A PNG of 16 bits a channel (ISO/IEC 15948, 11.2). extra: chunks before the pixels."""
    height, width, num_channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if num_channels == 3 else 6, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = [_chunk(b"IHDR", header), *extra, _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("form", ["png", "tif", "big-endian.tif"])
@pytest.mark.parametrize(("pixels", "shift"), [(_COLOR, 8), (_OF_12_BITS, 4)], ids=["16 bits", "12 of 16 bits"])
def test_colour_of_16_bits_is_shown_by_the_bits_that_its_values_need(
    tmp_path: Path, form: str, pixels: np.ndarray, shift: int
) -> None:
    content = _png(pixels) if form == "png" else tiff([pixels], order=">" if form.startswith("big") else "<")
    (tmp_path / "a.img").write_bytes(content)
    assert (read_image(tmp_path / "a.img").pixels == pixels >> shift).all()


@pytest.mark.parametrize("form", ["png", "tif"])
def test_transparent_parts_of_deep_colour_are_black(tmp_path: Path, form: str) -> None:
    alpha = np.where(_COLOR[..., :1] > 2**15, 2**16 - 1, 0).astype(np.uint16)
    pixels = np.concatenate([_COLOR, alpha], axis=2)
    (tmp_path / "a.img").write_bytes(_png(pixels) if form == "png" else tiff([pixels]))
    assert (read_image(tmp_path / "a.img").pixels == np.where(alpha > 0, _COLOR >> 8, 0)).all()


@pytest.mark.parametrize("form", ["png", "tif"])
def test_deep_colour_with_equal_channels_is_grey(tmp_path: Path, form: str) -> None:
    pixels = np.repeat(_COLOR[..., :1], 3, axis=2)
    (tmp_path / "a.img").write_bytes(_png(pixels) if form == "png" else tiff([pixels]))
    assert (read_image(tmp_path / "a.img").pixels == pixels[..., 0] >> 8).all()


def test_deep_colour_on_its_side_is_set_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored rows are columns, from the right (EXIF 2.3, 4.6.4)
    turned = np.rot90(_COLOR).copy()
    (tmp_path / "a.png").write_bytes(_png(turned, _chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))))
    (tmp_path / "a.tif").write_bytes(tiff([turned], tags={0x0112: 6}))
    for name in ("a.png", "a.tif"):
        assert (read_image(tmp_path / name).pixels == _COLOR >> 8).all(), name


def test_real_numbers_of_64_bits_are_shown_over_their_range(tmp_path: Path) -> None:
    pixels = np.linspace(0, 1e-3, 120).reshape(10, 12)
    pixels[5, 5] = np.nan
    (tmp_path / "a.tif").write_bytes(tiff([pixels]))
    shown = to_uint8(read_image(tmp_path / "a.tif"))
    assert (shown[0, 0], shown[5, 5], shown[-1, -1]) == (0, 0, 255)
    assert np.abs(np.delete(shown.ravel() - 255 * np.arange(120) / 119, 65)).max() <= 0.5 + 1e-3
