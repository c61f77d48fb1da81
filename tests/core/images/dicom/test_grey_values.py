"""Windows, lookup tables and rescaling that are odd: what can be read is, and the rest gives way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from overread.errors import ImageError
from overread.images.decoded_image import to_uint8
from overread.images.decoding import read_image
from overread.images.dicom.grey_values import NOTHING_SHOWS
from tests.core.images.dicom.test_golden_pixels import needs_dcmtk, shown_by_dcmtk
from tests.core.images.made_dicom import lookup_table, write_dicom

_STORED = np.random.default_rng(0).integers(100, 4000, (24, 20)).astype(np.uint16)
_LOW, _HIGH = int(_STORED.min()), int(_STORED.max())
_FULL_RANGE = ((_LOW + _HIGH + 1) / 2, _HIGH - _LOW + 1)


def _write_text(path: Path, **texts: str) -> None:
    """A file with these decimal strings, whatever they say."""
    dataset = write_dicom(path, _STORED)
    for keyword, text in texts.items():
        value = text.encode().ljust(len(text) + len(text) % 2)
        dataset._dict[Tag(keyword)] = RawDataElement(Tag(keyword), "DS", len(value), value, 0, False, True)
    dataset.save_as(path)


@pytest.mark.parametrize(
    ("center", "width", "window"),
    [
        ("2000\\1000", "4000\\200", (2000, 4000)),
        ("2000\\1000", "0\\200", (1000, 200)),
        ("2000\\1000", "-5\\200", (1000, 200)),
        ("60000\\1000", "10\\200", (1000, 200)),
        ("abc\\1000", "100\\200", (1000, 200)),
        ("\\1000", "100\\200", (1000, 200)),
        ("2000,5", "4000,0", (2000.5, 4000)),
        ("2000\\1000", "0", _FULL_RANGE),
        ("2000", "0", _FULL_RANGE),
        ("abc", "def", _FULL_RANGE),
    ],
)
def test_the_first_window_that_can_be_used_is(
    tmp_path: Path, center: str, width: str, window: tuple[float, float]
) -> None:
    _write_text(tmp_path / "a.dcm", WindowCenter=center, WindowWidth=width)
    image = read_image(tmp_path / "a.dcm")
    assert image.window() == window
    assert image.notes == ()


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(60_000, 10), (-500, 100), (2000, 10_000_000), (1e30, 1)])
def test_a_window_in_which_nothing_shows_gives_way_to_the_full_range(
    tmp_path: Path, function: str, center: float, width: float
) -> None:
    write_dicom(tmp_path / "a.dcm", _STORED, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    image = read_image(tmp_path / "a.dcm")
    assert image.notes == (NOTHING_SHOWS,)
    assert (to_uint8(image) == np.rint((_STORED.astype(int) - _LOW) / (_HIGH - _LOW) * 255)).all()


def test_8_bits_whose_window_shows_nothing_are_shown_as_they_are(tmp_path: Path) -> None:
    stored = (_STORED >> 5).astype(np.uint8)
    write_dicom(tmp_path / "a.dcm", stored, WindowCenter=2000, WindowWidth=100)
    assert (to_uint8(read_image(tmp_path / "a.dcm")) == stored).all()


def test_a_flat_image_keeps_its_window(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", np.full((9, 9), 5, dtype=np.uint16), WindowCenter=500, WindowWidth=10)
    image = read_image(tmp_path / "a.dcm")
    assert (image.window(), image.notes) == ((500, 10), ())


def test_a_lookup_table_in_which_nothing_shows_gives_way_to_a_window(tmp_path: Path) -> None:
    table = Sequence([lookup_table(np.full(4096, 7), first=0, bits=12)])
    write_dicom(tmp_path / "a.dcm", _STORED, VOILUTSequence=table, WindowCenter=2000, WindowWidth=3000)
    image = read_image(tmp_path / "a.dcm")
    assert image.window() == (2000, 3000)
    assert (image.pixels == _STORED).all()


def _empty_table(**attributes: Any) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", attributes.get("descriptor"))
    item.add_new("LUTData", "OW", attributes.get("data", b""))
    return item


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize(
    "item",
    [_empty_table(), _empty_table(descriptor=[4096, 0, 12]), _empty_table(data=bytes(8192)), Dataset()],
    ids=["both empty", "no data", "no descriptor", "neither"],
)
def test_an_empty_lookup_table_is_none(tmp_path: Path, keyword: str, item: Dataset) -> None:
    write_dicom(tmp_path / "a.dcm", _STORED, **{keyword: Sequence([item])}, RescaleSlope=None, RescaleIntercept=None)
    image = read_image(tmp_path / "a.dcm")
    assert (image.pixels == _STORED).all()
    assert (image.window(), image.notes) == (_FULL_RANGE, ())


def test_an_empty_modality_table_leaves_the_rescaling(tmp_path: Path) -> None:
    item = Sequence([_empty_table()])
    write_dicom(tmp_path / "a.dcm", _STORED, ModalityLUTSequence=item, RescaleSlope=2, RescaleIntercept=-7)
    assert (read_image(tmp_path / "a.dcm").pixels == _STORED.astype(int) * 2 - 7).all()


def test_a_decimal_comma_is_a_decimal_point(tmp_path: Path) -> None:
    _write_text(tmp_path / "a.dcm", RescaleSlope="0,500000", RescaleIntercept="-1024,00")
    assert (read_image(tmp_path / "a.dcm").pixels == _STORED / 2 - 1024).all()


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("text", ["abc", "1,000,000", "NaN", "1.2.3"])
def test_rescaling_by_text_is_refused_by_name(tmp_path: Path, keyword: str, text: str) -> None:
    _write_text(tmp_path / "a.dcm", **{keyword: text})
    with pytest.raises(ImageError, match=f"^its {keyword} is not a number$"):
        read_image(tmp_path / "a.dcm")


def test_a_negative_slope_turns_the_greys_around(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", 4095 - _STORED, RescaleSlope=-10, RescaleIntercept=40_000)
    shown = to_uint8(read_image(tmp_path / "a.dcm"))
    assert (shown == np.rint((_STORED.astype(int) - _LOW) / (_HIGH - _LOW) * 255)).all()


@needs_dcmtk
@pytest.mark.parametrize("relationship", ["LIN", "LOG", "DISP"])
@pytest.mark.parametrize("is_table", [False, True])
@pytest.mark.parametrize(
    ("sop_class", "is_displayed"),
    [
        ("1.2.840.10008.5.1.4.1.1.12.1", False),  # X-ray angiography
        ("1.2.840.10008.5.1.4.1.1.12.2", False),  # radiofluoroscopy
        ("1.2.840.10008.5.1.4.1.1.12.3", False),  # biplane angiography
        ("1.2.840.10008.5.1.4.1.1.1", True),  # computed radiography
    ],
)
def test_the_modality_table_of_angiography_is_not_for_display(
    tmp_path: Path, relationship: str, is_table: bool, sop_class: str, is_displayed: bool
) -> None:
    table = Sequence([lookup_table(4095 - np.sqrt(np.arange(4096) / 4095) * 4095, first=0, bits=12)])
    rescaling = {"ModalityLUTSequence": table} if is_table else {"RescaleSlope": -1, "RescaleIntercept": 4095}
    write_dicom(
        tmp_path / "a.dcm", _STORED, SOPClassUID=sop_class, BitsStored=12, HighBit=11,
        PixelIntensityRelationship=relationship, **rescaling,
    )  # fmt: skip
    image = read_image(tmp_path / "a.dcm")
    assert (image.pixels == _STORED).all() != is_displayed
    expected = shown_by_dcmtk(tmp_path / "a.dcm", tmp_path, options=("+Wm",))[..., 0]
    assert np.abs(to_uint8(image).astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("windows", "kept"),
    [
        ({"WindowCenter": [40, -600, 5], "WindowWidth": [400, 1500, 0]}, ((40, 400), (-600, 1500))),
        ({"WindowCenter": 40, "WindowWidth": 400}, ()),
        ({}, ()),
    ],
)
def test_all_windows_that_can_be_used_are_kept_where_there_are_several(
    tmp_path: Path, windows: dict[str, Any], kept: tuple[tuple[float, float], ...]
) -> None:
    write_dicom(tmp_path / "a.dcm", np.arange(-800, 800, dtype=np.int16).reshape(40, 40), **windows)
    assert read_image(tmp_path / "a.dcm").windows == kept


def test_windows_are_not_offered_for_what_a_lookup_table_gives(tmp_path: Path) -> None:
    table = lookup_table(np.arange(0, 65536, 256), first=0, bits=16)
    windows = {"WindowCenter": [100, 50], "WindowWidth": [200, 100]}
    write_dicom(tmp_path / "a.dcm", np.arange(256, dtype=np.uint8).reshape(16, 16), VOILUTSequence=[table], **windows)
    assert read_image(tmp_path / "a.dcm").windows == ()


@pytest.mark.parametrize(("modality", "kept"), [("CT", "CT"), ("", ""), ("DOE JANE", ""), ("DOEJANE", "")])
def test_a_modality_is_a_code_or_nothing(tmp_path: Path, modality: str, kept: str) -> None:
    write_dicom(tmp_path / "a.dcm", np.arange(256, dtype=np.uint8).reshape(16, 16), Modality=modality)
    assert read_image(tmp_path / "a.dcm").modality == kept
