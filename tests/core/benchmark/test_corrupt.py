import csv
import re
from itertools import pairwise

import numpy as np
import pytest

from overread.benchmark.corrupt import corrupt_study
from overread.benchmark.noise import NOISES
from overread.errors import ConfigError, StudyError
from overread.images.cache.pixel_cache import open_cache
from overread.studies.study import open_study
from tests.core.conftest import write_image
from tests.core.images.made_dicom import write_dicom
from tests.core.importing import import_source, read_source

SIZE_PX = 16


def import_folders(tmp_path, num_images=30):
    """Three classes, whose names are in the file names as well."""
    for number in range(num_images):
        label = ("normal", "bacteria", "virus")[number % 3]
        write_image(tmp_path / "source" / label / f"person{number}_{label}_{number}.png", number)
    return import_study(tmp_path, tmp_path / "source")


def import_study(tmp_path, source, **columns):
    import_source(read_source(source, **columns), tmp_path / "study", image_size_px=SIZE_PX)
    return open_study(tmp_path / "study")


def read_truth(path):
    with path.open(newline="") as file:
        return {row["sample_id"]: row["true_label"] for row in csv.DictReader(file)}


def pixels_by_id(study):
    cache = open_cache(study.pixels_path)
    return {key: cache.pixels[place].tobytes() for place, key in enumerate(cache.keys)}


@pytest.mark.parametrize("noise", NOISES)
def test_truth_and_given_labels_differ_where_the_noise_flipped(tmp_path, noise):
    study = import_folders(tmp_path)
    new = corrupt_study(study, noise=noise, rate=0.4, seed=0, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    assert new == open_study(tmp_path / "out")
    truth = read_truth(tmp_path / "truth.csv")
    given = dict(zip(new.samples()["sample_id"], new.samples()["given_label"], strict=True))
    assert list(truth) == list(given)
    assert 0.1 < np.mean([truth[key] != given[key] for key in truth]) < 0.7
    # Each picture still has its true label in the truth, and in the study's own cache its own pixels.
    labels = dict(zip(study.samples()["sample_id"], study.samples()["given_label"], strict=True))
    by_pixels = {pixels: labels[key] for key, pixels in pixels_by_id(study).items()}
    assert {key: by_pixels[pixels] for key, pixels in pixels_by_id(new).items()} == truth


def test_the_same_seed_gives_the_same_labels_under_other_ids(tmp_path):
    study = import_folders(tmp_path)
    first, second = (
        corrupt_study(
            study, noise="idn", rate=0.4, seed=seed, out=tmp_path / name, truth=tmp_path / f"{name}.csv"
        ).samples()
        for name, seed in (("first", 3), ("second", 3))
    )
    assert list(first["given_label"]) == list(second["given_label"])
    assert list(first["image"]) == list(second["image"])
    assert not set(first["sample_id"]) & set(second["sample_id"])


def test_nothing_in_the_study_tells_the_truth(tmp_path):
    study = import_folders(tmp_path)
    out = tmp_path / "out"
    new = corrupt_study(study, noise="symmetric", rate=0.5, seed=0, out=out, truth=tmp_path / "truth.csv")
    samples = new.samples()
    given = dict(zip(samples["image"], samples["given_label"], strict=True))
    for path in out.rglob("*"):
        assert not path.is_symlink()
        assert not re.search(r"person\d", str(path.relative_to(out)))
        if path.is_file():
            assert not re.search(rb"person\d", path.read_bytes())
    pictures = [str(path.relative_to(out / "source")) for path in sorted((out / "source").rglob("*.png"))]
    assert sorted(given) == pictures
    assert all(image.split("/")[0] == label for image, label in given.items())
    assert new.source_table().values.tolist() == [[image, label] for image, label in given.items()]
    # What the folders tell, read anew, is what the study tells.
    assert {row.image: row.label for row in read_source(out / "source").rows} == given
    assert str(study.path) not in (out / "study.json").read_text()
    # Neither the order of rows nor that of the numbers follows the true classes, as the sorted source does.
    truth = read_truth(tmp_path / "truth.csv")
    true_labels = [truth[key] for key in samples["sample_id"]]
    changes = sum(left != right for left, right in pairwise(true_labels))
    assert changes > 10
    assert [int(image[-10:-4]) for image in samples["image"]] == list(range(30))


def test_raters_and_other_columns_go_and_groups_stay(tmp_path):
    rows = [("image", "label", "patient", "split", "label_A", "cause")]
    for number in range(20):
        label = "ab"[number % 2]
        rows.append(
            (f"{label}{number}.png", label, f"p{number // 4}", "test" if number < 6 else "train", label, label * 3)
        )
        write_image(tmp_path / "source" / rows[-1][0], number)
    with (tmp_path / "source" / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    study = import_study(tmp_path, tmp_path / "source", rater_columns=("label_A",))
    new = corrupt_study(study, noise="pair", rate=0.6, seed=1, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    samples, truth = new.samples(), read_truth(tmp_path / "truth.csv")
    assert list(samples.columns) == ["sample_id", "image", "given_label", "patient", "slide", "split", "sha256"]
    assert list(new.source_table().columns) == ["image", "label"]
    is_flipped = samples["given_label"] != samples["sample_id"].map(truth)
    assert not is_flipped[samples["split"] == "test"].any()
    assert is_flipped[samples["split"] == "train"].any()
    assert sorted(samples.groupby("patient").size()) == sorted(study.samples().groupby("patient").size())
    assert not set(samples["patient"]) & set(study.samples()["patient"])
    assert samples["image"].str.fullmatch(r"images/\d{6}\.png").all()


def test_codes_are_written_as_the_source_writes_them(chaoyang_release, tmp_path):
    study = import_study(tmp_path, chaoyang_release)
    new = corrupt_study(study, noise="pair", rate=0.5, seed=0, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    expected = [str(study.classes.index(label)) for label in new.samples()["given_label"]]
    assert list(new.source_table()["label"]) == expected
    assert new.classes == study.classes
    assert set(read_truth(tmp_path / "truth.csv").values()) == set(study.classes)


def test_kinds_of_file_that_differ_are_not_in_the_names(class_folders, tmp_path):
    study = import_study(tmp_path, class_folders)
    new = corrupt_study(study, noise="pair", rate=0.5, seed=0, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    assert new.samples()["image"].str.fullmatch(r"(cat|dog)/\d{6}").all()


def test_frames_of_one_file_stay_the_same_frames(tmp_path):
    (tmp_path / "source").mkdir()
    write_dicom(tmp_path / "source" / "scan.dcm", np.arange(60, dtype=np.uint8).repeat(256).reshape(60, 16, 16))
    rows = [f"scan.dcm#{frame},{'ab'[frame % 2]}\n" for frame in range(1, 61)]
    (tmp_path / "source" / "labels.csv").write_text("image,label\n" + "".join(rows))
    study = import_study(tmp_path, tmp_path / "source")
    new = corrupt_study(study, noise="pair", rate=0.3, seed=0, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    truth, pixels = read_truth(tmp_path / "truth.csv"), open_cache(new.pixels_path).pixels
    for place, row in enumerate(new.samples().itertuples()):
        frame = int(re.fullmatch(rf"images/{place:06d}\.dcm#(\d+)", row.image)[1])
        assert (pixels[place] == frame - 1).all()
        assert truth[row.sample_id] == "ab"[frame % 2]


def test_what_exists_already_is_not_overwritten(tmp_path):
    study = import_folders(tmp_path, num_images=6)
    options = {"noise": "pair", "rate": 0.5, "seed": 0}
    (tmp_path / "truth.csv").write_text("earlier")
    with pytest.raises(ConfigError, match="give the name of a new file"):
        corrupt_study(study, **options, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    with pytest.raises(ConfigError, match="outside"):
        corrupt_study(study, **options, out=tmp_path / "out", truth=tmp_path / "out" / "truth.csv")
    with pytest.raises(StudyError, match="already exists"):
        corrupt_study(study, **options, out=study.path, truth=tmp_path / "new.csv")
    assert (tmp_path / "truth.csv").read_text() == "earlier"
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_gone_is_named(tmp_path):
    study = import_folders(tmp_path, num_images=6)
    study.image_location(study.samples()["image"][2]).path.unlink()
    with pytest.raises(StudyError, match=r"samples\.csv row 4: .* is no longer there"):
        corrupt_study(study, noise="pair", rate=0.5, seed=0, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "truth.csv").exists()
