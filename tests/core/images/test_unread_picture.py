"""Intact pictures that pillow does not read are named, and are not called damaged."""

import io
import struct
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import get_frame

from overread.errors import ImageError
from overread.images.decoding import read_image
from tests.core.images.made_tiff import COMPRESSION, tiff
from tests.core.images.test_file_kinds import KINDS

_FOLDERS = (Path(pydicom.__file__).parent / "data" / "test_files", Path(data_store.__file__).parent / "data")
_GREY = np.arange(120, dtype=np.uint8).reshape(10, 12)


def _jpeg_of(name: str) -> bytes:
    """The first frame of one of pydicom's files."""
    dataset = pydicom.dcmread(next(path for folder in _FOLDERS if (path := folder / name).is_file()))
    return get_frame(dataset.PixelData, 0, number_of_frames=int(dataset.get("NumberOfFrames", 1)))


def _jpeg(*, code: int = 0xC0, bits: int = 8) -> bytes:
    file = io.BytesIO()
    Image.fromarray(_GREY).save(file, "JPEG")
    start = file.getvalue().index(b"\xff\xc0")
    content = bytearray(file.getvalue())
    content[start + 1], content[start + 4] = code, bits
    return bytes(content)


def _bmp_of_a_jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(_GREY).save(file, "BMP")
    return file.getvalue()[:30] + struct.pack("<I", 4) + file.getvalue()[34:]  # biCompression: BI_JPEG


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (_jpeg_of("JPEG-LL.dcm"), "a lossless JPEG"),
        (_jpeg_of("JPEG-lossy.dcm"), "a JPEG of 12 bits"),
        (_jpeg(code=0xC3), "a lossless JPEG"),
        (_jpeg(code=0xC5), "a hierarchical JPEG"),
        (_jpeg(code=0xC1, bits=12), "a JPEG of 12 bits"),
        (_jpeg_of("JPEGLSNearLossless_08.dcm"), "a JPEG-LS image"),
        (tiff([_GREY], tags={COMPRESSION: 50002}), r"a TIFF whose compression \(50002\)"),
        (tiff([_GREY], tags={COMPRESSION: 34887}), r"a TIFF whose compression \(34887\)"),
        (tiff([_GREY.astype(np.complex64)]), "a TIFF of 1 channel with 64 bits each"),
        (tiff([np.dstack([_GREY] * 5)]), "a TIFF of 5 channels with 8 bits each"),
        (_bmp_of_a_jpeg(), "a picture of an unusual kind"),
        *(pytest.param(content, "", id=kind) for kind, content in KINDS.items()),
    ],
)
def test_it_is_named_with_what_to_do(tmp_path: Path, content: bytes, named: str) -> None:
    (tmp_path / "a.img").write_bytes(content)
    with pytest.raises(ImageError, match=rf"^{named}.*: .+") as caught:
        read_image(tmp_path / "a.img")
    for word in ("damaged", "cut", "truncated"):
        assert word not in str(caught.value)


def test_a_table_that_begins_as_a_bmp_does_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("BMI,age,label\n" + "27.1,60,0\n" * 50)
    with pytest.raises(ImageError, match=r"^not an image of a kind that is read"):
        read_image(tmp_path / "a.csv")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_a_file_that_ends_early_is_still_called_truncated_or_damaged(tmp_path: Path, form: str) -> None:
    file = io.BytesIO()
    Image.effect_noise((64, 48), 60).save(file, form, compression="tiff_adobe_deflate")
    (tmp_path / "a.img").write_bytes(file.getvalue()[: len(file.getvalue()) * 2 // 3])
    with pytest.raises(ImageError, match=r"truncated|damaged|beginning cannot be read"):
        read_image(tmp_path / "a.img")
