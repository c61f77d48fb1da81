"""How DICOM stores pixels: codings, bits, floats, palettes, and frames with attributes of their own."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels import apply_modality_lut, apply_windowing, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (
    HTJ2K,
    MPEG4HP41,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from overread.errors import ImageError
from overread.images.decoded_image import to_uint8
from overread.images.decoding import read_image
from overread.images.location import Location
from tests.core.images.dicom.test_golden_pixels import needs_dcmtk, shown_by_dcmtk
from tests.core.images.made_dicom import write_dicom

_BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
_SMOOTH = np.add.outer(np.arange(60) * 30, np.arange(70) * 30).astype(np.uint16)
"""From 0 to 3840: 12 bits."""
_HTJ2K = base64.b64decode(
    "/0//UQApQAAAAAAUAAAAEAAAAAAAAAAAAAAAFAAAABAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJCQ"
    "kJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAIcAAf+TwAAmqfgFB3QAwAASgOIAh3QAwAARwAATgABjAEZu5ADCNADAABHA"
    "ABVAAeMAIAcZ5AAYwHdWAMAAE8AAFcBM8tF+S3UAggsWLFjw4BBGQgHsuADAACpgABawAADv6enp4ncAjh0dHR0dHR0dHf6GPYxge/Yxgey8AP/Z"
)
"""16 x 20 px of 16 bits, reversible, written by OpenJPH 0.26: row * 200 + column * 3."""


def write_coded(path: Path, pixels: np.ndarray, syntax: str, frames: list[bytes], **attributes: Any) -> Dataset:
    dataset = write_dicom(path, pixels, **attributes)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    return dataset


@pytest.mark.parametrize("syntax", [HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL])
def test_high_throughput_jpeg_2000_is_read(tmp_path, syntax):
    expected = np.add.outer(np.arange(16) * 200, np.arange(20) * 3).astype(np.uint16)
    write_coded(tmp_path / "a.dcm", expected, syntax, [_HTJ2K])
    assert (read_image(tmp_path / "a.dcm").pixels == expected).all()


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2.4.110",  # JPEG XL, which pydicom does not know by name
        "1.2.840.10008.1.2.4.112",
        "1.2.840.10008.1.2.1.98",  # encapsulated uncompressed
        "1.2.840.10008.1.2.4.205",  # JPIP: the pixels are elsewhere
        "1.2.840.113619.5.2",  # GE's own
    ],
)
def test_a_coding_without_a_decoder_says_so(tmp_path, syntax):
    write_coded(tmp_path / "a.dcm", _SMOOTH, MPEG4HP41, [b"\0" * 100])
    content = (tmp_path / "a.dcm").read_bytes()
    assert content.count(MPEG4HP41.encode()) == 1
    length = len(MPEG4HP41) + len(MPEG4HP41) % 2
    padded = MPEG4HP41.ljust(length, "\0").encode()
    (tmp_path / "a.dcm").write_bytes(content.replace(padded, syntax.ljust(length, "\0").encode()))
    with pytest.raises(ImageError, match=r"^its DICOM transfer syntax is not supported$"):
        read_image(tmp_path / "a.dcm")


@needs_dcmtk
@pytest.mark.filterwarnings("ignore")
def test_a_12_bit_jpeg_with_a_false_scan_is_what_dcmtk_makes_of_it(tmp_path):
    path = _BUNDLED / "JPEG-lossy.dcm"
    subprocess.run(["dcmdjpeg", path, tmp_path / "plain.dcm"], check=True, capture_output=True)
    expected = pixel_array(tmp_path / "plain.dcm").astype(int)
    assert np.ptp(expected) > 200
    assert np.abs(read_image(path).pixels - expected).max() <= 1


@pytest.mark.parametrize("bits_stored", [8, 10])
def test_too_few_bits_stored_do_not_fold_the_image(tmp_path, bits_stored):
    write_dicom(tmp_path / "a.dcm", _SMOOTH, BitsStored=bits_stored, HighBit=bits_stored - 1)
    assert (read_image(tmp_path / "a.dcm").pixels == _SMOOTH).all()


@needs_dcmtk
def test_a_high_bit_above_the_bits_stored_is_what_dcmtk_makes_of_it(tmp_path):
    write_dicom(tmp_path / "a.dcm", _SMOOTH << 4, BitsStored=12, HighBit=15)
    picture = read_image(tmp_path / "a.dcm")
    assert (picture.pixels == _SMOOTH).all()
    expected = shown_by_dcmtk(tmp_path / "a.dcm", tmp_path, options=("+Wm",))[..., 0]
    assert np.abs(to_uint8(picture).astype(int) - expected).max() <= 1


def test_an_overlay_in_the_unused_bits_is_no_part_of_the_image(tmp_path):
    words = _SMOOTH.copy()
    words[20:40, 20:40] |= 0x8000
    dataset = write_dicom(tmp_path / "a.dcm", words, BitsStored=12, HighBit=11)
    dataset.add_new(0x60000102, "US", 15)
    dataset.save_as(tmp_path / "a.dcm")
    assert (read_image(tmp_path / "a.dcm").pixels == _SMOOTH).all()


@pytest.mark.parametrize("bits_stored", [0, 17, 20])
def test_bits_stored_that_cannot_be_say_so(tmp_path, bits_stored):
    write_dicom(tmp_path / "a.dcm", _SMOOTH, BitsStored=bits_stored)
    with pytest.raises(ImageError, match=r"^the DICOM file stores more bits than it allocates, or none$"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    "name", ["BitsAllocated", "BitsStored", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation"]
)
def test_pixels_of_unknown_storage_say_so(tmp_path, name):
    dataset = write_dicom(tmp_path / "a.dcm", _SMOOTH)
    del dataset[name]
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match=r"^a DICOM file that does not say how its pixels are stored$"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PixelData", b"", "a DICOM file without pixel data"),
        ("Rows", None, "a DICOM file without an image"),
        ("Rows", 0, r"70 x 0 px: too small \(under 8 px a side\)"),
        ("NumberOfFrames", 3, "the file is truncated"),
        ("FloatPixelData", bytes(4 * _SMOOTH.size), "its pixel data are damaged"),  # beside PixelData
    ],
)
def test_empty_and_contradicting_tags_say_so(tmp_path, name, value, reason):
    dataset = write_dicom(tmp_path / "a.dcm", _SMOOTH)
    setattr(dataset, name, value)
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match=f"^{reason}$"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize(("name", "dtype"), [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)])
def test_floats_are_pydicoms_and_span_black_to_white(tmp_path, name, dtype):
    dataset = write_dicom(tmp_path / "a.dcm", _SMOOTH, RescaleSlope=2, RescaleIntercept=-1)
    for absent in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[absent]
    dataset.BitsAllocated = np.dtype(dtype).itemsize * 8
    setattr(dataset, name, (_SMOOTH.astype(dtype) / 7).tobytes())
    dataset.save_as(tmp_path / "a.dcm")
    picture = read_image(tmp_path / "a.dcm")
    expected = apply_modality_lut(pixel_array(tmp_path / "a.dcm"), dataset)
    assert picture.pixels.dtype == np.float32
    np.testing.assert_allclose(picture.pixels, expected, rtol=1e-6)
    shown = to_uint8(picture)
    np.testing.assert_array_equal(shown, np.rint((expected - expected.min()) / np.ptp(expected) * 255))


@pytest.mark.parametrize(("index_type", "first"), [(np.uint8, 0), (np.uint16, 0), (np.uint16, 300)])
@pytest.mark.parametrize("bits", [8, 16])
def test_palettes_of_8_and_16_bits_give_the_entries_that_the_indices_name(tmp_path, index_type, first, bits):
    rng = np.random.default_rng(0)
    indices = rng.integers(0, 250 if index_type is np.uint8 else 700, (20, 20)).astype(index_type)
    palettes: dict[str, Any] = {}
    expected = np.zeros((20, 20, 3), dtype=np.uint8)
    for channel, color in enumerate(("Red", "Green", "Blue")):
        entries = rng.integers(0, 2**bits, 256).astype("<u2" if bits == 16 else np.uint8)
        palettes[f"{color}PaletteColorLookupTableDescriptor"] = [256, first, bits]
        palettes[f"{color}PaletteColorLookupTableData"] = entries.tobytes()
        for place, index in np.ndenumerate(indices):
            expected[*place, channel] = entries[min(max(int(index) - first, 0), 255)] >> (bits - 8)
    write_dicom(tmp_path / "a.dcm", indices, PhotometricInterpretation="PALETTE COLOR", **palettes)
    assert (read_image(tmp_path / "a.dcm").pixels == expected).all()


def _group(slope: float, intercept: float, center: float, width: float) -> Dataset:
    rescale, window, group = Dataset(), Dataset(), Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept = slope, intercept
    window.WindowCenter, window.WindowWidth = center, width
    group.PixelValueTransformationSequence = Sequence([rescale])
    group.FrameVOILUTSequence = Sequence([window])
    return group


def test_every_frame_of_an_enhanced_file_has_its_own_slope_and_window(tmp_path):
    settings = [(1, -1000, 300, 900), (2, 0, 3000, 4000), (3, 10, 1000.5, 333)]
    frames = np.stack([_SMOOTH, _SMOOTH[::-1], _SMOOTH[:, ::-1]])
    shared = _group(5, 5, 5, 5)  # for frames that have nothing of their own
    per_frame = Sequence([*(_group(*setting) for setting in settings)])
    write_dicom(
        tmp_path / "a.dcm", frames, PerFrameFunctionalGroupsSequence=per_frame,
        SharedFunctionalGroupsSequence=Sequence([shared]), WindowCenter=1, WindowWidth=1,
    )  # fmt: skip
    for number, group in enumerate(per_frame, start=1):
        picture = read_image(Location(str(tmp_path / "a.dcm"), number))
        values = apply_modality_lut(frames[number - 1], group.PixelValueTransformationSequence[0])
        assert (picture.pixels == values).all()
        window = group.FrameVOILUTSequence[0]
        window.BitsStored, window.PixelRepresentation, window.PhotometricInterpretation = 16, 0, "MONOCHROME2"
        shown = apply_windowing(values.astype(np.int64), window)
        expected = np.rint((shown - shown.min()) / np.ptp(shown) * 255)
        assert np.abs(to_uint8(picture) - expected).max() <= 1


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_frames_are_found_by_an_extended_offset_table(tmp_path, syntax):
    frames = np.stack([_SMOOTH, _SMOOTH[::-1], _SMOOTH[:, ::-1]])
    coded = []
    for frame in frames:
        dataset = write_dicom(tmp_path / "one.dcm", frame)
        dataset.compress(syntax, encoding_plugin="pylibjpeg", generate_instance_uid=False)
        coded.append(pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1))
    dataset = write_coded(tmp_path / "a.dcm", frames, syntax, coded)
    data, offsets, lengths = encapsulate_extended(coded)
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = data, offsets, lengths
    dataset.save_as(tmp_path / "a.dcm")
    for number in (1, 2, 3):
        assert (read_image(Location(str(tmp_path / "a.dcm"), number)).pixels == frames[number - 1]).all()


def test_compressed_pixels_in_a_file_that_denies_it_are_called_that(tmp_path):
    for num_frames in (1, 3):  # large files of several frames are read frame by frame
        frames = np.zeros((num_frames, 1024, 1024), dtype=np.uint8)
        dataset = write_coded(tmp_path / "a.dcm", frames, RLELossless, [bytes(400_000)] * num_frames)
        content = (tmp_path / "a.dcm").read_bytes()
        uid = dataset.file_meta.TransferSyntaxUID.encode()
        (tmp_path / "a.dcm").write_bytes(content.replace(uid, b"1.2.840.10008.1.2.1".ljust(len(uid), b"\0"), 1))
        with pytest.raises(
            ImageError, match=r"^its pixel data are compressed, but its transfer syntax says they are not$"
        ):
            read_image(tmp_path / "a.dcm")


def test_another_coding_in_the_place_of_jpeg_is_called_that(tmp_path):
    write_coded(tmp_path / "a.dcm", _SMOOTH, JPEGBaseline8Bit, [b"\xff\x0a" + bytes(200)])  # JPEG XL
    with pytest.raises(ImageError, match=r"^its pixel data are not JPEG, but its transfer syntax says they are$"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    ("interpretation", "reason"),
    [
        ("MONOCHROME", "not supported"),
        ("GRAYSCALE", "not supported"),
        ("YBR_PARTIAL_420", "not supported"),
        ("", "missing"),
        ("RGB", "not one for its number of channels"),
    ],
)
def test_a_photometric_interpretation_that_cannot_be_is_refused_by_name(tmp_path, interpretation, reason):
    write_dicom(tmp_path / "a.dcm", _SMOOTH, PhotometricInterpretation=interpretation)
    with pytest.raises(ImageError, match=f"^its PhotometricInterpretation is {reason}$"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_a_photometric_interpretation_in_small_letters_is_read(tmp_path):
    write_dicom(tmp_path / "a.dcm", _SMOOTH, PhotometricInterpretation="monochrome1 ")
    image = read_image(tmp_path / "a.dcm")
    assert (image.pixels == _SMOOTH).all()
    assert image.is_inverted


@pytest.mark.parametrize("interpretation", ["MONOCHROME1", "MONOCHROME2"])
def test_grey_in_three_equal_channels_is_grey_and_colour_is_refused(tmp_path, interpretation):
    grey = (_SMOOTH >> 4).astype(np.uint8)
    write_dicom(tmp_path / "grey.dcm", np.dstack([grey] * 3), PhotometricInterpretation=interpretation)
    shown = to_uint8(read_image(tmp_path / "grey.dcm"))
    assert (shown == (255 - grey if interpretation == "MONOCHROME1" else grey)).all()
    write_dicom(tmp_path / "color.dcm", np.dstack([grey, grey, grey + 1]), PhotometricInterpretation=interpretation)
    with pytest.raises(ImageError, match=r"^its PhotometricInterpretation is not one for its number of channels$"):
        read_image(tmp_path / "color.dcm")


@pytest.mark.parametrize("is_packed", [False, True])
def test_one_bit_is_black_and_white(tmp_path, is_packed):
    bits = np.random.default_rng(0).integers(0, 2, (16, 24)).astype(np.uint8)
    dataset = write_dicom(tmp_path / "a.dcm", bits, BitsStored=1, HighBit=0)
    if is_packed:
        dataset.BitsAllocated = 1
        dataset.PixelData = np.packbits(bits, bitorder="little").tobytes()
        dataset.save_as(tmp_path / "a.dcm")
    assert (to_uint8(read_image(tmp_path / "a.dcm")) == bits * 255).all()
