import doctest

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from overread.detection import find_from_probs as module
from overread.detection.contradictions import contradicted_share
from overread.detection.find_from_probs import find_label_errors_from_probs
from overread.errors import ConfigError


def made_case(*, num_samples=3000, noise=0.15, sharpness=2.0, num_classes=4, seed=0):
    """Probabilities of a network that has learnt the noise, as networks do; given and true labels."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(num_samples, num_classes))
    clean = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = np.array([rng.choice(num_classes, p=row) for row in clean**3 / (clean**3).sum(axis=1, keepdims=True)])
    given = np.where(rng.random(num_samples) < noise, rng.integers(0, num_classes, num_samples), true)
    return (1 - noise) * clean + noise / num_classes, given, true


def test_the_example_of_the_docstring_runs_as_it_stands():
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 4) == (0, True)


def test_the_two_counts_are_those_of_plain_loops():
    probs, given, _ = made_case(num_samples=400)
    usual = [probs[given == name, name].mean() for name in range(4)]
    num_any = num_confident = 0
    for row, label in zip(probs, given, strict=True):
        able = [name for name in range(4) if row[name] >= usual[name]]
        is_any = max(range(4), key=lambda name: row[name]) != label
        num_any += is_any
        num_confident += bool(able) and max(able, key=lambda name: row[name]) != label and is_any
    share = contradicted_share(probs, given)
    assert (share.any, share.confident) == (num_any / 400, num_confident / 400)
    assert 0 < share.confident < share.middle < share.any


def test_a_class_that_no_label_names_is_never_confident():
    probs = np.array([[0.2, 0.7, 0.1], [0.3, 0.6, 0.1], [0.8, 0.1, 0.1], [0.0, 0.1, 0.9]])
    assert contradicted_share(probs, np.array([1, 1, 0, 0])).confident == 0


@pytest.mark.parametrize("noise", [0.2, 0.35])
def test_wrong_labels_are_found_and_their_number_is_near_the_truth(noise):
    probs, given, true = made_case(noise=noise)
    is_wrong = given != true
    found = find_label_errors_from_probs(probs, given)
    by_confidence = average_precision_score(is_wrong, 1 - probs[np.arange(3000), given])
    assert average_precision_score(is_wrong, found["error_probability"]) > by_confidence - 0.01
    assert 0.6 * is_wrong.sum() < found["error_probability"].sum() < 1.4 * is_wrong.sum()
    is_proposed = found["is_proposed"].to_numpy()
    assert is_wrong[is_proposed].mean() > 0.75
    both = is_proposed & is_wrong
    assert (found["suggested_label"].to_numpy() == true)[both].mean() > 0.8


def test_names_come_from_the_columns_of_a_data_frame_and_its_index_is_kept():
    probs, given, _ = made_case(num_samples=60)
    table = pd.DataFrame(probs, columns=["d", "a", "c", "b"], index=[f"s{row}" for row in range(60)])
    names = table.columns.to_numpy()[given]
    found = find_label_errors_from_probs(table, names)
    assert found.index.tolist() == table.index.tolist()
    assert found["given_label"].tolist() == names.tolist()
    by_number = find_label_errors_from_probs(probs, given)
    np.testing.assert_array_equal(found["error_probability"], by_number["error_probability"])
    named = find_label_errors_from_probs(probs, names, classes=["d", "a", "c", "b"])
    assert named["suggested_label"].tolist() == found["suggested_label"].tolist()
    assert set(found["kind"]) <= {"", "relabel", "ambiguous"}


@pytest.mark.parametrize(
    ("probs", "labels", "message"),
    [
        ([[0.5, 0.5], [0.9, 0.3]], [0, 1], "probs: row 1 has a sum of 1.2"),
        ([[0.5, 0.5], [1.2, -0.2]], [0, 1], "probs: row 1 has a sum of 1 and -0.2 as its lowest"),
        ([[0.5, np.nan], [0.5, 0.5]], [0, 1], "probs: row 0 contains NaN"),
        ([0.5, 0.5], [0, 1], r"probs: found shape \(2,\), must be \(N, K\) with N >= 2 and K >= 2"),
        ([[0.2, 0.3, 0.5], [0.5, 0.2, 0.3]], ["a", "b"], "probs: found 3 columns for 2 classes; say with `classes`"),
        ([[0.5, 0.5], [0.5, 0.5]], [0, 2], "labels: row 1 is 2, which is not among classes"),
        ([[0.5, 0.5], [0.5, 0.5]], [0], "labels: found 1, must be 2"),
    ],
)
def test_input_that_does_not_fit_is_named(probs, labels, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        find_label_errors_from_probs(probs, labels)
