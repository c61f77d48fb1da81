import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels import pixel_array

from overread.images.decoding import read_image
from overread.images.dicom import single_frame
from overread.images.dicom.single_frame import read_one_frame
from overread.images.location import Location

_FILES = (
    "emri_small.dcm",
    "emri_small_big_endian.dcm",
    "emri_small_RLE.dcm",
    "emri_small_jpeg_2k_lossless.dcm",
    "emri_small_jpeg_ls_lossless.dcm",
    "rtdose.dcm",
    "rtdose_rle.dcm",
    "SC_rgb_2frame.dcm",
    "SC_rgb_rle_2frame.dcm",
)


@pytest.mark.parametrize("name", _FILES)
def test_a_frame_that_is_read_alone_is_that_of_the_whole_file(name, monkeypatch):
    path = get_testdata_file(name)
    frames = pixel_array(dcmread(path))
    number = len(frames)
    whole = [read_image(Location(path, frame)).pixels for frame in (1, 2, number)]
    monkeypatch.setattr(single_frame, "_MIN_BYTES", 0)
    for frame, expected in zip((1, 2, number), whole, strict=True):
        with open(path, "rb") as file:  # noqa: PTH123 a path as text
            dataset, index = read_one_frame(file, frame)
        assert index == frame - 1
        assert (pixel_array(dataset) == frames[index]).all()
        assert (read_image(Location(path, frame)).pixels == expected).all()
    with open(path, "rb") as file:  # noqa: PTH123
        assert read_one_frame(file, None)[1] == number // 2


@pytest.mark.parametrize("name", ["liver.dcm", "CT_small.dcm", "image_dfl.dcm"])
def test_bits_that_share_bytes_single_frames_and_deflated_files_are_read_whole(name, monkeypatch):
    monkeypatch.setattr(single_frame, "_MIN_BYTES", 0)
    with open(get_testdata_file(name), "rb") as file:  # noqa: PTH123
        assert read_one_frame(file, 1) is None
