"""PNG, JPEG and TIFF against arrays made here."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.images.decoded_image import to_uint8
from overread.images.decoding import read_image

_RNG = np.random.default_rng(0)
_GREY = _RNG.integers(0, 256, (10, 12), dtype=np.uint8)
_DEEP = _RNG.integers(0, 4096, (10, 12)).astype(np.uint16)
_COLOR = _RNG.integers(0, 256, (10, 12, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_grey_and_colour_of_8_bits_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    for pixels in (_GREY, _COLOR):
        Image.fromarray(pixels).save(tmp_path / name)
        assert (to_uint8(read_image(tmp_path / name)) == pixels).all()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bits_keep_their_depth_and_are_shown_over_the_values_that_occur(tmp_path: Path, name: str) -> None:
    Image.fromarray(_DEEP).save(tmp_path / name)
    picture = read_image(tmp_path / name)
    assert picture.pixels.dtype == np.uint16
    assert (picture.pixels == _DEEP).all()
    low, high = int(_DEEP.min()), int(_DEEP.max())
    assert np.abs(to_uint8(picture) - 255.0 * (_DEEP - low) / (high - low)).max() <= 0.5 + 1e-9


def _tiff16(pixels: np.ndarray, *, order: str, photometric: int) -> bytes:
    """A TIFF written by hand (TIFF 6.0, section 2), one strip, no compression."""
    height, width = pixels.shape
    tags = [(256, width), (257, height), (258, 16), (259, 1), (262, photometric), (273, 0), (277, 1), (278, height)]
    tags.append((279, pixels.nbytes))
    data_start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack(f"{order}HHIHH", tag, 3, 1, data_start if tag == 273 else value, 0) for tag, value in tags
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(tags))
    return head + entries + bytes(4) + pixels.astype(f"{order}u2").tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_16_bit_tiff_reads_the_same_in_either_byte_order(tmp_path: Path, order: str) -> None:
    (tmp_path / "a.tif").write_bytes(_tiff16(_DEEP, order=order, photometric=1))
    assert (read_image(tmp_path / "a.tif").pixels == _DEEP).all()


def test_a_16_bit_tiff_whose_white_is_zero_is_shown_inverted(tmp_path: Path) -> None:
    (tmp_path / "white.tif").write_bytes(_tiff16(_DEEP, order="<", photometric=0))
    (tmp_path / "black.tif").write_bytes(_tiff16(_DEEP, order="<", photometric=1))
    white, black = (to_uint8(read_image(tmp_path / name)) for name in ("white.tif", "black.tif"))
    assert (white == 255 - black).all()


def test_a_tiff_of_real_numbers_is_shown_over_its_range_and_nan_is_black(tmp_path: Path) -> None:
    pixels = np.linspace(-1, 1, 120, dtype=np.float32).reshape(10, 12)
    pixels[5, 5] = np.nan
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    shown = to_uint8(read_image(tmp_path / "a.tif"))
    assert shown[0, 0] == 0
    assert shown[-1, -1] == 255
    assert shown[5, 5] == 0
    assert shown[0, 11] == round(255 * 11 / 119)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_equal_channels_are_grey_and_one_other_value_makes_colour(tmp_path: Path, name: str) -> None:
    color = np.dstack([_GREY, _GREY, _GREY])
    Image.fromarray(color).save(tmp_path / name)
    assert (read_image(tmp_path / name).pixels == _GREY).all()
    color[7, 7, 2] ^= 1
    Image.fromarray(color).save(tmp_path / name)
    assert (read_image(tmp_path / name).pixels == color).all()


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    bits = _GREY > 127
    Image.fromarray(bits).save(tmp_path / "a.png")
    assert (to_uint8(read_image(tmp_path / "a.png")) == bits * 255).all()


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(_GREY % 4, mode=None)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    image.save(tmp_path / "a.png")
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], dtype=np.uint8)
    assert (to_uint8(read_image(tmp_path / "a.png")) == colors[_GREY % 4]).all()


def test_transparent_parts_are_black(tmp_path: Path) -> None:
    alpha = np.where(_GREY > 127, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([_COLOR, alpha])).save(tmp_path / "a.png")
    assert (to_uint8(read_image(tmp_path / "a.png")) == _COLOR * (alpha[..., None] == 255)).all()


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.tif")
    assert read_image(tmp_path / "red.tif").pixels[8, 8].tolist() == [255, 0, 0]
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=100)
    red, green, blue = read_image(tmp_path / "red.jpg").pixels[8, 8]
    assert red > 250
    assert green < 5
    assert blue < 5


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_every_exif_orientation_is_set_upright(tmp_path: Path, name: str) -> None:
    upright = np.zeros((16, 24), dtype=np.uint8)
    upright[:8, :8], upright[8:, 16:] = 255, 128
    # EXIF 2.3, tag 0112: where the stored first row and column belong
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }
    for orientation, pixels in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / name, exif=exif, quality=100)
        shown = to_uint8(read_image(tmp_path / name))
        assert shown.shape == upright.shape, orientation
        assert np.abs(shown.astype(int) - upright).max() <= 3, orientation


def test_broken_exif_is_no_fault(tmp_path: Path) -> None:
    Image.fromarray(_GREY).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert read_image(tmp_path / "a.jpg").pixels.shape == _GREY.shape


def test_a_jpeg_decoded_smaller_looks_like_the_whole_one(tmp_path: Path) -> None:
    smooth = Image.fromarray(_RNG.integers(0, 256, (12, 12), dtype=np.uint8)).resize(
        (480, 480), Image.Resampling.BICUBIC
    )
    smooth.save(tmp_path / "a.jpg", quality=95)
    small = read_image(tmp_path / "a.jpg", at_least_px=60).pixels
    assert small.shape == (120, 120)
    means = read_image(tmp_path / "a.jpg").pixels.reshape(120, 4, 120, 4).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 2
