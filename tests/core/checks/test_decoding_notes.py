"""Images that are not displayed as their files ask: what the cache keeps of them, and what is reported."""

from pathlib import Path

import numpy as np

from overread.checks.decoding_notes import check_decoding_notes
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from overread.images.dicom.grey_values import NOTHING_SHOWS
from overread.images.raster import MORE_PAGES
from tests.core.images.made_dicom import write_dicom
from tests.core.images.made_tiff import tiff

_VALUES = np.arange(400, dtype=np.uint16).reshape(20, 20)


def test_a_window_that_shows_nothing_is_reported_after_every_build_of_the_cache(tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.dcm" for name in ("good", "odd", "later")}
    for name, path in paths.items():
        write_dicom(path, _VALUES, WindowCenter=9000 if name == "odd" else 200, WindowWidth=100)
    folder = tmp_path / "pixels"
    for names in (("good", "odd"), ("good", "odd", "later")):  # the second build takes the first two from the first
        build_cache(folder, {name: paths[name] for name in names}, size_px=16)
        (finding,) = check_decoding_notes(open_cache(folder).rows)
        assert (finding.severity, finding.count, finding.samples) == ("info", 1, ("odd",))
        assert finding.message == f"1 images: {NOTHING_SHOWS}"


def test_files_of_several_pages_are_one_finding_whatever_their_number(tmp_path: Path) -> None:
    page = _VALUES.astype(np.uint8)
    for name, num_pages in (("one", 1), ("two", 2), ("three", 3)):
        (tmp_path / f"{name}.tif").write_bytes(tiff([page] * num_pages))
    build_cache(tmp_path / "pixels", {path.stem: path for path in tmp_path.glob("*.tif")}, size_px=16)
    (finding,) = check_decoding_notes(open_cache(tmp_path / "pixels").rows)
    assert (finding.severity, finding.count, sorted(finding.samples)) == ("info", 2, ["three", "two"])
    assert finding.message == f"2 images: {MORE_PAGES}"
