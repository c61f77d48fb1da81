import base64
import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from overread.errors import ManifestError
from overread.studies.preview import NUM_SHOWN, THUMBNAIL_PX, preview_source
from overread.studies.study import open_study
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source


def write_folders(root, **numbers):
    """A folder of each class, with as many pictures, all of one grey: 10 for the first class, 30 for the next ..."""
    for place, (name, number) in enumerate(numbers.items()):
        for index in range(number):
            path = root / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((30, 300), 10 + 20 * place, dtype=np.uint8)).save(path)
    return root


def thumbnail(shown):
    kind, _, content = shown.thumbnail.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_it_counts_what_the_import_then_makes(make_table, tmp_path):
    rows = [
        (f"{index}.png", ("cat", "dog")[index % 3 == 0], f"p{index // 2}", ("train", "test")[index % 2])
        for index in range(20)
    ]
    root = make_table([("image", "label", "patient", "split"), *rows])
    with (root / "labels.csv").open("a") as file:
        file.write("gone.png,cat,p0,train\n3.png,,p1,train\nlost.png,dog,p0,test\n")
    source = read_source(root)
    preview = preview_source(source)
    import_source(source, tmp_path / "study", image_size_px=16)
    study = open_study(tmp_path / "study")
    samples, quarantine = study.samples(), study.quarantine()
    assert preview.num_images == len(samples)
    assert preview.num_patients == samples["patient"].nunique()
    assert preview.splits == ("train", "test")
    assert tuple(each.name for each in preview.classes) == study.classes
    pairs = Counter(zip(samples["given_label"], samples["split"], strict=True))
    for each in preview.classes:
        assert each.num_images == sum(each.by_split)
        assert each.by_split == (pairs[each.name, "train"], pairs[each.name, "test"])
    assert {each.reason: each.num_rows for each in preview.left_out} == Counter(quarantine["reason"])
    assert preview.left_out[0].num_rows == 2
    assert preview.left_out[0].first_row == 22


def test_every_class_is_among_the_images_shown_and_the_largest_has_most_of_them(tmp_path):
    preview = preview_source(read_source(write_folders(tmp_path, rare=1, common=9, usual=4)))
    assert [each.label for each in preview.shown] == ["common"] * 4 + ["rare"] + ["usual"] * 3
    again = preview_source(read_source(tmp_path))
    assert again.shown == preview.shown


def test_of_more_classes_than_images_the_largest_are_shown(tmp_path):
    numbers = {f"class {number:02d}": number for number in range(1, NUM_SHOWN + 4)}
    preview = preview_source(read_source(write_folders(tmp_path, **numbers)))
    assert [each.label for each in preview.shown] == [f"class {number:02d}" for number in range(4, NUM_SHOWN + 4)]


def test_the_pictures_are_those_of_their_rows(tmp_path):
    greys = {"dark": 10, "grey": 30, "light": 50}
    for each in preview_source(read_source(write_folders(tmp_path, dark=3, grey=3, light=3))).shown:
        picture = thumbnail(each)
        assert max(picture.size) == THUMBNAIL_PX
        middle = np.asarray(picture.convert("L"))[picture.height // 2]
        assert np.abs(middle.astype(int) - greys[each.label]).max() <= 2
        assert each.image.startswith(each.label)


def test_an_image_that_cannot_be_read_is_shown_with_its_reason(tmp_path):
    write_folders(tmp_path, cat=2, dog=2)
    (tmp_path / "cat" / "1.png").write_bytes(b"no picture")
    preview = preview_source(read_source(tmp_path))
    (broken,) = [each for each in preview.shown if each.fault]
    assert (broken.label, broken.image, broken.thumbnail) == ("cat", "cat/1.png", "")
    assert preview.num_images == 4  # only the import opens all


def test_a_source_of_which_no_image_can_be_read_is_refused(tmp_path):
    for name in ("cat/a.png", "dog/b.png"):
        write_image(tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(ManifestError, match="none of 2 images tried can be read"):
        preview_source(read_source(tmp_path))


def test_progress_is_told_of_each_image(tmp_path):
    told = []
    source = read_source(write_folders(tmp_path, cat=2, dog=1))
    preview_source(source, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
