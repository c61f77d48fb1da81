import numpy as np
import pytest

from overread.detection.detection_data import DetectionData
from overread.detection.judgement import judge
from overread.detection.study_limits import StudyLimits
from overread.detection_settings import DetectionSettings, RefinementSettings
from overread.proposal_settings import LimitSettings

FAST = DetectionSettings(RefinementSettings(num_folds=5, num_repeats=1, strengths=(0.003,), ridge_penalties=(300.0,)))


def limits(given, groups, num_classes=3):
    return StudyLimits.of(np.asarray(given), np.asarray(groups), num_classes, LimitSettings())


def slides(num_slides, num_classes, *, size=60, noise=0.1, is_pure=True):
    """Labels and slides: a class for each slide in turn, or classes mixed in all."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(num_slides), size)
    true = groups % num_classes if is_pure else rng.integers(0, num_classes, len(groups))
    return true, np.where(rng.random(len(groups)) < noise, rng.integers(0, num_classes, len(groups)), true), groups


@pytest.mark.parametrize("num_classes", [2, 3])
def test_few_slides_of_one_class_each_lack_witnesses(num_classes):
    assert limits(*slides(5, num_classes)[1:]).is_within_groups


def test_many_slides_or_mixed_ones_or_single_images_lack_none():
    assert not limits(*slides(30, 3)[1:]).is_within_groups
    assert not limits(*slides(2, 3, is_pure=False)[1:]).is_within_groups
    given = np.repeat([0, 1, 2], [100, 100, 2])
    assert not limits(given, np.arange(202)).is_within_groups
    assert not limits(given, np.zeros(202)).is_within_groups


def test_labels_of_pure_slides_are_judged_by_their_own_slide():
    true, given, groups = slides(5, 3)
    rng = np.random.default_rng(1)
    # Each slide has a stain of its own, by which a model of the others could not know its class.
    features = (3 * np.eye(5, 12)[groups] + rng.normal(size=(len(given), 12))).astype(np.float32)
    data = DetectionData(features, given, groups, np.ones(len(given), dtype=bool), num_classes=3)
    found = judge(data, FAST, seed=0)
    assert found.self_training.is_judged
    is_wrong, is_proposed = given != true, found.proposed != given
    assert (is_wrong & is_proposed).sum() > 0.8 * is_wrong.sum()
    assert (is_wrong & is_proposed).sum() > 0.8 * is_proposed.sum()


def test_each_limit_has_a_note_that_names_its_classes():
    found = limits(np.repeat([0, 1, 2], [300, 80, 8]), np.arange(388))
    assert found.scarce_classes == (2,)
    (note,) = found.notes(["cyst", "nodule", "mass"])
    assert "mass" in note
    assert "nodule" not in note
    small = limits(np.repeat([0, 1, 2], 50), np.arange(150)).notes("abc")
    assert len(small) == 1
    assert "small" in small[0]
    assert "within patients and slides" in limits(*slides(5, 3)[1:]).notes("abc")[0]


def test_two_classes_of_which_one_has_few_labels_are_refused_for_that_reason():
    rng = np.random.default_rng(0)
    given = (np.arange(200) < 3).astype(int)
    features = rng.normal(size=(200, 6)).astype(np.float32)
    data = DetectionData(features, given, np.arange(200), np.ones(200, dtype=bool), num_classes=2)
    training = judge(data, FAST, seed=0).self_training
    assert not training.is_judged
    assert "too few labels" in training.reason
