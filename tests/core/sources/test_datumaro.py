"""Datumaro's JSON, in the words of its documentation."""

import json

import pytest

from overread.errors import ManifestError
from tests.core.conftest import write_image
from tests.core.importing import read_source

BOX = {"id": 5, "type": "bbox", "label_id": 1, "bbox": [1, 1, 3, 3]}


def item(key, *annotations, **media):
    return {"id": key, "annotations": list(annotations), "attr": {"frame": 0}, **media}


def label(number):
    return {"id": 0, "type": "label", "attributes": {}, "group": 0, "label_id": number}


def write(root, items, name="default", labels=("cat", "dog")):
    categories = {"label": {"labels": [{"name": name, "parent": "", "attributes": []} for name in labels]}}
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    path = root / "annotations" / f"{name}.json"
    path.write_text(json.dumps({"info": {}, "categories": categories, "items": items}))
    return path


def test_annotations_of_type_label_are_the_labels(tmp_path):
    items = [
        item("a", label(0), BOX, image={"path": "a.png", "size": [12, 12]}),
        item("sub/b", label(1), media={"path": "sub/b.png"}),
        item("c.png", BOX),
    ]
    path = write(tmp_path, items)
    for seed, name in enumerate(("a.png", "default/sub/b.png", "c.png")):
        write_image(tmp_path / "images" / name, seed)
    for place in (tmp_path, path):
        source = read_source(place)
        assert source.format == "datumaro"
        assert [(row.image, row.label, row.split) for row in source.rows] == [
            ("images/a.png", "cat", ""),
            ("images/default/sub/b.png", "dog", ""),
            ("images/c.png", "", ""),
        ]


def test_subsets_are_splits(tmp_path):
    for subset, number in (("train", 0), ("validation", 1), ("pilot", 0)):
        write(tmp_path, [item("a", label(number), image={"path": "a.png"})], subset)
        write_image(tmp_path / "images" / subset / "a.png", len(subset))
    rows = {(row.image, row.label, row.split) for row in read_source(tmp_path).rows}
    assert rows == {
        ("images/train/a.png", "cat", "train"),
        ("images/validation/a.png", "dog", "val"),
        ("images/pilot/a.png", "cat", "pilot"),
    }


def test_without_labels_the_boxes_are_taken(tmp_path):
    write(tmp_path, [item("a", BOX, image={"path": "a.png"}), item("b", {**BOX, "label_id": 0})])
    assert [row.label for row in read_source(tmp_path).rows] == ["dog", "cat"]


@pytest.mark.parametrize(
    ("items", "labels", "message"),
    [
        ([item("a", label(2))], ("cat", "dog"), "item 1: label_id 2 is not one of its 2 labels"),
        ([item("a", label(0)), {"id": "b"}], ("cat",), "has no list of items with annotations"),
    ],
)
def test_a_file_that_does_not_fit_together_says_where(tmp_path, items, labels, message):
    with pytest.raises(ManifestError, match=message):
        read_source(write(tmp_path, items, labels=labels))


def test_a_file_without_names_says_so(tmp_path):
    path = write(tmp_path, [item("a", label(0))])
    path.write_text(path.read_text().replace('"label":', '"points":'))
    with pytest.raises(ManifestError, match="has no names of labels"):
        read_source(path)
