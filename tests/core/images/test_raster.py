"""Still pictures against arrays made here."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.images.decoded_image import to_uint8
from overread.images.decoding import read_image
from overread.images.raster import FORMATS, MORE_CHANNELS, MORE_FRAMES, MORE_PAGES
from tests.core.images.made_tiff import PHOTOMETRIC, SUBFILE, tiff

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


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_16_bit_tiff_reads_the_same_in_either_byte_order(tmp_path: Path, order: str) -> None:
    (tmp_path / "a.tif").write_bytes(tiff([_DEEP], order=order))
    assert (read_image(tmp_path / "a.tif").pixels == _DEEP).all()


def test_a_16_bit_tiff_whose_white_is_zero_is_shown_inverted(tmp_path: Path) -> None:
    (tmp_path / "white.tif").write_bytes(tiff([_DEEP], tags={PHOTOMETRIC: 0}))
    (tmp_path / "black.tif").write_bytes(tiff([_DEEP]))
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


_LOSSLESS = {
    "BMP": {},
    "PPM": {},
    "JPEG2000": {"irreversible": False},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "GIF": {},
}
_TOLERANCE = {"AVIF": 4}
"""It converts to YCbCr."""


@pytest.mark.parametrize("form", _LOSSLESS)
def test_the_other_formats_come_back_as_they_were_written(tmp_path: Path, form: str) -> None:
    few_colors = (_COLOR // 128 * 255).astype(np.uint8)  # as many as a GIF's palette holds
    for pixels in (_GREY, few_colors):
        Image.fromarray(pixels).save(tmp_path / "a.img", form, **_LOSSLESS[form])
        shown = to_uint8(read_image(tmp_path / "a.img"))
        assert shown.shape == pixels.shape
        assert np.abs(shown.astype(int) - pixels).max() <= _TOLERANCE.get(form, 0)


def test_every_format_is_one_that_this_pillow_opens() -> None:
    Image.init()
    assert set(FORMATS) <= set(Image.OPEN)


def test_grey_of_16_bits_keeps_its_depth_in_pgm_and_jpeg_2000(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5\n12 10\n65535\n" + _DEEP.astype(">u2").tobytes())
    Image.fromarray(_DEEP).save(tmp_path / "a.jp2", "JPEG2000", irreversible=False)
    text = " ".join(str(value) for value in _DEEP.ravel())
    (tmp_path / "plain.pgm").write_text(f"P2\n# a comment\n12 10\n65535\n{text}\n")
    for name in ("a.pgm", "a.jp2", "plain.pgm"):
        image = read_image(tmp_path / name)
        assert image.pixels.dtype == np.uint16, name
        assert (image.pixels == _DEEP).all(), name


def test_signed_and_wide_integers_of_a_tiff_keep_their_values(tmp_path: Path) -> None:
    wide = _DEEP.astype(np.uint32) * 2**20
    for pixels in (_DEEP.astype(np.int16) - 1024, (_GREY.astype(int) - 128).astype(np.int8), wide, -_DEEP.astype("i4")):
        (tmp_path / "a.tif").write_bytes(tiff([pixels]))
        assert (read_image(tmp_path / "a.tif").pixels == pixels).all(), pixels.dtype


def test_lab_is_shown_in_its_colours(tmp_path: Path) -> None:
    # CIE 1976 L*a*b* of sRGB red: 53.2, 80.1, 67.2 (D65), or 54.3, 80.8, 69.9 (D50, which ICC uses)
    lab = np.broadcast_to(np.array([round(54.3 * 255 / 100), 81, 70], dtype=np.uint8), (10, 12, 3))
    (tmp_path / "a.tif").write_bytes(tiff([lab], tags={PHOTOMETRIC: 8}))
    red, green, blue = map(int, read_image(tmp_path / "a.tif").pixels[5, 5])
    assert red > 245
    assert max(green, blue) < 20


def test_of_several_pages_frames_or_channels_the_first_is_read_and_a_note_says_so(tmp_path: Path) -> None:
    pages = [_DEEP, _DEEP[::-1], _DEEP[:, ::-1]]
    (tmp_path / "stack.tif").write_bytes(tiff(pages))
    (tmp_path / "real.tif").write_bytes(tiff([page.astype(float) for page in pages]))
    (tmp_path / "channels.tif").write_bytes(tiff([np.dstack([_GREY, 255 - _GREY])]))
    for name in ("a.gif", "a.png", "a.webp"):
        first = Image.fromarray(_GREY)
        options = {"lossless": True} if name == "a.webp" else {}
        first.save(tmp_path / name, save_all=True, append_images=[first.rotate(180)], duration=9, **options)
    for name, expected, note in (
        ("stack.tif", _DEEP, MORE_PAGES),
        ("real.tif", _DEEP, MORE_PAGES),
        ("channels.tif", _GREY, MORE_CHANNELS),
        ("a.gif", _GREY, MORE_FRAMES),
        ("a.png", _GREY, MORE_FRAMES),
        ("a.webp", _GREY, MORE_FRAMES),
    ):
        image = read_image(tmp_path / name)
        assert image.notes == (note,), name
        assert (image.pixels == expected).all(), name


def test_reduced_pages_and_a_single_one_take_no_note(tmp_path: Path) -> None:
    (tmp_path / "pyramid.tif").write_bytes(tiff([_GREY, _GREY[::2, ::2]], later={SUBFILE: 1}))
    (tmp_path / "one.tif").write_bytes(tiff([_GREY]))
    assert [read_image(tmp_path / name).notes for name in ("pyramid.tif", "one.tif")] == [(), ()]


def test_a_jpeg_with_previews_takes_no_note(tmp_path: Path) -> None:
    file = io.BytesIO()
    image = Image.fromarray(_GREY)
    image.save(file, "MPO", save_all=True, append_images=[image])
    (tmp_path / "a.jpg").write_bytes(file.getvalue())
    assert read_image(tmp_path / "a.jpg").notes == ()
