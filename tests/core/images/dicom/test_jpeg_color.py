"""The colour space of JPEG frames, which markers, numbers of components and tags may tell differently."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit

from overread.images.decoding import read_image
from overread.images.dicom.codestream import coded_color
from tests.core.images.dicom.test_dicom_storage import write_coded
from tests.core.images.dicom.test_golden_pixels import needs_dcmtk, shown_by_dcmtk

_COLOR = np.zeros((48, 64, 3), dtype=np.uint8)
_COLOR[:, :32], _COLOR[:, 32:] = (220, 30, 30), (30, 60, 220)


def _jpeg(*, is_rgb: bool, is_bare: bool, numbers: bytes = b"", **options: int) -> bytes:
    """is_rgb: without a change of the colour space, with an Adobe marker; else YCbCr, with a JFIF marker. is_bare: the
    markers are taken away. numbers: of the components, in the place of those that were written."""
    file = io.BytesIO()
    Image.fromarray(_COLOR).save(file, "JPEG", quality=95, keep_rgb=is_rgb, **options)
    content, place, written = file.getvalue(), 2, bytearray(b"\xff\xd8")
    while content[place + 1] != 0xDA:
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4])
        segment = bytearray(content[place:end])
        if numbers and 0xC0 <= segment[1] <= 0xC2:
            segment[10:19:3] = numbers
        if not (is_bare and 0xE0 <= segment[1] <= 0xEF):
            written += segment
        place = end
    rest = bytearray(content[place:])
    if numbers:
        rest[5:11:2] = numbers
    return bytes(written + rest)


_FRAMES = {
    "ycbcr": _jpeg(is_rgb=False, is_bare=False),
    "ycbcr, no marker": _jpeg(is_rgb=False, is_bare=True),
    "ycbcr, no marker, not subsampled": _jpeg(is_rgb=False, is_bare=True, subsampling=0),
    "ycbcr, no marker, progressive": _jpeg(is_rgb=False, is_bare=True, progressive=True),
    "ycbcr, no marker, odd numbers": _jpeg(is_rgb=False, is_bare=True, numbers=b"\0\1\2"),
    "rgb": _jpeg(is_rgb=True, is_bare=False),
    "rgb, no marker": _jpeg(is_rgb=True, is_bare=True),
    "rgb, numbered as ycbcr": _jpeg(is_rgb=True, is_bare=False, numbers=b"\1\2\3"),
}


@needs_dcmtk
@pytest.mark.parametrize("name", _FRAMES)
@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL_422", "YBR_FULL"])
def test_red_is_red_whatever_the_tag_says(tmp_path: Path, name: str, interpretation: str) -> None:
    path = tmp_path / "a.dcm"
    dataset = write_coded(path, _COLOR, JPEGBaseline8Bit, [_FRAMES[name]], PhotometricInterpretation=interpretation)
    dataset.save_as(path, enforce_file_format=True)
    pixels = read_image(path).pixels.astype(int)
    assert np.abs(pixels[20, 10] - (220, 30, 30)).max() <= 2
    assert np.abs(pixels[20, 50] - (30, 60, 220)).max() <= 2
    by_dcmtk = shown_by_dcmtk(path, tmp_path, options=("+cg",))
    assert np.abs(pixels - by_dcmtk)[:, [10, 50]].max() <= 2


@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL"])
def test_the_tag_decides_where_the_frame_does_not_say(tmp_path: Path, interpretation: str) -> None:
    is_rgb = interpretation == "RGB"
    options = {} if is_rgb else {"subsampling": 0}
    frame = _jpeg(is_rgb=is_rgb, is_bare=True, numbers=b"\0\1\2", **options)
    assert coded_color(frame) is None
    write_coded(tmp_path / "a.dcm", _COLOR, JPEGBaseline8Bit, [frame], PhotometricInterpretation=interpretation)
    pixels = read_image(tmp_path / "a.dcm").pixels.astype(int)
    assert np.abs(pixels[20, 10] - (220, 30, 30)).max() <= 2


@pytest.mark.parametrize("interpretation", ["RGB", "YBR_ICT", "YBR_RCT"])
@pytest.mark.parametrize("is_lossy", [False, True])
def test_red_is_red_in_jpeg_2000(tmp_path: Path, interpretation: str, is_lossy: bool) -> None:
    file = io.BytesIO()
    Image.fromarray(_COLOR).save(file, "JPEG2000", no_jp2=True, mct=1, irreversible=is_lossy)
    syntax = JPEG2000 if is_lossy else JPEG2000Lossless
    write_coded(
        tmp_path / "a.dcm", _COLOR, syntax, [file.getvalue()], PhotometricInterpretation=interpretation
    )  # fmt: skip
    assert np.abs(read_image(tmp_path / "a.dcm").pixels.astype(int) - _COLOR).max() <= 2
