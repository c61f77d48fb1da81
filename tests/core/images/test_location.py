from pathlib import Path

import pytest

from overread.images.location import ABSENT, Location, split_frame


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("scan.dcm#3", ("scan.dcm", 3)),
        ("a#b/scan.dcm#12", ("a#b/scan.dcm", 12)),
        ("scan.dcm#0", ("scan.dcm", 0)),
        ("scan.dcm#03", ("scan.dcm#03", None)),  # one spelling for each frame, hence one sample id
        ("scan.dcm#", ("scan.dcm#", None)),
        ("#3", ("#3", None)),
        ("scan.dcm", ("scan.dcm", None)),
    ],
)
def test_a_number_after_a_hash_names_a_frame(cell, named):
    assert split_frame(cell) == named


def test_a_stamp_changes_with_the_file_and_is_that_of_no_file_without_one(tmp_path: Path) -> None:
    location = Location.of(tmp_path / "a.png")
    assert location.stamp() == ABSENT
    (tmp_path / "a.png").write_bytes(b"one")
    first = location.stamp()
    (tmp_path / "a.png").write_bytes(b"three")
    assert len({ABSENT, first, location.stamp()}) == 3


def test_what_no_file_can_be_named_does_not_exist(tmp_path: Path) -> None:
    for name in ("x" * 5000, "a\0b"):
        location = Location(f"{tmp_path}/{name}")
        assert (location.exists(), location.stamp()) == (False, ABSENT)
