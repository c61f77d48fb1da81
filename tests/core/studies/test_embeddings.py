import numpy as np
import pandas as pd
import pytest

from overread.errors import ConfigError
from overread.studies.embeddings import read_embeddings

NUM = 6
SAMPLES = pd.DataFrame({"sample_id": [f"id{i}" for i in range(NUM)], "image": [f"scans/{i}.png" for i in range(NUM)]})
FEATURES = np.random.default_rng(0).normal(size=(NUM, 4))


def standardised(array):
    """Column by column, then over all of them."""
    centred = np.array([column - column.mean() for column in array.astype(float).T]).T
    return centred / np.linalg.norm(centred) * np.sqrt(centred.size)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16])
def test_a_npy_is_read_in_the_order_of_the_samples(tmp_path, dtype):
    array = (100 * FEATURES).astype(dtype)
    np.save(tmp_path / "features.npy", array)
    found = read_embeddings(tmp_path / "features.npy", SAMPLES)
    np.testing.assert_allclose(found.features, standardised(array), rtol=1e-5, atol=1e-6)
    assert (found.features.dtype, found.notes) == (np.float32, ())


@pytest.mark.parametrize("key", ["sample_id", "image"])
def test_a_npz_is_put_in_order_by_its_keys_and_what_is_no_sample_is_left_out(tmp_path, key):
    order = np.random.default_rng(1).permutation(NUM)
    keys = np.array([*SAMPLES[key].to_numpy(dtype=str)[order], "another"])
    embeddings = np.concatenate([FEATURES[order], np.zeros((1, 4))])
    np.savez(tmp_path / "features.npz", **{"embeddings": embeddings, key: keys})
    found = read_embeddings(tmp_path / "features.npz", SAMPLES)
    np.testing.assert_allclose(found.features, standardised(FEATURES), rtol=1e-5, atol=1e-6)
    assert found.notes == ("1 rows of the embeddings match no sample of the study and were left out",)


def test_columns_that_are_the_same_for_every_sample_are_told_of(tmp_path):
    np.save(tmp_path / "features.npy", np.hstack([FEATURES, np.full((NUM, 2), 7.0)]))
    notes = read_embeddings(tmp_path / "features.npy", SAMPLES).notes
    assert notes == ("2 of the 6 columns are the same for every sample and carry no information",)


def with_fault(value, row=3):
    array = FEATURES.copy()
    array[row, 2] = value
    return array


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (FEATURES[:5], "has 5 rows, and the study 6 samples"),
        (FEATURES.ravel(), r"found an array \(24,\) of float64"),
        (FEATURES[:, :0], r"found an array \(6, 0\) of float64"),
        (FEATURES + 1j, "of complex128"),
        (FEATURES.astype(str), "of <U"),
        (FEATURES.astype(object), r"holds Python objects; save plain numbers, and text as numpy\.array"),
        (with_fault(np.nan), "1 samples have values that are not finite .* the first is id3, row 3 of samples.csv"),
        (with_fault(-np.inf), "the first is id3"),
        (with_fault(1e200), r"above 1e\+100"),
        (np.ones((NUM, 4)), "every sample has the same values"),
    ],
)
def test_an_array_that_does_not_fit_is_refused_in_a_line(tmp_path, array, message):
    path = tmp_path / "features.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(ConfigError, match=message) as caught:
        read_embeddings(path, SAMPLES)
    assert str(caught.value).startswith(f"--embeddings {path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"embeddings": FEATURES},
            "needs an array `embeddings`, and `sample_id` or `image` beside it; found embeddings",
        ),
        ({"image": SAMPLES["image"].to_numpy(dtype=str)}, "found image"),
        (
            {"embeddings": FEATURES, "sample_id": np.array(["id0"])},
            r"found sample_id \(1,\) beside embeddings \(6, 4\)",
        ),
        ({"embeddings": FEATURES, "sample_id": np.array(["id0"] * NUM)}, "sample_id 'id0' appears twice"),
        (
            {"embeddings": FEATURES[:4], "image": SAMPLES["image"].to_numpy(dtype=str)[:4]},
            "has no row for 2 of the study's 6 samples; the first is image 'scans/4.png'",
        ),
        ({"embeddings": FEATURES, "sample_id": np.array(SAMPLES["sample_id"], dtype=object)}, "holds Python objects"),
    ],
)
def test_keys_that_do_not_fit_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "features.npz", **arrays, allow_pickle=True)
    with pytest.raises(ConfigError, match=message):
        read_embeddings(tmp_path / "features.npz", SAMPLES)


@pytest.mark.parametrize("content", [None, b"", b"id,0.1,0.2\n", b"\x93NUMPY\x01\x00", b"PK\x03\x04 cut off"])
def test_a_file_that_is_none_is_said_to_be_none(tmp_path, content):
    path = tmp_path / "features.npy"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="no such file" if content is None else "is not an intact .npy or .npz"):
        read_embeddings(path, SAMPLES)


@pytest.mark.parametrize("change", [lambda x: 1e-9 * x, lambda x: 3000 + 0.01 * x, lambda x: 1e30 * x])
def test_features_of_any_scale_and_place_are_still_told_apart_as_float16(tmp_path, change):
    np.save(tmp_path / "features.npy", change(FEATURES))
    kept = read_embeddings(tmp_path / "features.npy", SAMPLES).features.astype(np.float16)
    np.testing.assert_allclose(kept, standardised(FEATURES), atol=2e-3)


def test_a_folder_is_said_to_be_one(tmp_path):
    with pytest.raises(ConfigError, match="is a folder; name the file in it"):
        read_embeddings(tmp_path, SAMPLES)
