from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder

from overread.errors import ConfigError
from overread.pipeline.exporting import export_study
from overread.review.cleaned_csv import Origin
from overread.review.exports.imagefolder import write_imagefolder
from overread.review.reviewed import ReviewedSample
from tests.core.importing import read_source


def samples(*rows):
    return [
        ReviewedSample(f"id{place}", image, split, label, label, is_changed=False)
        for place, (image, label, split) in enumerate(rows)
    ]


def test_the_tree_holds_the_final_labels_as_links(study, final_labels, tmp_path):
    export_study(study, tmp_path / "tree", format="imagefolder")
    source = read_source(tmp_path / "tree")
    assert source.format == "folder"
    assert {row.image.rsplit("/", 1)[-1]: row.label for row in source.rows} == final_labels
    known = study.samples()
    splits = dict(zip(known["image"], known["split"], strict=True))
    for row in source.rows:
        link = tmp_path / "tree" / row.image
        assert link.is_symlink()
        assert link.resolve() == study.image_location(link.name).path.resolve()
        assert row.split == splits[link.name]


def test_torchvision_reads_the_tree(study, final_labels, tmp_path):
    export_study(study, tmp_path / "tree", format="imagefolder")
    found = {}
    for split in ("train", "test"):
        dataset = ImageFolder(tmp_path / "tree" / split)
        found |= {Path(path).name: dataset.classes[label] for path, label in dataset.samples}
        assert dataset[0][0].size == (32, 24)
    assert found == final_labels


def test_images_of_one_name_are_told_apart_by_their_ids(tmp_path):
    for name in ("a/Scan.png", "b/scan.png", "b/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    rows = samples(("a/Scan.png", "cat", ""), ("b/scan.png", "cat", ""), ("b/c.png", "dog", ""))
    write_imagefolder(rows, tmp_path / "tree", locate=lambda image: tmp_path / image, origin=Origin())
    found = {path.relative_to(tmp_path / "tree").as_posix() for path in (tmp_path / "tree").rglob("*.png")}
    assert found == {"cat/Scan-id0.png", "cat/scan-id1.png", "dog/c.png"}


@pytest.mark.parametrize(
    ("label", "image", "message"),
    [
        ("N/A", "c.png", "'N/A' cannot be the name of a folder"),
        ("..", "c.png", "cannot be the name of a folder"),
        ("dog", "c.dcm#2", "c.dcm#2: is not a file that can be linked to"),
    ],
)
def test_what_no_tree_can_hold_leaves_nothing_behind(tmp_path, label, image, message):
    (tmp_path / "c.png").write_bytes(b"")
    rows = samples(("c.png", "cat", ""), (image, label, ""))
    with pytest.raises(ConfigError, match=message):
        write_imagefolder(
            rows,
            tmp_path / "tree",
            locate=lambda image: tmp_path / image if image == "c.png" else None,
            origin=Origin(),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["c.png"]


def test_a_folder_that_holds_something_is_left_alone(study, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="already exists; choose a new or empty folder"):
        export_study(study, tmp_path, format="imagefolder")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
