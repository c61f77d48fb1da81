import doctest
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from overread.detection import find_label_errors as module
from overread.detection.detection_data import DetectionData
from overread.detection.find_label_errors import find_label_errors
from overread.detection.judgement import judge
from overread.detection_settings import DetectionSettings, RefinementSettings
from overread.errors import ConfigError

FAST = DetectionSettings(RefinementSettings(num_folds=3, num_repeats=1, max_rounds=1, strengths=(0.03,)))
NAMES = np.array(["cat", "dog", "eel"])
COLUMNS = ["label_quality", "error_probability", "given_label", "suggested_label", "is_proposed", "kind"]


def made_case(num_samples=240, noise=0.1, spread=4.0, seed=0):
    """Features, true class numbers, given class numbers."""
    rng = np.random.default_rng(seed)
    true = np.arange(num_samples) % 3
    features = (spread * np.eye(3, 8)[true] + rng.normal(size=(num_samples, 8))).astype(np.float32)
    return features, true, np.where(rng.random(num_samples) < noise, (true + 1) % 3, true)


def found_in(features, labels, **options):
    return find_label_errors(features, labels, **{"settings": FAST, **options})


def test_the_example_of_the_docstring_runs_as_it_stands():
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 5) == (0, True)


def test_it_says_what_the_preset_s_judgement_says():
    features, _, given = made_case()
    everyone = np.ones(240, dtype=bool)
    judgement = judge(DetectionData(features, given, np.arange(240), everyone, 3), FAST, seed=4)
    found = found_in(features, given, seed=4)
    assert found.columns.tolist() == COLUMNS
    assert found.index.tolist() == list(range(240))
    np.testing.assert_array_equal(found["error_probability"], 1 - judgement.probs[np.arange(240), given])
    np.testing.assert_array_equal(found["label_quality"], 1 - found["error_probability"])
    assert found["suggested_label"].tolist() == judgement.proposed.tolist()
    assert found["is_proposed"].tolist() == (judgement.proposed != given).tolist()
    assert set(found.loc[found["is_proposed"], "kind"]) <= {"relabel", "ambiguous", "outlier", "duplicate"}
    assert set(found.loc[~found["is_proposed"], "kind"]) == {""}


def test_wrong_labels_have_the_lowest_quality_and_the_right_label_is_suggested():
    features, true, given = made_case()
    found = found_in(features, given)
    is_wrong = given != true
    assert is_wrong[np.argsort(found["label_quality"])[: is_wrong.sum()]].mean() > 0.9
    both = found["is_proposed"].to_numpy() & is_wrong
    assert both.sum() > 15
    assert (found["suggested_label"].to_numpy() == true)[both].all()


@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series, pd.Categorical])
def test_labels_may_be_names_or_numbers_of_any_container(kind):
    features, _, given = made_case()
    numbers = found_in(features, given)
    names = found_in(features.tolist(), kind(NAMES[given]))
    assert names["error_probability"].tolist() == numbers["error_probability"].tolist()
    assert names["given_label"].tolist() == NAMES[given].tolist()
    assert names["suggested_label"].tolist() == NAMES[numbers["suggested_label"].to_numpy(dtype=int)].tolist()
    codes = found_in(features, kind(10 * given + 7))
    assert codes["given_label"].tolist() == (10 * given + 7).tolist()


def test_the_index_is_that_of_the_features_or_of_the_labels():
    features, _, given = made_case(60)
    ids = [f"scan {number}" for number in range(60)]
    table = pd.DataFrame(features, index=ids)
    assert found_in(table, given).index.tolist() == ids
    series = pd.Series(NAMES[given], index=ids)
    assert found_in(features, series).index.tolist() == ids
    other = found_in(table, series.set_axis(range(60)))
    assert other.index.tolist() == ids
    assert other["given_label"].tolist() == series.tolist()


def test_classes_that_do_not_occur_may_be_named():
    features, _, given = made_case(90)
    found = found_in(features, NAMES[given], classes=["ape", *NAMES[::-1]])
    assert "ape" not in set(found["suggested_label"])
    assert found["is_proposed"].any()


def test_groups_of_any_values_are_judged_without_each_other():
    """Copies of one image, all labelled wrong, look right to one another unless a group keeps them apart."""
    features, _, given = made_case(120, noise=0.0)
    copies = np.arange(0, 36, 3)
    features[copies] = features[0]
    features[copies, 7] = 8  # of a look of their own, so that their label can be learnt
    given[copies] = 1
    patients = np.array([f"patient {number}" for number in range(120)], dtype=object)
    patients[copies] = "patient 0"
    patients[1::3] = None
    alone, together = (found_in(features, given, groups=each) for each in (None, patients))
    assert alone["error_probability"].to_numpy()[copies].max() < 0.5
    assert together["error_probability"].to_numpy()[copies].min() > 0.5


def test_duplicates_whose_labels_differ_are_told_as_such():
    features, true, given = made_case(noise=0.0)
    pairs = np.where(np.arange(240) < 60, np.arange(240) // 6 * 3 + np.arange(240) % 3, -1)  # pairs of one class
    given[:6] = [1, 1, 2, 0, 1, 2]
    found = found_in(features, given, duplicate_groups=pairs)
    assert found["is_proposed"].to_numpy()[0]
    assert found["kind"][0] == "duplicate"
    assert found["suggested_label"][0] == true[0]
    as_names = [f"group {number}" if number >= 0 else None for number in pairs]
    pd.testing.assert_frame_equal(found_in(features, given, duplicate_groups=as_names), found)


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_votes_count_and_may_be_missing(missing):
    features, true, given = made_case(noise=0.2, spread=1.5)
    rng = np.random.default_rng(2)
    votes = NAMES[np.where(rng.random((240, 2)) < 0.2, rng.integers(0, 3, (240, 2)), true[:, None])].astype(object)
    votes[:40] = missing
    plain, voted = (found_in(features, NAMES[given], votes=each) for each in (None, votes))
    is_wrong = given != true

    def mean_quality(found):
        return found["label_quality"].to_numpy()[is_wrong].mean()

    assert mean_quality(voted) < mean_quality(plain) - 0.05
    numbers = np.full((240, 2), -1)
    numbers[40:] = [[NAMES.tolist().index(vote) for vote in row] for row in votes[40:]]
    as_numbers = found_in(features, given, votes=numbers)
    assert as_numbers["error_probability"].tolist() == voted["error_probability"].tolist()


def test_labels_that_have_nothing_to_do_with_the_features_are_not_doubted():
    rng = np.random.default_rng(0)
    found = found_in(rng.normal(size=(90, 4)), rng.integers(0, 3, 90))
    assert (found["error_probability"] == 0).all()
    assert not found["is_proposed"].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.zeros(30)}, r"features: found shape \(30,\), must be \(N, D\)"),
        ({"features": np.zeros((30, 0))}, r"features: found shape \(30, 0\)"),
        ({"features": [["a"] * 2] * 30}, "features: are not a table of numbers"),
        (
            {"features": np.where(np.arange(60).reshape(30, 2) == 9, np.nan, 1)},
            "features: row 4 contains NaN, infinity",
        ),
        ({"features": np.full((30, 2), 1e60)}, "features: row 0 .* 30 rows in all"),
        ({"labels": ["cat", "dog"] * 14}, "labels: found 28, must be 30, one for each sample"),
        ({"labels": np.zeros((30, 1), dtype=int)}, r"labels: found shape \(30, 1\)"),
        ({"labels": ["cat"] * 30}, "labels: all are 'cat'; at least two classes are needed"),
        ({"labels": ["cat", None, "dog"] * 10}, "labels: row 1 has none"),
        ({"labels": np.arange(30) / 2}, "labels: found float64, must be integers or strings"),
        ({"labels": ["cat", 1] * 15}, "labels: mix types"),
        ({"classes": ["cat", "eel"]}, r"labels: row 1 is 'dog', which is not among classes \['cat', 'eel'\]"),
        ({"classes": ["cat", "dog", "cat"]}, "classes: one of them occurs twice"),
        ({"groups": np.arange(31)}, "groups: found 31, must be 30"),
        ({"duplicate_groups": [1, 2]}, "duplicate_groups: found 2, must be 30"),
        ({"votes": ["cat"] * 30}, r"votes: found shape \(30,\), must be \(30, R\)"),
        ({"votes": [["cat", "cow"]] * 30}, "votes: row 0 of rater 1 is 'cow', which is not among"),
        ({"settings": RefinementSettings()}, "settings: found RefinementSettings, must be a DetectionSettings"),
        ({"settings": DetectionSettings(RefinementSettings())}, "settings: refinement.num_folds is 0"),
        ({"seed": -1}, "seed: found -1, must be an integer, at least 0"),
        ({"seed": 0.5}, "seed: found 0.5"),
    ],
)
def test_input_that_does_not_fit_is_named(change, message):
    given = {"features": np.random.default_rng(0).normal(size=(30, 2)), "labels": ["cat", "dog"] * 15}
    with pytest.raises(ConfigError, match=f"^{message}"):
        find_label_errors(**(given | change))


def test_two_samples_are_enough_to_answer():
    found = find_label_errors(np.eye(2), ["cat", "dog"])
    assert found["suggested_label"].tolist() == ["cat", "dog"]


def test_it_needs_no_torch_and_no_images():
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from overread import find_label_errors\n"
        "x = np.random.default_rng(0).normal(size=(40, 3)); x[:20] += 5\n"
        "print(len(find_label_errors(x, [0] * 20 + [1] * 20)))\n"
        "print({'torch', 'PIL', 'pydicom', 'sqlalchemy', 'streamlit'} & set(sys.modules))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "40\nset()\n"), ended.stderr
