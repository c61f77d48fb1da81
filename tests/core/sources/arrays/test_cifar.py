import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from overread.errors import ConfigError, ManifestError, SourceError
from overread.images.decoding import read_image
from overread.pipeline.evaluation import evaluate_run
from overread.pipeline.exporting import export_study
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.studies.study import open_study
from tests.core.commands import TINY
from tests.core.importing import import_source, read_source

NAMES = ["cat", "dog", "frog"]
KEYS = ("aggre_label", "worse_label", "random_label1", "random_label2", "random_label3")


def batch(seed: int, count: int, **more) -> dict:
    rng = np.random.default_rng(seed)
    labels = [index % len(NAMES) for index in range(count)]
    data = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
    filenames = [f"{NAMES[label]}_s_{index:06d}.png" for index, label in enumerate(labels)]
    return {"batch_label": "a batch", "labels": labels, "data": data, "filenames": filenames} | more


def write(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.fixture
def cifar10(tmp_path) -> Path:
    """Five batches of 4 images and a test batch of 6."""
    folder = tmp_path / "cifar-10-batches-py"
    for number in range(1, 6):
        write(folder / f"data_batch_{number}", batch(number, 4))
    write(folder / "test_batch", batch(6, 6))
    write(folder / "batches.meta", {"num_cases_per_batch": 4, "label_names": NAMES, "num_vis": 3072})
    return folder


@pytest.fixture
def cifar100(tmp_path) -> Path:
    folder = tmp_path / "cifar-100-python"
    for seed, (split, count) in enumerate({"train": 12, "test": 6}.items()):
        content = batch(seed, count)
        fine = content.pop("labels")
        write(folder / split, content | {"fine_labels": fine, "coarse_labels": [int(label == 2) for label in fine]})
    write(folder / "meta", {"fine_label_names": NAMES, "coarse_label_names": ["mammal", "amphibian"]})
    return folder


def human_labels(true: list[int], seed: int = 0) -> dict[str, np.ndarray]:
    """As in CIFAR-10_human.pt, with a third of each key's labels wrong."""
    rng = np.random.default_rng(seed)
    clean = np.array(true)
    wrong = {key: (clean + (rng.random(len(clean)) < 1 / 3) * rng.integers(1, 3, len(clean))) % 3 for key in KEYS}
    return {"clean_label": clean, **wrong}


def true_codes(folder: Path) -> list[int]:
    return [int(row[3]) for row in read_source(folder).cells if row[1] == "train"]


def save_torch(path, content):
    torch.save(content, path)


def save_old_torch(path, content):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def save_numpy(path, content):
    with path.open("wb") as file:
        np.save(file, content, allow_pickle=True)


def test_pixels_labels_and_splits_of_a_study_are_those_of_the_batches(cifar10, tmp_path):
    source = read_source(cifar10)
    summary = import_source(source, tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    assert (source.format, summary.num_samples, summary.num_quarantined) == ("cifar", 26, 0)
    assert (study.classes, study.written_labels) == (tuple(NAMES), {"cat": "0", "dog": "1", "frog": "2"})
    samples, table = study.samples(), study.source_table()
    assert list(table.columns) == ["image", "split", "index", "labels", "filename"]
    files = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    batches = [pickle.loads((cifar10 / name).read_bytes()) for name in files]
    expected = [
        (row.reshape(3, 1024).T.reshape(32, 32, 3), label, name)
        for content in batches
        for row, label, name in zip(content["data"], content["labels"], content["filenames"], strict=True)
    ]
    assert list(samples["split"]) == ["train"] * 20 + ["test"] * 6
    assert list(table["index"]) == [*map(str, range(20)), *map(str, range(6))]
    for sample, cells, (pixels, label, name) in zip(samples.itertuples(), table.itertuples(), expected, strict=True):
        assert (sample.given_label, cells.labels, cells.filename) == (NAMES[label], str(label), name)
        np.testing.assert_array_equal(read_image(study.image_location(sample.image)).pixels, pixels)


def test_the_folder_above_and_a_batch_itself_are_recognised_too(cifar10):
    assert read_source(cifar10.parent).rows == read_source(cifar10).rows
    assert read_source(cifar10 / "data_batch_1").rows == read_source(cifar10).rows


def test_another_file_beside_the_batches_is_read_as_what_it_is(cifar10):
    (cifar10.parent / "labels.csv").write_text("image,label\na.png,cat\nb.png,dog\n")
    assert read_source(cifar10.parent / "labels.csv").format == "csv"


def test_fine_and_coarse_labels_of_cifar_100(cifar100):
    fine, coarse = read_source(cifar100), read_source(cifar100, label_column="coarse_labels")
    assert (fine.classes, coarse.classes) == (tuple(NAMES), ("mammal", "amphibian"))
    assert [row.label for row in fine.rows[:3]] == NAMES
    assert [row.label for row in coarse.rows[:3]] == ["mammal", "mammal", "amphibian"]
    assert fine.columns == ("image", "split", "index", "fine_labels", "coarse_labels", "filename")
    assert (fine.label_column, coarse.label_column) == ("fine_labels", "coarse_labels")
    assert fine.cells == coarse.cells


def test_an_update_writes_the_images_again_only_where_a_batch_has_changed(cifar10, tmp_path):
    import_source(read_source(cifar10), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    image = study.image_location("train/000000.png").path
    written, ids = image.stat().st_mtime_ns, list(study.samples()["sample_id"])
    import_source(read_source(cifar10), study.path, update=True)
    assert image.stat().st_mtime_ns == written
    changed = batch(9, 4)
    write(cifar10 / "data_batch_1", changed)
    os.utime(cifar10 / "data_batch_1", ns=(0, 0))
    import_source(read_source(cifar10), study.path, update=True)
    updated = open_study(study.path)
    pixels = read_image(updated.image_location("train/000000.png")).pixels
    np.testing.assert_array_equal(pixels, changed["data"][0].reshape(3, 1024).T.reshape(32, 32, 3))
    assert list(updated.samples()["sample_id"]) == ids
    assert not image.exists()


@pytest.mark.parametrize("save", [save_torch, save_old_torch, save_numpy])
def test_human_labels_are_the_given_ones_of_the_training_images(cifar10, tmp_path, save):
    human = human_labels(true_codes(cifar10))
    save(tmp_path / "human", human)
    source = read_source(cifar10, labels=tmp_path / "human", given_label="aggre_label")
    assert [row.label for row in source.rows[:20]] == [NAMES[code] for code in human["aggre_label"]]
    assert [row.label for row in source.rows[20:]] == [row.label for row in read_source(cifar10).rows[20:]]
    assert source.rater_names == ("rater_1", "rater_2", "rater_3")
    assert [row.raters for row in source.rows[:20]] == [
        tuple(NAMES[human[f"random_label{rater}"][index]] for rater in (1, 2, 3)) for index in range(20)
    ]
    assert {row.raters for row in source.rows[20:]} == {("", "", "")}
    place = source.columns.index("aggre_label")
    assert [row[place] for row in source.cells[:20]] == [str(code) for code in human["aggre_label"]]
    assert [row[place] for row in source.cells[20:]] == [row[3] for row in source.cells[20:]]


def test_a_rater_under_audit_is_no_rater_column(cifar10, tmp_path):
    save_torch(tmp_path / "human.pt", human_labels(true_codes(cifar10)))
    source = read_source(cifar10, labels=tmp_path / "human.pt", given_label="random_label2")
    assert (source.label_column, source.rater_names) == ("random_label2", ("rater_1", "rater_3"))


def test_human_labels_of_cifar_100_need_no_choice(cifar100, tmp_path):
    fine = np.array([index % 3 for index in range(12)])
    human = {
        "clean_label": fine,
        "noisy_label": np.roll(fine, 1),
        "noisy_coarse_label": (np.roll(fine, 1) == 2).astype(int),
        "clean_coarse_label": (fine == 2).astype(int),
    }
    save_torch(tmp_path / "human.pt", human)
    source = read_source(cifar100, labels=tmp_path / "human.pt")
    assert [row.label for row in source.rows[:12]] == [NAMES[code] for code in human["noisy_label"]]
    coarse = read_source(cifar100, labels=tmp_path / "human.pt", label_column="coarse_labels")
    assert coarse.label_column == "noisy_coarse_label"
    assert [row.label == "amphibian" for row in coarse.rows[:12]] == human["noisy_coarse_label"].astype(bool).tolist()


def test_true_labels_stand_in_the_source_s_cells_alone_and_evaluate_takes_them_from_there(cifar10, tmp_path):
    human = human_labels(true_codes(cifar10))
    save_torch(tmp_path / "human.pt", human)
    source = read_source(cifar10, labels=tmp_path / "human.pt", given_label="worse_label")
    import_source(source, tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    assert not {"clean_label", "labels"} & set(study.samples().columns)
    train_study(study, TrainRequest(device="cpu", assignments=tuple(TINY[1::2])))
    lines = (study.path / "source.csv").read_text().splitlines(keepends=True)
    truth = tmp_path / "truth.csv"
    truth.write_text("".join([lines[0].replace(",labels,", ",true_label,"), *lines[1:]]))
    result = evaluate_run(study, truth)
    assert result["num_without_truth"] == 0
    assert result["num_errors"] == int((human["worse_label"] != human["clean_label"]).sum())
    table, _ = export_study(study, tmp_path / "out.csv", None, spreadsheet_safe=False)
    assert list(table["final_label"]) == list(table["worse_label"])


def replace_batch(folder, **changes):
    write(folder / "data_batch_2", batch(2, 4) | changes)


def remove(name):
    return lambda folder: (folder / name).unlink()


def truncate(folder):
    path = folder / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-5000])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("data_batch_2"), "data_batch_2: is missing; restore it"),
        (remove("batches.meta"), r"batches\.meta: is missing; restore it"),
        (truncate, r"data_batch_3: cannot be read \(it is truncated\)"),
        (lambda folder: write(folder / "test_batch", [1, 2]), "test_batch: is not a CIFAR batch"),
        (
            lambda folder: write(folder / "batches.meta", {"label_names": ["a", "a"]}),
            "are not a list of distinct names",
        ),
        (lambda folder: replace_batch(folder, data=np.zeros((4, 3000), np.uint8)), "holds no images of 32 x 32 px"),
        (lambda folder: replace_batch(folder, data=[1, 2]), "holds no images of 32 x 32 px"),
        (lambda folder: replace_batch(folder, labels=[1, 2]), "labels are not integers, one for each image"),
        (lambda folder: replace_batch(folder, labels=["1"] * 4), "labels are not integers"),
        (lambda folder: replace_batch(folder, filenames=["a"]), "filenames are not one for each image"),
        (lambda folder: replace_batch(folder, data=np.array([{}])), "an array of objects, which is not allowed"),
    ],
)
def test_batches_that_do_not_fit_are_named(cifar10, damage, message):
    damage(cifar10)
    with pytest.raises(SourceError, match=message):
        read_source(cifar10)


def test_a_code_without_a_class_names_its_image(cifar10):
    replace_batch(cifar10, labels=[0, 1, 7, 2])
    with pytest.raises(ManifestError, match="train image 6: label 7 has no name in the meta file"):
        read_source(cifar10)


def test_an_absent_test_batch_is_told(cifar10):
    (cifar10 / "test_batch").unlink()
    source = read_source(cifar10)
    assert len(source.rows) == 20
    assert source.messages == ("there is no test part; put the release's test_batch beside it",)


def test_both_datasets_in_one_folder_ask_which_one(cifar10, cifar100):
    with pytest.raises(SourceError, match="holds both CIFAR-10 and CIFAR-100; name one"):
        read_source(cifar10.parent)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"given_label": "aggre_label"}, "--given-label aggre_label: is a label of CIFAR-N; name its file too"),
        ({"label_column": "coarse_labels"}, "--label-column coarse_labels: cifar-10-batches-py holds labels; give"),
        ({"format": "cifar", "patient_column": "x"}, "--patient-column: CIFAR's batches have no columns to name"),
        ({"labels": "human.pt"}, "name the one to audit with --given-label: aggre_label, worse_label, random_label1"),
        ({"labels": "human.pt", "given_label": "clean_label"}, "--given-label clean_label: human.pt has no such label"),
    ],
)
def test_flags_that_do_not_fit_are_named(cifar10, flags, message):
    save_torch(cifar10 / "human.pt", human_labels(true_codes(cifar10)))
    with pytest.raises(ConfigError, match=message):
        read_source(cifar10, **flags)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda human: {**human, "clean_label": np.roll(human["clean_label"], 1)},
            "differs from the batches' labels in",
        ),
        (lambda human: {key: value[:10] for key, value in human.items()}, "is of 10 images, and the batches hold 20"),
        (
            lambda human: {**human, "aggre_label": human["aggre_label"] / 2},
            "aggre_label is not a list of whole numbers",
        ),
        (lambda human: [1, 2], "not a dict of arrays"),
        (lambda human: {"aggre_label": torch.zeros(20)}, "it names torch._utils._rebuild_tensor_v2"),
    ],
)
def test_human_labels_that_do_not_fit_are_named(cifar10, tmp_path, change, message):
    save_torch(tmp_path / "human.pt", change(human_labels(true_codes(cifar10))))
    with pytest.raises(SourceError, match=message):
        read_source(cifar10, labels=tmp_path / "human.pt", given_label="aggre_label")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"label\n0\n1\n", b"\x80\x02}."])
def test_a_file_without_human_labels_is_named(cifar10, tmp_path, content):
    (tmp_path / "human.pt").write_bytes(content)
    with pytest.raises(SourceError, match=r"human\.pt: holds no labels of CIFAR-N"):
        read_source(cifar10, labels=tmp_path / "human.pt", given_label="aggre_label")
