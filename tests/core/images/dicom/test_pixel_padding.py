"""PixelPaddingValue and PixelPaddingRangeLimit: black, and in no range."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from overread.images.decoded_image import to_uint8
from overread.images.decoding import read_image
from overread.images.location import Location
from tests.core.images.made_dicom import lookup_table, write_dicom

_RNG = np.random.default_rng(0)
_VALUES = _RNG.permutation(np.arange(24 * 20) * 2).reshape(24, 20)
"""From 0 to 958, each once."""
_IS_PADDING = np.zeros(_VALUES.shape, dtype=bool)
_IS_PADDING[:, :6] = True
_SHOWN = np.rint((_VALUES - _VALUES[:, 6:].min()) / np.ptp(_VALUES[:, 6:]) * 255)
"""Without a window: the lowest value that is no padding black, the highest white."""


def _shown(path: Path) -> np.ndarray:
    image = read_image(path)
    assert image.is_padding is not None
    assert (image.is_padding == _IS_PADDING).all()
    return to_uint8(image)


@pytest.mark.parametrize("interpretation", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("padding", [-2000, 20_000])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (1, -1024), (-3, 5), (0.5, 0.25)])
def test_padding_is_black_and_the_range_is_that_of_the_rest(
    tmp_path: Path, interpretation: str, padding: int, slope: float, intercept: float
) -> None:
    write_dicom(
        tmp_path / "a.dcm", np.where(_IS_PADDING, padding, _VALUES).astype(np.int16), PixelPaddingValue=padding,
        PhotometricInterpretation=interpretation, RescaleSlope=slope, RescaleIntercept=intercept,
    )  # fmt: skip
    is_inverted = (slope < 0) != (interpretation == "MONOCHROME1")
    expected = np.where(_IS_PADDING, 0, 255 - _SHOWN if is_inverted else _SHOWN)
    assert np.abs(_shown(tmp_path / "a.dcm") - expected).max() <= 1
    ends = np.array([_VALUES[:, 6:].min(), _VALUES[:, 6:].max()]) * slope + intercept
    assert read_image(tmp_path / "a.dcm").value_range() == (ends.min(), ends.max())


@pytest.mark.parametrize(
    ("is_signed", "bits_stored", "word", "tag"),
    [
        (True, 16, -2000, 63536),  # the same bits, written as unsigned
        (False, 16, 63536, 63536),
        (True, 12, -2000, -2000),
        (False, 12, 63536, 63536),  # more bits than are stored
        (False, 12, 4095, 4095),
        (True, 12, 2048, -2048),  # without the sign in the unused bits
        (False, 10, 32768, 32768),
    ],
)
def test_padding_is_found_by_its_bits(tmp_path: Path, is_signed: bool, bits_stored: int, word: int, tag: int) -> None:
    stored = np.where(_IS_PADDING, word, _VALUES).astype(np.int16 if is_signed else np.uint16)
    dataset = write_dicom(tmp_path / "a.dcm", stored, BitsStored=bits_stored, HighBit=bits_stored - 1)
    dataset.add_new("PixelPaddingValue", "SS" if tag < 0 else "US", tag)
    dataset.save_as(tmp_path / "a.dcm")
    assert (_shown(tmp_path / "a.dcm") == np.where(_IS_PADDING, 0, _SHOWN)).all()


@pytest.mark.parametrize(("value", "limit"), [(-3000, -2000), (-2000, -3000), (-2500, None)])
def test_a_range_of_padding_includes_both_ends(tmp_path: Path, value: int, limit: int | None) -> None:
    paddings = np.full(_VALUES.shape, value)
    if limit is not None:
        paddings[::2], paddings[1::4] = limit, -2400
    stored = np.where(_IS_PADDING, paddings, _VALUES).astype(np.int16)
    extra = {} if limit is None else {"PixelPaddingRangeLimit": limit}
    write_dicom(tmp_path / "a.dcm", stored, PixelPaddingValue=value, **extra)
    assert (_shown(tmp_path / "a.dcm") == np.where(_IS_PADDING, 0, _SHOWN)).all()


@pytest.mark.parametrize("limits", [(2000, 3000), (-5, -1)])
def test_values_next_to_the_range_of_padding_are_values(tmp_path: Path, limits: tuple[int, int]) -> None:
    write_dicom(
        tmp_path / "a.dcm", _VALUES.astype(np.int16), PixelPaddingValue=limits[0], PixelPaddingRangeLimit=limits[1]
    )
    image = read_image(tmp_path / "a.dcm")
    assert image.is_padding is None
    assert (image.pixels == _VALUES).all()


def test_a_window_and_a_lookup_table_leave_padding_black(tmp_path: Path) -> None:
    stored = np.where(_IS_PADDING, 500, _VALUES | 1).astype(np.uint16)  # in the middle of the values, but none of them
    for name, interpretation in {"window": "MONOCHROME1", "table": "MONOCHROME2"}.items():
        table = Sequence([lookup_table(np.arange(1024)[::-1], first=0, bits=10)])
        asked = {"VOILUTSequence": table} if name == "table" else {"WindowCenter": 512, "WindowWidth": 1024}
        write_dicom(
            tmp_path / name, stored, PixelPaddingValue=500, PhotometricInterpretation=interpretation, **asked
        )  # fmt: skip
        assert (_shown(tmp_path / name)[_IS_PADDING] == 0).all()
        expected = np.rint((1023 - (_VALUES | 1)) / 1023 * 255)
        assert np.abs(_shown(tmp_path / name) - expected)[~_IS_PADDING].max() <= 1


def test_every_frame_of_an_enhanced_file_has_its_padding(tmp_path: Path) -> None:
    rescale, shared = Dataset(), Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept = 1, -1024
    shared.PixelValueTransformationSequence = Sequence([rescale])
    frame = np.where(_IS_PADDING, -2000, _VALUES).astype(np.int16)
    write_dicom(
        tmp_path / "a.dcm", np.stack([frame, np.flipud(frame)]), PixelPaddingValue=-2000,
        SharedFunctionalGroupsSequence=Sequence([shared]),
    )  # fmt: skip
    for number, shown in ((1, _SHOWN), (2, np.flipud(_SHOWN))):
        image = read_image(Location(str(tmp_path / "a.dcm"), number))
        assert (to_uint8(image) == np.where(_IS_PADDING, 0, shown)).all()
        assert image.value_range()[0] >= -1024


def test_floats_have_padding_of_their_own(tmp_path: Path) -> None:
    dataset = write_dicom(tmp_path / "a.dcm", _VALUES.astype(np.uint16), PixelPaddingValue=958)  # not of floats
    for absent in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[absent]
    dataset.BitsAllocated, dataset.FloatPixelPaddingValue = 32, -1e30
    dataset.FloatPixelData = np.where(_IS_PADDING, -1e30, _VALUES / 8).astype(np.float32).tobytes()
    dataset.save_as(tmp_path / "a.dcm")
    assert (_shown(tmp_path / "a.dcm") == np.where(_IS_PADDING, 0, _SHOWN)).all()


def test_an_image_of_nothing_but_padding_and_an_empty_value_have_none(tmp_path: Path) -> None:
    write_dicom(tmp_path / "all.dcm", np.full((9, 9), 7, dtype=np.uint16), PixelPaddingValue=7)
    write_dicom(tmp_path / "empty.dcm", _VALUES.astype(np.uint16), PixelPaddingValue=None)
    assert read_image(tmp_path / "all.dcm").is_padding is None
    assert read_image(tmp_path / "empty.dcm").is_padding is None
