"""What read_image refuses, and how values become grey levels."""

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.errors import ImageError
from overread.images.decoded_image import DecodedImage, to_uint8
from overread.images.decoding import read_image
from overread.images.silence import silence


def _jpeg(path: Path) -> bytes:
    Image.effect_noise((64, 48), 60).save(path, "JPEG")
    return path.read_bytes()


def _reason(path: Path) -> str:
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert path.stem not in str(caught.value), "a reason may stand on a page: no names in it"
    return str(caught.value)


def test_a_truncated_jpeg_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "secretname.jpg"
    path.write_bytes(_jpeg(path)[:-200])
    assert _reason(path) == "the file is truncated"
    with pytest.raises(ImageError, match="truncated"):
        read_image(path, at_least_px=8)


def test_a_text_file_named_dcm_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "secretname.dcm"
    path.write_text("image,label\n" * 50)
    assert _reason(path).startswith("not an image")


def test_a_file_of_zero_bytes_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "secretname.png"
    path.touch()
    assert _reason(path) == "the file is empty"


@pytest.mark.parametrize("size", [(1, 1), (7, 900), (900, 7)])
def test_under_eight_pixels_a_side_is_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "secretname.png"
    Image.new("L", size).save(path)
    assert _reason(path).startswith(f"{size[0]} x {size[1]} px: too small")


@pytest.mark.parametrize("side_px", [12_500, 20_000])  # below and above pillow's own limit
def test_a_decompression_bomb_is_too_large(tmp_path: Path, side_px: int) -> None:
    path = tmp_path / "secretname.png"
    Image.new("1", (side_px, side_px)).save(path)
    assert path.stat().st_size < 100_000
    assert "too large (over 150 megapixels)" in _reason(path)


def test_a_missing_file_and_a_folder_are_named_as_such(tmp_path: Path) -> None:
    assert _reason(tmp_path / "secretname.png") == "no such file"
    assert _reason(tmp_path / "secretname.png" / "inside") == "no such file"
    (tmp_path / "secretfolder").mkdir()
    assert _reason(tmp_path / "secretfolder") == "not a file"


def test_the_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    Image.new("L", (9, 8), 77).save(tmp_path / "a.dcm", "PNG")
    assert (read_image(tmp_path / "a.dcm").pixels == 77).all()


def test_the_default_window_spans_what_occurs_and_8_bits_are_shown_as_they_are() -> None:
    deep = DecodedImage(np.array([[100, 355], [100, 200]], dtype=np.uint16))
    assert to_uint8(deep).tolist() == [[0, 255], [0, 100]]
    shallow = DecodedImage(np.array([[3, 200]], dtype=np.uint8))
    assert to_uint8(shallow).tolist() == [[3, 200]]
    assert shallow.window() == (128, 256)
    flat = DecodedImage(np.full((2, 2), 40_000, dtype=np.uint16))
    assert len(np.unique(to_uint8(flat))) == 1


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0, 4095], [17, 60_000]], dtype=np.uint16),
        np.array([[-1024, 3071], [0, 1]], dtype=np.int32),
        np.array([[70_000, 80_000], [70_001, 79_999]], dtype=np.int32),
    ],
)
def test_codes_give_integers_back_exactly(values: np.ndarray) -> None:
    codes, scale, offset = DecodedImage(values).codes()
    assert codes.dtype == np.uint16
    assert (codes * scale + offset).astype(np.int64).tolist() == values.tolist()


@pytest.mark.parametrize(
    ("center", "width", "shown"),
    [(3.5, 1, [0, 0, 255, 255]), (3, 1, [0, 255, 255, 255]), (3, 2, [0, 255, 255, 255]), (3.5, 3, [0, 128, 255, 255])],
)
def test_a_linear_window_begins_and_ends_where_the_standard_has_it(center: float, width: float, shown: list) -> None:
    """PS3.3 C.11.2.1.2.1: black up to c - 0.5 - (w - 1) / 2, white above c - 0.5 + (w - 1) / 2."""
    picture = DecodedImage(np.array([[2, 3, 4, 5]], dtype=np.uint16), window_center=center, window_width=width)
    assert to_uint8(picture).tolist() == [shown]


def test_codes_of_real_numbers_are_off_by_half_a_step_at_most() -> None:
    values = np.random.default_rng(0).normal(0, 50, (40, 40)).astype(np.float32)
    codes, scale, offset = DecodedImage(values).codes()
    assert np.abs(codes * scale + offset - values).max() <= scale * 0.501
    assert scale < 0.01


def test_a_window_on_the_codes_shows_what_the_window_on_the_values_shows() -> None:
    values = np.random.default_rng(0).integers(-1000, 2000, (30, 30)).astype(np.int32)
    picture = DecodedImage(values, window_center=40.0, window_width=400.0)
    codes, scale, offset = picture.codes()
    on_codes = DecodedImage(codes, window_center=(40 - offset) / scale, window_width=400 / scale)
    assert (to_uint8(on_codes) == to_uint8(picture)).all()


def test_only_the_decoding_thread_is_silent() -> None:
    inside, may_leave = threading.Event(), threading.Event()

    def decode() -> None:
        with silence():
            warnings.warn("a tag value", stacklevel=1)  # an error here, were it not silenced
            inside.set()
            may_leave.wait(5)

    thread = threading.Thread(target=decode)
    thread.start()
    assert inside.wait(5)
    with pytest.raises(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)
    may_leave.set()
    thread.join()


def test_silence_holds_where_other_filters_came_later() -> None:
    with silence():
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with silence():
            warnings.warn("a tag value", stacklevel=1)
