"""What is shown of the real files that pydicom brings, against pydicom's own pipeline and against dcmtk's."""

import shutil
import subprocess
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    UncompressedTransferSyntaxes,
)

from overread.errors import ImageError
from overread.images.decoded_image import DecodedImage, to_uint8
from overread.images.decoding import read_image

_FILES = {
    path.name: path
    for folder in (Path(pydicom.__file__).parent / "data" / "test_files", Path(data_store.__file__).parent / "data")
    for path in sorted(folder.glob("*.dcm"))
}
_JPEG = (JPEGLossless, JPEGLosslessSV1)
_LOSSLESS = (*UncompressedTransferSyntaxes, RLELossless, *_JPEG, JPEGLSLossless, JPEG2000Lossless)
_MAX_DIFFERENCE = 1
"""Grey levels: where we round, dcmtk cuts off."""

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom's, of the oddities of its own files
needs_dcmtk = pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="there is no dcm2pnm on this machine")


@pytest.fixture(scope="module")
def lossless_pictures() -> list[tuple[Path, pydicom.Dataset, DecodedImage]]:
    """The files of a lossless transfer syntax that hold an image of square pixels."""
    found = []
    for path in _FILES.values():
        dataset = pydicom.dcmread(path, force=True)
        is_square = dataset.get("PixelAspectRatio") in (None, [1, 1])  # test_pixel_aspect.py has the others
        if is_square and dataset.get("file_meta", {}).get("TransferSyntaxUID") in _LOSSLESS:
            try:
                found.append((path, dataset, read_image(path)))
            except ImageError:
                continue
    return found


def _middle_frame(dataset: pydicom.Dataset) -> int:
    return int(dataset.get("NumberOfFrames") or 1) // 2


def _difference(shown: np.ndarray, expected: np.ndarray) -> int:
    if shown.ndim < expected.ndim:
        shown = shown[..., None]
    return int(np.abs(shown.astype(int) - expected).max())


def _shown_by_pydicom(dataset: pydicom.Dataset) -> np.ndarray:
    """(H, W) or (H, W, 3) float: modality LUT, VOI, MONOCHROME1's inversion; 0 to 255 over what the VOI gives."""
    stored = pixel_array(dataset, index=_middle_frame(dataset))
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        return apply_color_lut(stored, dataset) >> 8
    if stored.ndim == 3:
        return stored >> (dataset.BitsStored - 8)
    values = apply_voi_lut(apply_modality_lut(stored, dataset), dataset).astype(float)
    if "VOILUTSequence" in dataset:
        low, high = 0, 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    elif "WindowCenter" in dataset:
        bits, is_signed = dataset.BitsStored, dataset.PixelRepresentation == 1
        codes = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if is_signed else [0, 2**bits - 1])
        low, high = codes * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    elif stored.dtype == np.uint8 and dataset.BitsStored == 8:
        low, high = 0, 255
    else:
        low, high = values.min(), values.max()
    shown = (values - low) / (high - low) * 255
    return 255 - shown if dataset.PhotometricInterpretation == "MONOCHROME1" else shown


def shown_by_dcmtk(path: Path, folder: Path, *, frame: int = 0, options: tuple[str, ...] = ()) -> np.ndarray:
    """(H, W, 3) uint8, overlays left out, by the one of dcmtk's three programs that knows the file's coding."""
    syntax = pydicom.dcmread(path, specific_tags=["Rows"]).file_meta.TransferSyntaxUID
    program = "dcml2pnm" if "JPEG-LS" in syntax.name else "dcmj2pnm" if "JPEG" in syntax.name else "dcm2pnm"
    command = [program, "-q", "-O", "+F", str(frame + 1), *options, "+op", path, folder / "shown.ppm"]
    subprocess.run(command, check=True, capture_output=True)
    with Image.open(folder / "shown.ppm") as image:
        return np.asarray(image.convert("RGB"))


def _dcmtk_options(dataset: pydicom.Dataset, picture: DecodedImage) -> tuple[str, ...]:
    """What our default is to dcmtk: the first LUT, else the first window, else the values that occur."""
    if picture.is_color or (picture.pixels.dtype == np.uint8 and picture.window_center is None):
        return ()
    if "VOILUTSequence" in dataset:
        return ("+Wl", "1")
    return ("+Wi", "1") if "WindowCenter" in dataset else ("+Wm",)


def test_lossless_files_look_as_pydicom_s_own_pipeline_has_them(lossless_pictures):
    differences = {}
    for path, dataset, picture in lossless_pictures:
        if "SharedFunctionalGroupsSequence" in dataset:  # whose windows pydicom's pipeline does not look for
            continue
        if not path.name.startswith("OBXXXX1A_expb"):  # whose palettes pydicom reads as little-endian
            differences[path.name] = _difference(to_uint8(picture), _shown_by_pydicom(dataset))
    assert {name: value for name, value in differences.items() if value > _MAX_DIFFERENCE} == {}
    assert len(differences) > 80


_NOT_FOR_DCMTK = (
    "SC_rgb_32bit",  # 32 bits in colour it refuses, and so it does the next three's palettes
    "SC_rgb_expb_32bit",
    "gdcm-US-ALOKA-16",
    "OT-PAL-8-face",
    "eCT_Supplemental",
    "rtdose_expb",  # big-endian words of 32 bits; here they are as rtdose's little-endian ones, see below
    "SC_ybr_full_uncompressed",  # its conversion is off by two; pillow's, by which test_dicom.py goes, by none
)


@needs_dcmtk
def test_lossless_files_look_as_dcmtk_has_them(lossless_pictures, tmp_path):
    differences = {}
    for path, dataset, picture in lossless_pictures:
        is_known = dataset.file_meta.TransferSyntaxUID != JPEG2000Lossless
        if is_known and not path.name.startswith(_NOT_FOR_DCMTK):
            options = _dcmtk_options(dataset, picture)
            expected = shown_by_dcmtk(path, tmp_path, frame=_middle_frame(dataset), options=options)
            differences[path.name] = _difference(to_uint8(picture), expected)
    assert {name: value for name, value in differences.items() if value > _MAX_DIFFERENCE} == {}
    assert len(differences) > 70


@needs_dcmtk
@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        ("RG1_J2KR", "RG1_UNCR"),
        ("RG3_J2KR", "RG3_UNCR"),
        ("MR2_J2KR", "MR2_UNCR"),
        ("693_J2KR", "693_UNCR"),
        ("US1_J2KR", "US1_UNCR"),
        ("emri_small_jpeg_2k_lossless", "emri_small"),
        ("MR_small_jp2klossless", "MR_small"),
    ],
)
def test_jpeg_2000_looks_as_dcmtk_has_the_same_image_uncompressed(tmp_path, packed, plain):
    path = _FILES[f"{plain}.dcm"]
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    picture = read_image(_FILES[f"{packed}.dcm"])
    options = _dcmtk_options(dataset, picture)
    expected = shown_by_dcmtk(path, tmp_path, frame=_middle_frame(dataset), options=options)
    assert _difference(to_uint8(picture), expected) <= _MAX_DIFFERENCE
    assert (picture.pixels == read_image(path).pixels).all()


@pytest.mark.parametrize(
    ("little", "big"),
    [
        ("rtdose", "rtdose_expb"),
        ("rtdose_1frame", "rtdose_expb_1frame"),
        ("SC_rgb_32bit", "SC_rgb_expb_32bit"),
        ("gdcm-US-ALOKA-16", "gdcm-US-ALOKA-16_big"),
        ("emri_small", "emri_small_big_endian"),
    ],
)
def test_big_endian_files_hold_what_little_endian_ones_hold(little, big):
    assert (read_image(_FILES[f"{little}.dcm"]).pixels == read_image(_FILES[f"{big}.dcm"]).pixels).all()


@needs_dcmtk
def test_lossy_jpeg_has_dcmtk_s_colours(tmp_path):
    num_files = 0
    for name, path in _FILES.items():
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        syntax = dataset.get("file_meta", {}).get("TransferSyntaxUID")
        if syntax != JPEGBaseline8Bit or name in ("SC_rgb_jpeg.dcm", "SC_rgb_small_odd_jpeg.dcm"):
            continue  # of these, dcmtk cannot read the one, and the other is 3 px wide
        shown = to_uint8(read_image(path))
        expected = shown_by_dcmtk(path, tmp_path, frame=_middle_frame(dataset))
        assert np.abs(shown.astype(int) - expected).mean() < 0.2, name
        assert _difference(shown, expected) <= 5, name
        num_files += 1
    assert num_files > 10
