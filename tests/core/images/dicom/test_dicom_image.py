"""DICOM against pydicom's own processing, and against the real files that pydicom brings."""

import time
from dataclasses import replace
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, apply_windowing, pixel_array
from pydicom.sequence import Sequence

from overread.errors import ImageError
from overread.images.decoded_image import to_uint8
from overread.images.decoding import read_image
from overread.images.dicom.dicom_image import ONE_TILE
from overread.images.dicom.parse_limits import ODD
from overread.images.location import Location
from tests.core.images.made_dicom import lookup_table, write_dicom

_BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
_EXTERNAL = Path(data_store.__file__).parent / "data"
_RNG = np.random.default_rng(0)
_STORED = _RNG.integers(0, 4096, (24, 20)).astype(np.uint16)


def _grey_levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint((values - low) / (high - low) * 255)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (1000, 1), (1500.5, 333), (9000, 11_000)])
def test_a_window_gives_what_pydicom_gives(tmp_path: Path, function: str, center: float, width: float) -> None:
    dataset = write_dicom(
        tmp_path / "a.dcm", _STORED, BitsStored=12, HighBit=11, WindowCenter=center, WindowWidth=width,
        VOILUTFunction=function,
    )  # fmt: skip
    picture = read_image(tmp_path / "a.dcm")
    assert picture.window() == (center, width)
    with np.errstate(over="ignore"):
        expected = _grey_levels(apply_windowing(_STORED, dataset), 0, 4095)
    assert np.abs(to_uint8(picture) - expected).max() <= (1 if width > 1 else 0)


def test_the_first_of_several_windows_counts(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", _STORED, WindowCenter=[100, 2000], WindowWidth=[50, 4000])
    assert read_image(tmp_path / "a.dcm").window() == (100, 50)


@pytest.mark.parametrize(("center", "width"), [(100, 0), (100, -5), (None, 400), (100, None)])
def test_a_window_that_is_none_gives_way_to_the_full_range(tmp_path: Path, center: float, width: float) -> None:
    write_dicom(tmp_path / "a.dcm", _STORED, WindowCenter=center, WindowWidth=width)
    shown = to_uint8(read_image(tmp_path / "a.dcm"))
    assert shown.flat[_STORED.argmin()] == 0
    assert shown.flat[_STORED.argmax()] == 255


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"), [(1, -1024, np.int32), (2, 7, np.uint16), (0.37, -3, np.float32)]
)
def test_rescaled_values_are_pydicoms(tmp_path: Path, slope: float, intercept: float, dtype: type) -> None:
    dataset = write_dicom(tmp_path / "a.dcm", _STORED, RescaleSlope=slope, RescaleIntercept=intercept)
    pixels = read_image(tmp_path / "a.dcm").pixels
    assert pixels.dtype == dtype
    np.testing.assert_allclose(pixels, apply_modality_lut(_STORED, dataset), rtol=1e-6)


def test_signed_values_stay_signed(tmp_path: Path) -> None:
    stored = (_STORED.astype(np.int16) - 2000).astype(np.int16)
    write_dicom(tmp_path / "a.dcm", stored)
    assert (read_image(tmp_path / "a.dcm").pixels == stored).all()


@pytest.mark.parametrize("first", [0, 500, -40])
def test_lookup_tables_give_what_pydicom_gives(tmp_path: Path, first: int) -> None:
    entries = np.linspace(0, 60, 3000).astype(np.uint16) ** 2
    stored = _STORED.astype(np.int16) if first < 0 else _STORED
    voi = Sequence([lookup_table(entries, first=first, bits=12)])
    dataset = write_dicom(tmp_path / "voi.dcm", stored, VOILUTSequence=voi, WindowCenter=5, WindowWidth=6)
    expected = _grey_levels(apply_voi_lut(stored, dataset), 0, 4095)
    assert np.abs(to_uint8(read_image(tmp_path / "voi.dcm")) - expected).max() <= 1
    modality = Sequence([lookup_table(entries, first=first, bits=16)])
    dataset = write_dicom(tmp_path / "modality.dcm", stored, ModalityLUTSequence=modality)
    assert (read_image(tmp_path / "modality.dcm").pixels == apply_modality_lut(stored, dataset)).all()


def test_monochrome1_is_the_inverse_of_monochrome2(tmp_path: Path) -> None:
    for name in ("MONOCHROME1", "MONOCHROME2"):
        write_dicom(
            tmp_path / name, _STORED, PhotometricInterpretation=name, WindowCenter=1000, WindowWidth=900,
            PresentationLUTShape="INVERSE" if name == "MONOCHROME1" else "IDENTITY",
        )  # fmt: skip
    shown = [to_uint8(read_image(tmp_path / name)) for name in ("MONOCHROME1", "MONOCHROME2")]
    assert (shown[0] == 255 - shown[1]).all()
    assert read_image(tmp_path / "MONOCHROME1").is_inverted


def test_bones_are_white_on_a_real_monochrome1_chest() -> None:
    shown = to_uint8(read_image(_EXTERNAL / "RG1_UNCR.dcm"))
    assert pydicom.dcmread(_EXTERNAL / "RG1_UNCR.dcm").PhotometricInterpretation == "MONOCHROME1"
    spine, right_lung = shown[500:900, 850:950], shown[500:900, 400:600]
    assert spine.mean() > right_lung.mean() + 30


def test_uncompressed_and_lossless_jpeg_2000_agree() -> None:
    plain, packed = (read_image(_EXTERNAL / f"RG1_{name}.dcm") for name in ("UNCR", "J2KR"))
    assert plain.pixels.shape == (1955, 1841)
    assert np.abs(to_uint8(plain).astype(int) - to_uint8(packed)).max() <= 1


def test_of_several_frames_the_middle_one_is_read(tmp_path: Path) -> None:
    frames = np.stack([np.full((9, 9), value, dtype=np.uint16) for value in (10, 20, 30, 40, 50)])
    write_dicom(tmp_path / "a.dcm", frames)
    assert (read_image(tmp_path / "a.dcm").pixels == 30).all()


def test_a_frame_is_read_by_its_number_from_1(tmp_path: Path) -> None:
    path = _EXTERNAL / "liver.dcm"
    frames = pixel_array(path)
    for number in (1, 2, 3):
        assert (read_image(Location(str(path), number)).pixels == frames[number - 1]).all()
    for number in (-1, 0, 4):
        with pytest.raises(ImageError, match=rf"^there is no frame {number}: the file has 3$"):
            read_image(Location(str(path), number))
    Image.new("L", (9, 9), 5).save(tmp_path / "a.png")
    assert (read_image(Location(str(tmp_path / "a.png"), 1)).pixels == 5).all()
    with pytest.raises(ImageError, match=r"^there is no frame 2: the file has 1$"):
        read_image(Location(str(tmp_path / "a.png"), 2))


def test_an_enhanced_files_window_and_slope_are_those_of_its_frame(tmp_path: Path) -> None:
    def group(center: float) -> Dataset:
        window, item = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = center, 10
        item.FrameVOILUTSequence = Sequence([window])
        return item

    rescale, shared = Dataset(), Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept = 1, -1000
    shared.PixelValueTransformationSequence = Sequence([rescale])
    frames = np.full((3, 9, 9), 1234, dtype=np.uint16)
    write_dicom(
        tmp_path / "a.dcm", frames, SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence([group(center) for center in (100, 200, 300)]),
    )  # fmt: skip
    picture = read_image(tmp_path / "a.dcm")
    assert picture.window() == (200, 10)
    assert (picture.pixels == 234).all()


def test_rgb_is_read_as_it_is_and_16_bits_become_8(tmp_path: Path) -> None:
    color = _RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)
    write_dicom(tmp_path / "a.dcm", color)
    write_dicom(tmp_path / "b.dcm", color.astype(np.uint16) * 257)
    assert (read_image(tmp_path / "a.dcm").pixels == color).all()
    assert (read_image(tmp_path / "b.dcm").pixels == color).all()
    write_dicom(tmp_path / "grey.dcm", np.dstack([color[..., 0]] * 3))
    assert (read_image(tmp_path / "grey.dcm").pixels == color[..., 0]).all()


def test_ybr_becomes_the_rgb_that_pillow_makes_of_it() -> None:
    path = _EXTERNAL / "SC_ybr_full_uncompressed.dcm"
    stored = pixel_array(path, raw=True)
    planes = [Image.fromarray(np.ascontiguousarray(stored[..., index])) for index in range(3)]
    expected = np.asarray(Image.merge("YCbCr", planes).convert("RGB"))
    assert np.abs(read_image(path).pixels.astype(int) - expected).max() <= 1


def test_a_palette_gives_pydicoms_colours_in_either_byte_order() -> None:
    dataset = pydicom.dcmread(_EXTERNAL / "OBXXXX1A.dcm")
    expected = apply_color_lut(dataset.pixel_array, dataset) >> 8
    for name in ("OBXXXX1A.dcm", "OBXXXX1A_expb.dcm", "OBXXXX1A_rle.dcm"):
        assert (read_image(_EXTERNAL / name).pixels == expected).all(), name


def test_what_holds_no_pixels_says_so(tmp_path: Path) -> None:
    dataset = write_dicom(tmp_path / "a.dcm", _STORED)
    del dataset.PixelData
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match=r"^a DICOM file without pixel data$"):
        read_image(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match=r"^a DICOM file without an image$"):
        read_image(_BUNDLED / "rtplan.dcm")


def test_an_unknown_transfer_syntax_says_so(tmp_path: Path) -> None:
    dataset = write_dicom(tmp_path / "a.dcm", _STORED)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
    dataset["PixelData"].is_undefined_length = True
    dataset.PixelData = pydicom.encaps.encapsulate([_STORED.tobytes()])
    dataset.save_as(tmp_path / "a.dcm", implicit_vr=False, little_endian=True)
    with pytest.raises(ImageError, match=r"^its DICOM transfer syntax is not supported$"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "MR2_J2KI.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm"])
def test_a_truncated_file_is_cut_short(tmp_path: Path, name: str) -> None:
    content = (_EXTERNAL / name).read_bytes()
    (tmp_path / "a.dcm").write_bytes(content[: len(content) * 4 // 5])
    with pytest.raises(ImageError, match=r"^the file is truncated$"):
        read_image(tmp_path / "a.dcm")


def test_a_file_without_preamble_or_transfer_syntax_is_read(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", _STORED)
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    del dataset.file_meta, dataset.preamble
    dataset.save_as(tmp_path / "b.dcm", implicit_vr=True, little_endian=True)
    assert (tmp_path / "b.dcm").read_bytes()[:2] == b"\x08\0"
    assert (read_image(tmp_path / "b.dcm").pixels == _STORED).all()


def test_what_pydicom_warns_of_is_neither_an_error_nor_a_line_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    path = _BUNDLED / "MR_small_padded.dcm"
    with pytest.warns(UserWarning, match="padding"):
        pydicom.dcmread(path).pixel_array  # noqa: B018  (else this test could not fail)
    caplog.clear()
    assert read_image(path).pixels.shape == (64, 64)
    assert not caplog.records


def test_a_deflated_file_is_read_and_a_deflated_bomb_is_refused(
    tmp_path: Path,
) -> None:
    dataset = write_dicom(tmp_path / "a.dcm", _STORED)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "a.dcm")
    assert (read_image(tmp_path / "a.dcm").pixels == _STORED).all()
    dataset.add_new(0x00420011, "OB", bytes(2_000_000))
    dataset.save_as(tmp_path / "bomb.dcm")
    assert (tmp_path / "bomb.dcm").stat().st_size < 10_000
    with pytest.raises(ImageError, match=r"^too large \(over 2 MB when inflated\)$"):
        read_image(tmp_path / "bomb.dcm", limits=replace(ODD, inflated_bytes=2_000_000))


def _real_files() -> list[Path]:
    return sorted(path for folder in (_BUNDLED, _EXTERNAL) for path in folder.rglob("*") if path.is_file())


def test_every_file_that_pydicom_brings_is_an_image_or_an_image_error() -> None:
    num_images = num_faults = 0
    for path in _real_files():
        start = time.monotonic()
        try:
            shown = to_uint8(read_image(path))
        except ImageError as error:
            num_faults += 1
            assert path.name not in str(error)
        else:
            num_images += 1
            assert shown.dtype == np.uint8
        assert time.monotonic() - start < 10, path.name
    assert num_images > 150
    assert num_faults > 50


def test_a_slide_in_tiles_is_noted_unless_a_tile_is_asked_for(tmp_path: Path) -> None:
    tiles = np.repeat(np.arange(4, dtype=np.uint8), 100).reshape(4, 10, 10)
    size = {"TotalPixelMatrixColumns": 20, "TotalPixelMatrixRows": 20}
    write_dicom(tmp_path / "slide.dcm", tiles, **size)
    write_dicom(tmp_path / "cine.dcm", tiles)
    image = read_image(tmp_path / "slide.dcm")
    assert (image.pixels == 2).all()
    assert image.notes == (ONE_TILE,)
    assert read_image(Location(str(tmp_path / "slide.dcm"), 1)).notes == ()
    assert read_image(tmp_path / "cine.dcm").notes == ()
