from dataclasses import replace

import numpy as np
import pytest

import overread.detection.judgement as module
from overread.config import OVERREAD
from overread.detection.detection_data import DetectionData
from overread.detection.judgement import judge
from overread.detection.proposal_set import proposal_set
from overread.detection_settings import DetectionSettings

FAST = replace(OVERREAD.refinement, num_repeats=1, max_rounds=1, strengths=(0.03,))


def made_case(counts, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    true = np.repeat(np.arange(len(counts)), counts)
    features = (4 * np.eye(len(counts), 8)[true] + rng.normal(size=(len(true), 8))).astype(np.float32)
    given = np.where(rng.random(len(true)) < noise, (true + 1) % len(counts), true)
    return features, true, given


def judged(features, given, num_classes, **options):
    everything = np.ones(len(given), dtype=bool)
    options = {"groups": np.arange(len(given)), "is_trained": everything, **options}
    settings, on_progress = DetectionSettings(options.pop("settings", FAST)), options.pop("on_progress", None)
    data = DetectionData(features, given, num_classes=num_classes, **options)
    return judge(data, settings, seed=0, on_progress=on_progress)


def test_every_scorer_has_a_column_of_numbers_from_0_to_1():
    features, true, given = made_case([60, 60, 60])
    votes = np.stack([true, given, np.full(180, -1)], axis=1)
    judgement = judged(features, given, 3, network_probs=0.8 * np.eye(3)[true] + 0.2 / 3, votes=votes)
    assert list(judgement.scores) == [
        "self_confidence",
        "margin",
        "entropy",
        "neighbours",
        "epoch_learnt",
        "forgetting",
        "margin_area",
        "networks",
        "raters",
        "consensus",
    ]
    for name, score in judgement.scores.items():
        assert score.shape == (180,), name
        assert ((score >= 0) & (score <= 1)).all(), name
        # Higher means more likely wrong.
        assert score[given != true].mean() > score[given == true].mean(), name
    without = judged(features, given, 3, votes=np.full((180, 2), -1))
    assert not {"networks", "raters"} & set(without.scores)


def test_raters_votes_do_not_change_the_probability():
    features, true, given = made_case([60, 60, 60])
    plain = judged(features, given, 3)
    voted = judged(features, given, 3, votes=np.stack([true, (true + 1) % 3], axis=1))
    np.testing.assert_array_equal(plain.probs, voted.probs)


def test_raters_votes_help_where_they_are_to_count():
    features, true, given = made_case([80, 80, 80], noise=0.2)
    features = (features + 3 * np.random.default_rng(1).normal(size=features.shape)).astype(np.float32)
    rng = np.random.default_rng(2)
    votes = np.where(rng.random((240, 2)) < 0.2, rng.integers(0, 3, (240, 2)), true[:, None])
    votes[:40] = -1
    with_raters = replace(FAST, use_raters=True)
    plain, voted, unasked = (
        judged(features, given, 3, votes=each, settings=settings)
        for each, settings in ((votes, FAST), (votes, with_raters), (np.full((240, 2), -1), with_raters))
    )
    known = [(one.probs.argmax(axis=1) == true).sum() for one in (plain, voted)]
    assert known[1] > known[0] + 15
    assert voted.copy_prob <= 0.2
    np.testing.assert_array_equal(plain.probs, unasked.probs)


def test_another_class_is_proposed_and_it_is_the_likeliest_other():
    features, true, given = made_case([80, 80, 80])
    judgement = judged(features, given, 3)
    is_proposed = judgement.proposed != given
    assert is_proposed.any()
    for i in np.flatnonzero(is_proposed):
        others = [k for k in range(3) if k != given[i]]
        assert judgement.proposed[i] == max(others, key=lambda k, i=i: judgement.probs[i, k])
    assert (given != true)[is_proposed].mean() >= 0.8
    doubt = 1 - judgement.probs[np.arange(240), given]
    assert doubt[is_proposed].mean() >= FAST.min_precision
    assert doubt[is_proposed].min() > doubt[~is_proposed].max()


def test_the_only_sample_of_a_class_is_never_proposed():
    features, _, given = made_case([60, 60, 1], noise=0.0)
    features[-1] = features[0]  # looks like class 0
    judgement = judged(features, given, 3)
    assert judgement.probs[-1].argmax() == 0
    assert judgement.proposed[-1] == given[-1] == 2
    np.testing.assert_allclose(judgement.probs.sum(axis=1), 1)


@pytest.mark.parametrize("seed", [0, 1])
def test_proposals_of_a_class_with_2_percent_of_the_samples_keep_their_precision(seed):
    """Ten labels name the rare class and are wrong; a tenth of the others are wrong too."""
    rng = np.random.default_rng(seed)
    true = np.where(np.arange(1500) < 30, 2, np.arange(1500) % 2)
    features = (4 * np.eye(3, 8)[true] + rng.normal(size=(1500, 8))).astype(np.float32)
    given = np.where(rng.random(1500) < 0.1, 1 - np.minimum(true, 1), true)
    given[rng.choice(np.arange(30, 1500), 10, replace=False)] = 2
    judgement = judged(features, given, 3)
    is_proposed, is_wrong = judgement.proposed != given, given != true
    assert (is_proposed & is_wrong)[given == 2].sum() >= 8
    assert is_wrong[is_proposed & (given == 2)].mean() >= 0.7
    assert is_wrong[is_proposed].mean() >= 0.8


def test_progress_rises_to_the_whole():
    features, _, given = made_case([40, 40])
    told = []
    judged(features, given, 2, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_where_no_set_is_precise_enough_those_are_proposed_that_are_more_likely_wrong_than_right():
    def proposed(*probability):
        return module._proposals(np.array(probability), min_precision=0.8, min_recall=0.05).tolist()

    assert proposed(0.7, 0.3, 0.6, 0.4) == [True, False, True, False]
    assert proposed(0.7, 0.5, 0.5, 0.4) == [True, False, False, False]
    assert not any(proposed(0.2, 0.2, 0.2))
    assert proposed(0.7, 0.65, 0.6, 0.3, 0.2) == [True, True, True, False, False]
    sure = (0.9, 0.6, 0.4, 0.3)
    assert proposed(*sure) == proposal_set(np.array(sure), min_precision=0.8).tolist()


def test_where_no_label_is_contradicted_as_many_are_proposed_as_the_likeliest_model_expects():
    probability = np.array([0.4, 0.3, 0.3, 0.2, 0.2, 0.1])

    def num_proposed(num_expected):
        found = module._proposals(probability, min_precision=0.8, min_recall=0.3, num_expected=num_expected)
        return int(found.sum())

    assert num_proposed(None) == num_proposed(9.0) == 1
    assert num_proposed(0.2) == 0


@pytest.mark.parametrize(("num_samples", "num_classes"), [(60, 2), (200, 2), (200, 4), (300, 10)])
@pytest.mark.parametrize("has_networks", [False, True])
def test_of_labels_that_have_nothing_to_do_with_the_images_none_is_proposed(num_samples, num_classes, has_networks):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(num_samples, 16)).astype(np.float32)
    given = rng.integers(0, num_classes, num_samples)
    networks = rng.dirichlet(np.full(num_classes, 0.2), num_samples) if has_networks else None
    judgement = judged(features, given, num_classes, network_probs=networks)
    assert (judgement.proposed == given).all()
    assert (judgement.probs[np.arange(num_samples), given] == 1).all()
    assert "no better than chance" in judgement.self_training.reason


def test_networks_that_are_better_than_chance_count_where_the_features_are_not():
    rng = np.random.default_rng(1)
    _, true, given = made_case([100, 100])
    judgement = judged(
        rng.normal(size=(200, 8)).astype(np.float32), given, 2, network_probs=0.9 * np.eye(2)[true] + 0.05
    )
    is_proposed = judgement.proposed != given
    assert is_proposed.sum() > 10
    assert (given != true)[is_proposed].mean() > 0.9


def test_two_patients_of_one_class_each_cannot_be_judged():
    """Each fold leaves a single class to fit on, under which every other label seems wrong."""
    features, _, given = made_case([30, 30], noise=0)
    judgement = judged(features, given, 2, groups=given)
    assert (judgement.proposed == given).all()


def test_of_many_classes_with_few_images_each_right_labels_are_hardly_doubted():
    """A matrix of 20 times 20 kinds of errors could explain each of 160 labels by one of its own."""
    features, _, given = made_case([8] * 20, noise=0)
    rng = np.random.default_rng(0)
    features = (2.5 * np.eye(20)[given] + rng.normal(size=(160, 20))).astype(np.float32)
    assert (judged(features, given, 20).proposed != given).sum() < 16


def test_where_labels_of_duplicates_differ_more_wrong_ones_are_found():
    features, true, given = made_case([80, 80, 80], noise=0.3)
    features = (features + 3 * np.random.default_rng(1).normal(size=features.shape)).astype(np.float32)
    rank = np.argsort(true, kind="stable")
    groups = np.empty(240, dtype=np.int64)
    groups[rank] = np.arange(240) // 4
    alone, together = (judged(features, given, 3, groups=groups, duplicate_groups=each) for each in (None, groups))
    assert alone.copy_prob is None
    assert together.copy_prob <= 0.1

    def num_known(judgement):
        return (judgement.probs.argmax(axis=1) == true).sum()

    assert num_known(together) > num_known(alone) + 10
    expected = 240 - together.probs[np.arange(240), given].sum()
    assert expected == pytest.approx((given != true).sum(), abs=15)


def test_where_nothing_can_be_judged_labels_of_duplicates_stand_too():
    features, _, given = made_case([30, 30])
    one_group = np.zeros(60, dtype=np.int64)
    judgement = judged(features, given, 2, groups=one_group, duplicate_groups=np.arange(60) % 20)
    assert (judgement.proposed == given).all()
    assert judgement.copy_prob is None


def test_the_consensus_is_that_of_the_networks_stages_where_the_networks_predict_better():
    features, true, given = made_case([80, 80, 80], noise=0.2)
    features = (features + 4 * np.random.default_rng(1).normal(size=features.shape)).astype(np.float32)
    networks = 0.8 * np.eye(3)[true] + 0.2 / 3
    stages = np.stack([networks, np.where(np.arange(240)[:, None] < 20, 1 / 3, networks)])
    consensus = judged(features, given, 3, network_probs=networks, network_stage_probs=stages).consensus
    assert consensus.voters == "2 stages"
    assert consensus.labels.tolist() == [-1] * 20 + true[20:].tolist()


def test_the_consensus_is_else_that_of_the_classifiers_and_the_neighbours():
    features, true, given = made_case([60, 60, 60])
    chance = np.random.default_rng(0).dirichlet(np.ones(3), size=180)
    two = replace(FAST, num_repeats=2)
    options = {"network_probs": chance, "network_stage_probs": np.stack([chance] * 3), "settings": two}
    consensus = judged(features, given, 3, **options).consensus
    assert consensus.voters == "4 classifiers"
    has_one = consensus.labels >= 0
    assert has_one.mean() > 0.5
    assert (consensus.labels == true)[has_one].mean() > 0.95


def test_where_nothing_can_be_judged_there_is_no_consensus():
    given = np.repeat([0, 1], 20)
    features = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    judgement = judged(features, given, 2, groups=np.zeros(40, dtype=np.int64))
    assert set(judgement.consensus.labels.tolist()) == {-1}
    assert set(judgement.scores["consensus"].tolist()) == {0.5}
