"""COCO's JSON, in the words of its data format: images, annotations and categories."""

import json

import pytest

from overread.errors import ManifestError, SourceError
from overread.sources.annotation_files import label_text
from overread.sources.coco import read_coco
from overread.sources.json_start import json_start
from overread.sources.request import ImportRequest
from overread.sources.source_files import find_files
from tests.core.conftest import write_image
from tests.core.importing import read_source

CATEGORIES = [{"id": 3, "name": "normal", "supercategory": "x"}, {"id": 7, "name": "mass"}, {"id": 9, "name": "nodule"}]


def coco(images, labels, **others):
    """images: file name by id; labels: pairs of an image's id and a category's."""
    annotations = [{"id": n, "image_id": image, "category_id": label} for n, (image, label) in enumerate(labels)]
    entries = [{"id": key, "file_name": name, "width": 12, "height": 12} for key, name in images.items()]
    return {"info": {"year": 2026}, "images": entries, "annotations": annotations, "categories": CATEGORIES, **others}


def write(root, name, content, *images):
    for seed, image in enumerate(images):
        write_image(root / image, seed)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def labels_of(source):
    return {row.image: row.label for row in source.rows}


@pytest.mark.parametrize("folder", ["", "images/", "data/", "scans/"])
def test_the_category_of_an_image_is_its_label_wherever_tools_put_the_images(tmp_path, folder):
    name = "scans/{}.png" if folder == "scans/" else "{}.png"
    content = coco({1: name.format("a"), 2: name.format("b")}, [(1, 3), (2, 7)])
    path = write(tmp_path, "annotations.json", content, f"{folder}a.png", f"{folder}b.png")
    for source in (read_source(tmp_path), read_source(path)):
        assert source.format == "coco"
        assert labels_of(source) == {f"{folder}a.png": "normal", f"{folder}b.png": "mass"}
        assert source.columns == ("id", "image", "split", "label", "file")


def test_a_file_in_the_folder_annotations_can_be_named_alone(tmp_path):
    content = coco({1: "a.png", 2: "b.png"}, [(1, 3), (2, 7)])
    path = write(tmp_path, "annotations/instances_default.json", content, "images/a.png", "images/b.png")
    assert labels_of(read_source(path)) == {"images/a.png": "normal", "images/b.png": "mass"}
    with pytest.raises(SourceError, match="reads only inside"):
        read_source(path, within=(tmp_path / "elsewhere",))


def test_boxes_of_one_category_are_one_label_and_of_several_a_list_in_the_order_of_the_categories():
    assert label_text(["mass", "mass"]) == "mass"
    assert label_text(["mass", " ", "größer, als"]) == '["mass", "größer, als"]'
    assert label_text([]) == ""


def test_several_categories_of_an_image_are_a_list(tmp_path):
    content = coco({1: "a.png", 2: "b.png", 3: "c.png"}, [(1, 3), (2, 9), (2, 7), (2, 9), (3, 7)])
    write(tmp_path, "annotations.json", content, "a.png", "b.png", "c.png")
    source = read_coco(find_files(ImportRequest(tmp_path)))
    assert [row.label for row in source.rows] == ["normal", '["mass", "nodule"]', "mass"]


def test_an_image_without_annotation_has_no_label_and_is_counted(tmp_path):
    content = coco({1: "a.png", 2: "b.png", 3: "c.png"}, [(1, 3), (2, 7), (99, 7)])
    write(tmp_path, "annotations.json", content, "a.png", "b.png", "c.png")
    source = read_source(tmp_path)
    assert labels_of(source)["c.png"] == ""
    assert "1 images have no annotation, and so no label" in source.messages
    assert "annotations.json: 1 annotated images are not in its list, and were left out" in source.messages


def test_a_file_for_each_split_gives_the_splits(tmp_path):
    for split, label in (("train", 3), ("valid", 7), ("test", 9)):
        content = coco({1: "a.png"}, [(1, label)])
        write(tmp_path, f"{split}/_annotations.coco.json", content, f"{split}/a.png")
    source = read_source(tmp_path)
    assert labels_of(source) == {"test/a.png": "nodule", "train/a.png": "normal", "valid/a.png": "mass"}
    assert [row.split for row in source.rows] == ["test", "train", "val"]


def test_of_the_release_of_coco_the_instances_are_read(tmp_path):
    for split, label in (("train", 3), ("val", 7)):
        content = coco({1: f"{split}.png"}, [(1, label)])
        write(tmp_path, f"annotations/instances_{split}2017.json", content, f"images/{split}/{split}.png")
        write(tmp_path, f"annotations/captions_{split}2017.json", {**content, "annotations": []})
    source = read_source(tmp_path)
    assert labels_of(source) == {"images/train/train.png": "normal", "images/val/val.png": "mass"}
    assert [row.split for row in source.rows] == ["train", "val"]


def test_two_exports_of_one_split_are_not_chosen_from(tmp_path):
    for name in ("first.json", "second.json"):
        write(tmp_path, name, coco({1: "a.png"}, [(1, 3)]), "a.png")
    with pytest.raises(SourceError, match=r"which of the COCO exports\? .*first.json, second.json"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"annotations": [{"image_id": 1, "category_id": 4}]},
            "annotation 1: category_id '4' is not in its categories",
        ),
        ({"categories": None}, "has no list of categories"),
        ({"categories": [{"id": 3}]}, "not every category has an id and a name"),
        ({"images": [{"id": 1, "file_name": "a.png"}, {"id": 2}]}, "image 2: has no id or no file_name"),
    ],
)
def test_a_file_that_does_not_fit_together_says_where(tmp_path, change, message):
    write(tmp_path, "annotations.json", {**coco({1: "a.png"}, [(1, 3)]), **change})
    with pytest.raises(ManifestError, match=message):
        read_source(tmp_path)


def test_a_path_that_leads_out_is_not_followed(tmp_path):
    write_image(tmp_path / "secret.png")
    content = coco({1: "../secret.png", 2: "b.png", 3: "c.png"}, [(1, 3), (2, 7), (3, 3)])
    write(tmp_path / "source", "annotations.json", content, "b.png", "c.png")
    assert next(iter(labels_of(read_source(tmp_path / "source")))) == "../secret.png"


@pytest.mark.parametrize("size", [0, 2_000_000])
def test_the_start_of_a_file_tells_its_keys_however_long_it_is(tmp_path, size):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"info": {"a": [1]}, "n": [], "images": [{"id": 1}, "x" * size], "last": 2}, indent=1))
    start = json_start(path)
    expected = {"info": {"a": [1]}, "n": None, "images": {"id": 1}, "last": 2}
    assert start == (expected if size == 0 else {key: expected[key] for key in ("info", "n", "images")})


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a"', '{"a":', '{"a": [', "\x00\x01", '{"images": [{"id"'])
def test_what_is_no_object_or_broken_has_no_start_to_go_by(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    assert not any(json_start(path).values())
