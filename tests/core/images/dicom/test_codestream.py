"""The size that a compressed frame tells, against pillow's and pydicom's; and frames that tell a false one."""

import io
from pathlib import Path

import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate, get_frame

from overread.errors import ImageError
from overread.images.decoding import read_image
from overread.images.dicom.codestream import coded_process, coded_size, with_whole_scan

_BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.mark.parametrize("form", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"no_jp2": True}, {"comment": b"\xff" * 900}])
def test_size_and_components_are_those_that_were_written(form: str, mode: str, options: dict) -> None:
    file = io.BytesIO()
    Image.new(mode, (52, 40)).save(file, form, **options)
    assert coded_size(file.getvalue()) == (52, 40, len(mode))


def test_jpeg_ls_tells_its_size_and_run_lengths_tell_none() -> None:
    for name, is_told in {"JPEGLSNearLossless_16.dcm": True, "MR_small_RLE.dcm": False}.items():
        dataset = pydicom.dcmread(_BUNDLED / name)
        size = (dataset.Columns, dataset.Rows, 1) if is_told else None
        assert coded_size(get_frame(dataset.PixelData, 0, number_of_frames=1)) == size


@pytest.mark.parametrize(
    ("name", "marker", "place"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", b"\xff\xc0", 5),
        ("MR_small_jpeg_ls_lossless.dcm", b"\xff\xf7", 5),
        ("JPEG2000.dcm", b"\xff\x51", 12),
    ],
)
@pytest.mark.parametrize("height", [b"\xff\xff", b"\0\0"])
def test_a_frame_larger_than_its_file_says_is_damaged(
    tmp_path: Path, name: str, marker: bytes, place: int, height: bytes
) -> None:
    dataset = pydicom.dcmread(_BUNDLED / name)
    frame = bytearray(get_frame(dataset.PixelData, 0, number_of_frames=1))
    start = frame.index(marker) + place
    frame[start : start + 2] = height
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match=r"^its pixel data are damaged$"):
        read_image(tmp_path / "a.dcm")


def test_a_scan_that_names_its_first_coefficient_alone_is_mended_and_no_other() -> None:
    files = {}
    for kind, options in {"sequential": {}, "progressive": {"progressive": True}}.items():
        file = io.BytesIO()
        Image.effect_noise((52, 40), 60).save(file, "JPEG", **options)
        files[kind] = file.getvalue()
        assert with_whole_scan(files[kind]) == files[kind]
    start = files["sequential"].index(b"\xff\xda") + 7
    assert files["sequential"][start : start + 3] == b"\0\x3f\0"
    broken = files["sequential"][:start] + bytes(3) + files["sequential"][start + 3 :]
    assert with_whole_scan(broken) == files["sequential"]


@pytest.mark.parametrize(("options", "code"), [({}, 0xC0), ({"progressive": True}, 0xC2)])
def test_the_process_and_bits_of_a_jpeg_are_those_that_were_written(options: dict, code: int) -> None:
    file = io.BytesIO()
    Image.new("L", (52, 40)).save(file, "JPEG", **options)
    assert coded_process(file.getvalue()) == (code, 8)
    file = io.BytesIO()
    Image.new("L", (52, 40)).save(file, "PNG")
    assert coded_process(file.getvalue()) is None
