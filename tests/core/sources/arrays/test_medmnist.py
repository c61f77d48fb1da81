import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from overread.errors import SourceError, UserError
from overread.images.cache.pixel_cache import open_cache
from overread.images.decoding import read_image
from overread.sources.arrays.medmnist import write_images
from overread.studies.study import open_study
from tests.core.importing import import_source, read_source

COUNTS = {"train": 5, "val": 2, "test": 3}


def arrays(sides: tuple[int, ...] = (28, 28), **changes: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    made = {}
    for split, count in COUNTS.items():
        made[f"{split}_images"] = rng.integers(0, 256, (count, *sides), dtype=np.uint8)
        made[f"{split}_labels"] = np.arange(count, dtype=np.uint8).reshape(-1, 1) % 2
    return {**made, **changes}


def write_npz(tmp_path: Path, content: dict[str, np.ndarray]) -> Path:
    path = tmp_path / "somemnist.npz"
    np.savez_compressed(path, **content)
    return path


@pytest.mark.parametrize("sides", [(28, 28), (64, 64, 3), (28, 28, 1)])
def test_pixels_labels_and_splits_of_a_study_are_those_of_the_arrays(tmp_path, sides):
    content = arrays(sides)
    summary = import_source(read_source(write_npz(tmp_path, content)), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    samples, table = study.samples(), study.source_table()
    assert (summary.num_samples, summary.num_quarantined, summary.classes) == (10, 0, ("0", "1"))
    assert open_cache(study.pixels_path).channels == (3 if sides[-1] == 3 else 1)
    assert list(table.columns) == ["image", "split", "index", "label"]
    for sample, cells in zip(samples.itertuples(), table.itertuples(), strict=True):
        assert (sample.image, sample.given_label, sample.split) == (cells.image, cells.label, cells.split)
        expected = content[f"{cells.split}_images"][int(cells.index)].squeeze()
        np.testing.assert_array_equal(read_image(study.image_location(sample.image)).pixels, expected)
        assert cells.label == str(content[f"{cells.split}_labels"][int(cells.index), 0])


def test_an_update_writes_the_images_of_a_changed_file_only(tmp_path):
    path = write_npz(tmp_path, arrays())
    import_source(read_source(path), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    ids = list(study.samples()["sample_id"])
    image = study.image_location("train/000000.png").path
    written = image.stat().st_mtime_ns
    import_source(read_source(path), study.path, update=True)
    assert image.stat().st_mtime_ns == written
    changed = arrays((32, 32))
    write_npz(tmp_path, changed)
    import_source(read_source(path), study.path, update=True)
    updated = open_study(study.path)
    new = updated.image_location("train/000000.png").path
    np.testing.assert_array_equal(read_image(new).pixels, changed["train_images"][0])
    assert list(updated.samples()["sample_id"]) == ids
    assert not image.exists()


def test_an_update_that_fails_leaves_the_images_as_they_were(tmp_path):
    path = write_npz(tmp_path, arrays())
    import_source(read_source(path), tmp_path / "study", image_size_px=32)
    image = open_study(tmp_path / "study").image_location("test/000002.png").path
    before = image.read_bytes()
    source = read_source(write_npz(tmp_path, arrays((64, 64))))
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(SourceError):
        import_source(source, tmp_path / "study", update=True)
    assert open_study(tmp_path / "study").image_location("test/000002.png").path.read_bytes() == before


def test_codes_may_be_named(tmp_path):
    source = read_source(write_npz(tmp_path, arrays()), classes=("0=normal", "1=pneumonia"))
    assert [row.label for row in source.rows[:2]] == ["normal", "pneumonia"]


def test_a_split_that_is_absent_is_left_out(tmp_path):
    content = {key: value for key, value in arrays().items() if not key.startswith("val")}
    assert {row.split for row in read_source(write_npz(tmp_path, content)).rows} == {"train", "test"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": np.zeros((5, 28, 28, 28), np.uint8)}, "2-D images are read"),
        ({"train_images": np.zeros((5, 28, 28), np.float32)}, "train_images is float32 of"),
        ({"train_labels": np.zeros((5, 14), np.uint8)}, "train_labels has 14 labels for each image; one is needed"),
        ({"train_labels": np.array(3)}, r"train_labels \(\); fix the file"),
        ({"train_labels": np.zeros((4, 1), np.uint8)}, r"train_images is \(5, 28, 28\), train_labels \(4, 1\)"),
        ({"train_labels": np.zeros((5, 1), np.float64)}, "whole numbers are needed"),
        ({"train_labels": np.array([[{}]] * 5)}, "holds Python objects, which are not read"),
        ({"train_images": np.array([{}] * 5)}, "holds Python objects, which are not read"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, changes, message):
    with pytest.raises(SourceError, match=message):
        read_source(write_npz(tmp_path, arrays(**changes)))


def test_a_damaged_file_is_named_and_leaves_no_study(tmp_path):
    path = write_npz(tmp_path, arrays((64, 64)))
    data = bytearray(path.read_bytes())
    data[300:400] = bytes(100)  # within the deflated training images
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"somemnist\.npz: is not an intact MedMNIST \.npz file"):
        import_source(read_source(path), tmp_path / "study")
    assert not (tmp_path / "study").exists()
    path.write_bytes(bytes(data[:-200]))
    with pytest.raises(SourceError, match="is neither a CSV nor an intact"):
        read_source(path)


def test_images_are_read_a_batch_at_a_time(tmp_path):
    content = {
        "train_images": np.zeros((1200, 128, 128, 3), np.uint8),
        "train_labels": np.arange(1200).reshape(-1, 1) % 2,
    }
    source = read_source(write_npz(tmp_path, content))
    peaks = []
    for name in ("once", "again", "a third time"):  # a busy thread may let go of its batch late
        tracemalloc.start()
        write_images(source, tmp_path / name)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert content["train_images"].nbytes > 50e6
    assert min(peaks) < 40e6


def test_a_mutated_file_makes_a_source_or_a_user_error(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "somemnist.npz"
    num_read = 0
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays((8, 8)))
        whole = path.read_bytes()
        for _ in range(150):
            data = np.frombuffer(whole, dtype=np.uint8).copy()
            data[rng.integers(0, len(data), 3)] = rng.integers(0, 256, 3)
            path.write_bytes(data[: rng.choice([len(data), len(data) // 2], p=[0.9, 0.1])].tobytes())
            with suppress(UserError):
                write_images(read_source(path), tmp_path / "images")
                num_read += 1
    assert 0 < num_read < 300


def test_another_numpy_archive_is_called_what_it_is(tmp_path):
    np.savez(tmp_path / "train.npz", x=np.zeros((4, 8, 8)), y=np.zeros(4))
    with pytest.raises(SourceError, match="is a NumPy archive of x, y; only MedMNIST's layout is read"):
        read_source(tmp_path / "train.npz")
