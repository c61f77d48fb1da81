import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from overread.checks.agreement import check_agreement, rater_agreement, study_agreement
from overread.checks.agreement_coefficients import MISSING
from overread.errors import StudyError
from tests.core.checks.samples import made_samples


def agreement_of(ratings, num_classes, **settings):
    """Every sample a group of its own, its given label the first class."""
    ratings = np.array(ratings)
    raters = [f"r{i}" for i in range(ratings.shape[1])]
    given, groups = np.zeros(len(ratings), int), np.arange(len(ratings))
    classes = [f"c{i}" for i in range(num_classes)]
    return rater_agreement(raters, ratings, given, groups, classes, **{"num_resamples": 50, **settings})


def test_cohen_s_kappa_of_two_by_two_tables_worked_by_hand():
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: 0.7 observed, 0.5 by chance.
    ratings = [(0, 0)] * 20 + [(0, 1)] * 5 + [(1, 0)] * 10 + [(1, 1)] * 15
    pair = agreement_of(ratings, 2).pairs[0]
    assert pair.kappa.value == pytest.approx(0.4)
    assert pair.share_equal == pytest.approx(0.7)
    assert pair.kappa.num_samples == 50


def test_pabak_and_the_agreement_on_each_class_of_a_table_worked_by_hand():
    # 80 yes/yes, 5 yes/no, 5 no/yes, 10 no/no.
    pair = agreement_of([(0, 0)] * 80 + [(0, 1)] * 5 + [(1, 0)] * 5 + [(1, 1)] * 10, 2).pairs[0]
    assert pair.pabak.value == pytest.approx(2 * 0.9 - 1)
    yes, no = pair.by_class
    assert (yes.positive.value, yes.negative.value) == pytest.approx((160 / 170, 20 / 30))
    assert (no.positive.value, no.negative.value) == pytest.approx((20 / 30, 160 / 170))


def test_agreement_on_each_class_is_that_of_a_loop_over_samples_and_both_raters():
    rng = np.random.default_rng(5)
    ratings = rng.integers(0, 4, (150, 2))
    ratings[:, 1] = np.where(rng.random(150) < 0.5, ratings[:, 0], ratings[:, 1])
    ratings[rng.random((150, 2)) < 0.1] = MISSING
    pair = agreement_of(ratings, 5).pairs[0]
    assert [of_class.label for of_class in pair.by_class] == ["c0", "c1", "c2", "c3"]
    rated = [(a, b) for a, b in ratings.tolist() if MISSING not in (a, b)]
    num_equal = sum(a == b for a, b in rated)
    assert pair.pabak.value == pytest.approx((5 * num_equal / len(rated) - 1) / 4)
    for label, of_class in enumerate(pair.by_class):
        same = {True: [], False: []}
        for a, b in rated:
            for one, other in ((a, b), (b, a)):
                same[one == label].append((other == label) == (one == label))
        assert of_class.positive.value == pytest.approx(np.mean(same[True]))
        assert of_class.negative.value == pytest.approx(np.mean(same[False]))
        assert of_class.positive.low <= of_class.positive.value <= of_class.positive.high


def test_fleiss_kappa_of_the_table_that_textbooks_work_through():
    """Ten subjects, fourteen raters, five categories: 0.210."""
    table = [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
    ratings = [np.repeat(np.arange(5), row) for row in table]
    assert agreement_of(ratings, 5).fleiss_kappa.value == pytest.approx(0.210, abs=5e-4)


def test_krippendorff_s_alpha_with_missing_ratings():
    """Three coders, fifteen units, values 1 to 4: nominal alpha 0.691."""
    coders = (
        "* * * * * 3 4 1 2 1 1 3 3 * 3",
        "1 * 2 1 3 3 4 3 * * * * * * *",
        "* * 2 1 3 4 4 * 2 1 1 3 3 * 4",
    )
    rows = [[MISSING if value == "*" else int(value) - 1 for value in coder.split()] for coder in coders]
    found = agreement_of(np.array(rows).T, 4)
    assert found.krippendorff_alpha.value == pytest.approx(0.691, abs=5e-4)
    assert found.krippendorff_alpha.num_samples == 12
    assert found.fleiss_kappa.num_samples == 2


CHAOYANG = (
    ((736, 0, 0, 0), (60, 77, 0, 0), (1, 0, 5, 0), (4, 0, 0, 12)),
    ((304, 288, 0, 0), (23, 280, 0, 0), (0, 6, 10, 0), (0, 64, 0, 15)),
    ((0, 0, 24, 0), (0, 2, 12, 0), (0, 0, 1328, 0), (0, 0, 19, 6)),
    ((1, 0, 0, 97), (1, 106, 0, 161), (0, 0, 6, 8), (0, 0, 0, 365)),
)
"""Patches of Chaoyang's training part by the labels of its pathologists A, B and C, counted from train_label.json as
github.com/bupt-ai-cz/HSA-NRL has it."""


def test_the_pathologists_of_chaoyang_agree_as_statsmodels_finds():
    """statsmodels 0.15.0, cohens_kappa and fleiss_kappa of the same table: 0.564, 0.808, 0.736 and 0.702."""
    labels = np.argwhere(np.ones((4, 4, 4)))
    found = agreement_of(np.repeat(labels, np.array(CHAOYANG).ravel(), axis=0), 4)
    between = {(pair.first, pair.second): round(pair.kappa.value, 3) for pair in found.pairs[:3]}
    assert between == {("r0", "r1"): 0.564, ("r0", "r2"): 0.808, ("r1", "r2"): 0.736}
    assert round(found.fleiss_kappa.value, 3) == 0.702
    assert found.num_disputed == 1312


def test_an_interval_is_that_of_a_loop_that_draws_whole_patients():
    rng = np.random.default_rng(3)
    patient = rng.integers(0, 25, 150)
    first = rng.integers(0, 3, 150)
    second = np.where(rng.random(150) < 0.7, first, rng.integers(0, 3, 150))
    names, given = np.unique(patient), np.zeros(150, int)
    ratings = np.stack([first, second], axis=1)
    kappa = rater_agreement(("a", "b"), ratings, given, patient, tuple("xyz"), num_resamples=200, seed=7).pairs[0].kappa
    draws, resampled = np.random.default_rng(7), []
    for _ in range(200):
        drawn = draws.integers(0, len(names), len(names))
        rows = np.concatenate([np.flatnonzero(patient == names[one]) for one in drawn])
        resampled.append(cohen_kappa_score(first[rows], second[rows]))
    assert (kappa.low, kappa.high) == pytest.approx(tuple(np.percentile(resampled, [2.5, 97.5])))


def test_pairwise_kappas_are_scikit_learn_s_over_what_both_rated():
    rng = np.random.default_rng(0)
    ratings = rng.integers(0, 3, (200, 3))
    ratings[rng.random((200, 3)) < 0.2] = MISSING
    ratings[:, 1] = np.where(rng.random(200) < 0.6, ratings[:, 0], ratings[:, 1])
    found = agreement_of(ratings, 3)
    for pair in found.pairs[:3]:
        a, b = (ratings[:, int(name[1])] for name in (pair.first, pair.second))
        both = (a != MISSING) & (b != MISSING)
        assert pair.kappa.value == pytest.approx(cohen_kappa_score(a[both], b[both]))
        assert pair.kappa.num_samples == both.sum()


def test_full_agreement_is_one_and_a_single_label_is_not_defined():
    assert agreement_of([(0, 0), (1, 1)] * 9, 2).krippendorff_alpha.value == 1
    found = agreement_of([(0, 0)] * 9, 2)
    assert np.isnan(found.fleiss_kappa.value)
    assert np.isnan(found.fleiss_kappa.low)


def test_intervals_widen_where_patients_are_few():
    """Ten patients of forty samples each, all of a patient read alike, say less than four hundred patients."""
    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(10), 40)
    does_agree = (rng.random(10) < 0.6)[patient]
    first = rng.integers(0, 2, 400)
    ratings = np.stack([first, np.where(does_agree, first, 1 - first)], axis=1)
    given = np.zeros(400, int)
    by_patient, by_sample = (
        rater_agreement(("a", "b"), ratings, given, groups, ("x", "y"), num_resamples=300).pairs[0].kappa
        for groups in (patient, np.arange(400))
    )
    assert by_patient.value == by_sample.value
    assert by_patient.low < by_sample.low < by_sample.value < by_sample.high < by_patient.high
    assert by_patient.high - by_patient.low > 3 * (by_sample.high - by_sample.low)


def test_a_study_s_raters_are_read_with_empty_cells_as_missing():
    samples = made_samples(["a", "b", "c", "d"], ["cat", "dog", "cat", "dog"])
    samples["ann"] = ["cat", "dog", "cat", ""]
    samples["bob"] = ["cat", "dog", "dog", "dog"]
    found = study_agreement(samples, ("ann", "bob"), ("cat", "dog"), np.arange(4), num_resamples=20)
    assert [(pair.first, pair.second, pair.kappa.num_samples) for pair in found.pairs] == [
        ("ann", "bob", 3),
        ("ann", "given label", 3),
        ("bob", "given label", 4),
    ]
    assert found.num_disputed == 1
    assert found.share_disputed == {"cat": 0.5, "dog": 0.0}
    (finding,) = check_agreement(samples, found)
    assert (finding.kind, finding.count, finding.samples) == ("rater_agreement", 1, ("id2",))
    assert "cat (50.0% of its samples)" in finding.message


def test_raters_who_share_no_sample_are_no_finding():
    samples = made_samples(["a", "b"], ["cat", "dog"])
    samples["ann"], samples["bob"] = ["cat", ""], ["", "dog"]
    found = study_agreement(samples, ("ann", "bob"), ("cat", "dog"), np.arange(2), num_resamples=20)
    assert check_agreement(samples, found) == []


def test_agreement_of_one_rater_is_refused_with_the_mend():
    samples = made_samples(["a"], ["cat"])
    with pytest.raises(StudyError, match="--rater-column"):
        study_agreement(samples, (), ("cat", "dog"), np.arange(1))
