"""Damaged and harmful DICOM files: each is read or refused soon and in bounded memory, and good ones as ever."""

import json
import os
import subprocess
import sys
import time
import warnings
from io import BytesIO
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from overread.errors import ImageError
from overread.images import guarded
from overread.images.decoding import read_image
from overread.images.dicom.grey_values import NOTHING_SHOWS
from overread.images.dicom.parse_limits import ODD, ORDINARY, OverLimitError
from overread.images.dicom.parser import before_pixels, parse
from overread.images.file_header import read_headers
from overread.images.location import Location
from overread.sources.dicom.headers import read_headers as read_tree_headers
from tests.core.images.harmful_dicom import PIXELS, harmful
from tests.core.images.made_dicom import write_dicom
from tests.paths import ROOT

MAX_BYTES = 3 * 2**30
"""Of address space, hence with all that Python and numpy map and never use."""
_FOLDERS = (Path(pydicom.__file__).parent / "data" / "test_files", Path(data_store.__file__).parent / "data")

_READ = """
import json, os, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
from overread.errors import ImageError
from overread.images import guarded
from overread.images.decoding import read_image
guarded.MAX_SECONDS = 600  # by the clock, which on a busy machine tells nothing: below, the processor's time counts
try:
    outcome = read_image(Path(sys.argv[1])).pixels.tolist()
except ImageError as error:
    outcome = str(error)
guarded.kill_idle()
print(json.dumps([outcome, sum(os.times()[:4])]))
"""


def _outcome(path: Path, *, within_s: float) -> str | list:
    """The pixels, or the reason why there are none, as a program with a bound on its memory reads them.

    within_s: of the processor's time, and of that of the process that reads odd files.
    """
    command = [sys.executable, "-c", _READ, str(path), str(MAX_BYTES)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    outcome, seconds = json.loads(run.stdout)
    assert seconds < within_s
    return outcome


def _processor_s() -> float:
    """The processor's time up to now, with that of the processes that read odd files."""
    guarded.kill_idle()
    return sum(os.times()[:4])


@pytest.mark.parametrize("kind", ["deflated zeros", "a deflated tail of zeros", "deflated private bytes"])
@pytest.mark.slow
def test_what_inflates_to_gigabytes_is_refused_within_seconds_and_in_bounded_memory(kind, tmp_path):
    path = harmful(kind, tmp_path, 4_000_000)
    assert path.stat().st_size < 5_000_000
    assert _outcome(path, within_s=30) == "too large (over 536 MB when inflated)"


@pytest.mark.parametrize("num", [500, 30_000])
@pytest.mark.parametrize("kind", ["zeros", "zeros after the meta information", "zeros without a preamble"])
def test_zeros_in_the_place_of_elements_are_refused_at_once(kind, num, tmp_path):
    path = harmful(kind, tmp_path, num)
    start = time.process_time()
    with pytest.raises(ImageError, match=r"^(the file is truncated|a DICOM file without an image)$"):
        read_image(path)
    assert time.process_time() - start < 1


def test_a_tail_of_zeros_costs_nothing(tmp_path):
    path = harmful("a tail of zeros", tmp_path, 30_000)
    start = time.process_time()
    assert (read_image(path).pixels == PIXELS).all()
    assert time.process_time() - start < 1


def test_a_value_of_zeros_is_no_tail(tmp_path):
    content = harmful("a tail of zeros", tmp_path, 0).read_bytes()
    place = content.index(b"\x28\0\x02\0US")
    value = b"\x18\0\x25\0FD\x08\0" + bytes(8)  # 0018,0025 as a number of eight bytes
    (tmp_path / "a.dcm").write_bytes(content[:place] + value + content[place:])
    assert (read_image(tmp_path / "a.dcm").pixels == PIXELS).all()


@pytest.mark.parametrize(
    ("kind", "num"),
    [("tiny elements", 110_000), ("tiny elements of a sequence", 150_000), ("empty items", 60_000),
     ("private bytes", 30_000)],
)  # fmt: skip
def test_many_elements_and_much_that_is_private_are_read_as_long_as_they_are_no_more_than_odd(kind, num, tmp_path):
    assert _outcome(harmful(kind, tmp_path, num), within_s=30) == PIXELS.tolist()


@pytest.mark.parametrize(
    ("kind", "num"),
    [("nested sequences", 200_000), ("items of undefined length", 40_000),
     ("private bytes of undefined length", 30_000), ("empty fragments", 100_000)],
)  # fmt: skip
def test_sequences_without_end_or_depth_are_images_or_refused_within_seconds(kind, num, tmp_path):
    outcome = _outcome(harmful(kind, tmp_path, num), within_s=30)
    assert outcome in (PIXELS.tolist(), "the file is damaged", "its pixel data are damaged", "it has too many elements")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "num", "reason"),
    [("tiny elements", 3_000_000, "it has too many elements"),
     ("empty items", 3_000_000, "it has too many elements"),
     ("empty fragments", 3_000_000, "it has too many elements"),
     ("a long window", 12 * 10**6, "it takes too much memory to read")],
)  # fmt: skip
def test_millions_of_elements_items_fragments_or_values_are_refused(kind, num, reason, tmp_path):
    assert _outcome(harmful(kind, tmp_path, num), within_s=60) == reason


@pytest.mark.parametrize(
    ("kind", "num", "reason"),
    [("tiny elements", 110_000, "it has too many elements"), ("empty items", 60_000, "it has too many elements"),
     ("empty fragments", 60_000, "it has too many elements"), ("a long window", 600_000, "its header is too large")],
)  # fmt: skip
def test_the_limits_count_what_stands_anywhere_in_the_file(kind, num, reason, tmp_path):
    with harmful(kind, tmp_path, num).open("rb") as file, pytest.raises(OverLimitError) as error:
        parse(BytesIO(file.read()), ORDINARY)
    assert str(error.value) == reason


@pytest.mark.slow
def test_the_worst_that_is_read_where_it_is_asked_for_takes_seconds(tmp_path):
    path = harmful("a long window", tmp_path, 250_000)
    start = time.process_time()
    picture = read_image(path, limits=ORDINARY)
    assert picture.value_range() == (PIXELS.min(), PIXELS.max())
    assert picture.notes == (NOTHING_SHOWS,)  # as in none of the 125,000 windows of 1 and 2
    assert time.process_time() - start < 10


def test_whole_files_of_any_size_are_read_up_to_a_limit(tmp_path):
    path = harmful("a tail of zeros", tmp_path, 0)
    with path.open("r+b") as file:
        file.truncate(ODD.file_bytes + 1)  # a hole: no byte of it is on the disk
    with pytest.raises(ImageError, match=r"^too large \(over 2147 MB\)$"):
        read_image(path)


def test_every_header_of_pydicoms_files_is_parsed_as_pydicom_does():
    num_headers = 0
    for path in sorted(path for folder in _FOLDERS for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = dcmread(BytesIO(content), stop_before_pixels=True, force=True)
            except Exception as error:
                with pytest.raises(type(error)):
                    parse(BytesIO(content), ORDINARY, stop_when=before_pixels)
                continue
            dataset, _ = parse(BytesIO(content), ORDINARY, stop_when=before_pixels)
            assert dataset == expected
            assert dataset.file_meta == expected.file_meta
            assert dataset.original_encoding == expected.original_encoding
        num_headers += len(dataset) > 10
    assert num_headers > 150


@pytest.mark.parametrize(
    ("kind", "num"),
    [("deflated zeros", 2_000_000), ("zeros", 2_000), ("tiny elements", 150_000), ("nested sequences", 200_000)],
)
@pytest.mark.slow
def test_headers_of_harmful_files_are_read_within_seconds(kind, num, tmp_path):
    path = harmful(kind, tmp_path, num)
    start = _processor_s()
    (header,) = read_headers([Location(str(path))])
    (tree_header,) = read_tree_headers(tmp_path, [path.name], ["PatientID"])
    assert _processor_s() - start < 20
    assert header.width_px in (0, 20)
    assert tree_header.values == ("",)


def test_a_deflated_header_is_read_without_the_rest(tmp_path):
    path = harmful("a deflated tail of zeros", tmp_path, 4_000_000)
    (header,) = read_headers([Location(str(path))])
    assert (header.width_px, header.height_px, header.bits) == (20, 24, 16)


def test_an_odd_file_is_read_in_another_process_and_an_ordinary_one_is_not(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(guarded, "call", lambda function, **_: calls.append(function) or function())
    assert (read_image(harmful("a tail of zeros", tmp_path, 3_000)).pixels == PIXELS).all()
    assert not calls
    assert (read_image(harmful("tiny elements", tmp_path, 110_000)).pixels == PIXELS).all()
    assert len(calls) == 1


def test_a_large_compressed_frame_is_decoded_in_another_process(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    shown = np.kron(
        rng.integers(0, 256, (82, 82), dtype=np.uint8), np.ones((50, 50), dtype=np.uint8)
    )  # 16.8 megapixels
    jpeg = BytesIO()
    Image.fromarray(shown).save(jpeg, "JPEG")
    dataset = write_dicom(tmp_path / "a.dcm", shown)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([jpeg.getvalue()])
    dataset.save_as(tmp_path / "a.dcm")
    calls, call = [], guarded.call
    monkeypatch.setattr(guarded, "call", lambda function, **options: calls.append(1) or call(function, **options))
    pixels = read_image(tmp_path / "a.dcm").pixels
    assert (np.abs(pixels.astype(int) - np.asarray(Image.open(jpeg))) <= 1).all()
    assert calls == [1]
