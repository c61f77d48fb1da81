"""Images that a table names in its own way: what is found, and what is refused rather than guessed."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from overread.errors import ManifestError
from overread.sources.found_images import ImageIndex
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source


def made(root: Path, files: Sequence[str], rows: Sequence[Sequence[str]], header: str = "image,label") -> Path:
    """A folder with images and a labels.csv."""
    for seed, file in enumerate(files):
        write_image(root / file, seed)
    (root / "labels.csv").write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("files", "cells"),
    [
        (("a.png", "b.png"), ("a.png", "b.png")),
        (("images/a.png", "images/b.png"), ("a.png", "b.png")),
        (("part_1/a.png", "part_2/b.png"), ("a.png", "b.png")),
        (("part_1/a.png", "part_2/b.png"), ("a", "b")),
        (("train/a.png", "train/b.png"), ("source/train/a.png", "source/train/b.png")),
        (("images/a.png", "images/b.png"), (r"C:\Users\me\study\images\a.png", r"C:\Users\me\study\images\b.png")),
        (("images/a.png", "images/b.png"), ("/scratch/me/images/a.png", "/scratch/me/images/b.png")),
        (("img/a_1.jpg", "img/b_1.jpg"), ("IMG/A_1.JPG", "IMG/B_1.JPG")),
        (("a.png", "b.png"), ("a.dcm", "b.dcm")),
        (("007.png", "012.png"), ("7", "12")),
        (("img/7.png", "img/12.png"), ("7.0", "12.0")),
        (("img/a.jpg.jpg", "img/b.nii.png"), ("a.jpg", "b")),
        (("a.b.png", "a.c.png"), ("a.b", "a.c")),
        (("1/scan.png", "2/scan.png"), ("1/scan", "2/scan")),
        (
            (unicodedata.normalize("NFD", "ä.png"), "b.png"),
            (unicodedata.normalize("NFC", "ä.png"), "b.png"),
        ),
    ],
)
def test_images_that_are_there_are_found(tmp_path, files, cells):
    root = made(tmp_path / "source", files, [(cells[0], "cat"), (cells[1], "dog")])
    source = read_source(root)
    assert [(row.image, row.label) for row in source.rows] == [(files[0], "cat"), (files[1], "dog")]
    assert [row[0] for row in source.cells] == list(cells)
    is_found_elsewhere = files != cells
    assert any("images were found by the ends of their paths" in note for note in source.messages) is is_found_elsewhere
    assert source.image_column == ("file" if is_found_elsewhere else "image")


def test_names_in_several_folders_are_told_apart_by_another_cell_of_their_row(tmp_path):
    files = ("p1/0.png", "p2/0.png", "p3/0.png")
    rows = [("0.png", "p2", "cat"), ("0.png", "p1", "dog"), ("0.png", "p3", "dog")]
    source = read_source(made(tmp_path, files, rows, "image,patient,label"))
    assert [row.image for row in source.rows] == ["p2/0.png", "p1/0.png", "p3/0.png"]


def test_names_that_nothing_tells_apart_are_left_out_and_said(tmp_path):
    files = ("p1/0.png", "p2/0.png", "c.png", "d.png")
    rows = [("0.png", "cat"), ("0.png", "dog"), ("c.png", "cat"), ("d.png", "dog")]
    source = read_source(made(tmp_path, files, rows))
    assert [row.fault for row in source.rows] == [*["2 files have this name: p1/0.png, p2/0.png"] * 2, "", ""]


@pytest.mark.parametrize("cell", ["q/a.png", "images/q/a.png", "../a.png", "/", "a", "A.PNG/", "b/../../a.png"])
def test_a_path_through_other_folders_is_never_taken_for_a_file_of_the_same_name(cell):
    index = ImageIndex.of(["p/a.png"])
    assert index.candidates(cell) == (["p/a.png"] if cell == "a" else [])


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (("1.2E+05", "1.2E+05"), "a spreadsheet has shortened"),
        (("['a.png', 'b.png']", '["a.png", "c.png"]'), "several"),
    ],
)
def test_cells_that_name_no_single_image_are_told_of_and_not_compared(tmp_path, cells, fault):
    root = made(tmp_path, ("img/a.png", "img/120001.png", "b.png", "c.png"), [])
    rows = [*zip(cells, ("cat", "dog"), strict=True), ("b.png", "cat"), ("c.png", "dog")]
    (root / "labels.csv").write_text("image\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows))
    found = read_source(root).rows
    assert [row.fault.startswith(fault) and bool(row.fault) for row in found] == [True, True, False, False]


def test_two_paths_that_come_to_one_file_are_both_left_out(tmp_path):
    rows = [("a.png", "cat"), ("old/img/a.png", "dog"), ("b.png", "dog"), ("c.png", "cat")]
    source = read_source(made(tmp_path, ("img/a.png", "b.png", "c.png"), rows))
    told = "several paths in the table come to the same file"
    assert [row.fault for row in source.rows] == [told, told, "", ""]


def test_an_image_is_preferred_to_its_mask_of_the_same_name_unless_the_mask_is_named(tmp_path):
    files = ("images/a.png", "masks/a.png", "images/b.png", "masks/b.png")
    root = made(tmp_path, files, [("a.png", "cat"), ("b", "dog"), ("Masks/b.png", "cat")])
    assert [row.image for row in read_source(root).rows] == ["images/a.png", "images/b.png", "masks/b.png"]


def test_an_image_is_preferred_to_what_lies_beside_it_under_its_name(tmp_path):
    root = made(tmp_path, ("i/a.png", "i/b.png"), [("a", "cat"), ("b", "dog")])
    (root / "i" / "a.xml").write_text("<x/>")
    assert [row.image for row in read_source(root).rows] == ["i/a.png", "i/b.png"]


def test_missing_images_are_counted_and_where_all_are_the_error_names_the_path_tried_and_the_nearest_file(tmp_path):
    files = ("img/scan_001.png", "img/scan_002.png", "img/scan_003.png")
    rows = [("img/scan_001.png", "cat"), ("img/scan_002.png", "dog"), ("img/scan-003.png", "dog")]
    source = read_source(made(tmp_path / "source", files, rows))
    assert source.messages == ("images that are missing: 1; the first is in row 4",)
    root = made(tmp_path / "other", files, [("x/scan-001.png", "cat"), ("x/scan-002.png", "dog")])
    with pytest.raises(ManifestError) as error:
        import_source(read_source(root), tmp_path / "study")
    assert "x/scan-001.png (row 2) was looked for; the nearest is img/scan_001.png" in str(error.value)
    assert "scan" not in error.value.public


def test_images_found_elsewhere_come_back_from_an_update_with_their_ids(tmp_path):
    root = made(tmp_path / "source", ("i/a.png", "i/b.png"), [("a", "cat"), ("b", "dog")])
    import_source(read_source(root), tmp_path / "study", image_size_px=32)
    before = (tmp_path / "study" / "samples.csv").read_bytes()
    import_source(read_source(root), tmp_path / "study", update=True)
    assert (tmp_path / "study" / "samples.csv").read_bytes() == before


def test_names_that_several_splits_have_are_told_apart_by_the_row_s_split(tmp_path):
    # IDRiD's layout
    files = [f"{split}/{name}.png" for split in ("a. Training Set", "b. Testing Set") for name in ("1", "2")]
    root = made(tmp_path, files, [(name, *rest) for name in "12" for rest in (("cat", "train"), ("dog", "test"))],
                "image,label,split")  # fmt: skip
    source = read_source(root)
    assert [row.image for row in source.rows] == [files[0], files[2], files[1], files[3]]
    assert [row.label for row in source.rows] == ["cat", "dog", "cat", "dog"]
