import numpy as np
import pytest
from scipy.stats import hypergeom

from overread.detection import contradicted_groups as module
from overread.detection.contradicted_groups import CLUSTER, contradicted_groups

NUM_SITES = 6


def made_case(num_samples=900, num_classes=3, seed=0):
    """Features that tell the class, and sites of the same mixture; two samples to a patient."""
    rng = np.random.default_rng(seed)
    units = np.arange(num_samples) // 2
    true = rng.integers(0, num_classes, num_samples)
    features = (3 * np.eye(num_classes, 12)[true] + rng.normal(size=(num_samples, 12))).astype(np.float32)
    sites = rng.integers(0, NUM_SITES, units.max() + 1)[units]
    return features, true, units, np.char.mod("site %d", sites)


def found(features, given, units, columns, own=None, num_classes=3):
    """own: by default what a model says that no group misleads: the class with the largest of the first features."""
    own = features[:, :num_classes].argmax(axis=1) if own is None else own
    return contradicted_groups(features, given, units, columns, own, num_classes=num_classes)


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_labels_that_are_wrong_everywhere_alike_make_no_group_stand_out(noise, seed):
    features, true, units, sites = made_case(seed=seed)
    rng = np.random.default_rng(seed)
    given = np.where(rng.random(len(true)) < noise, rng.integers(0, 3, len(true)), true)
    assert found(features, given, units, {"site": sites, "half": np.where(units % 2, "a", "b")}) == []


def test_a_site_that_misses_a_class_is_found_with_its_samples():
    features, true, units, sites = made_case()
    is_missed = (sites == "site 4") & (true == 1) & (np.arange(len(true)) % 2 == 0)
    given = np.where(is_missed, 0, true)
    (group,) = found(features, given, units, {"site": sites, "colour": np.full(len(true), "")})
    assert (group.column, group.value, group.predicted, group.given) == ("site", "site 4", 1, 0)
    assert group.num_samples == (sites == "site 4").sum()
    assert is_missed[group.rows].mean() > 0.85
    assert group.share > 0.3 > 0.05 > group.share_elsewhere
    assert not group.is_swapped


def test_two_sites_that_swap_two_classes_contradict_each_other_where_each_model_follows_its_own():
    features, true, units, _ = made_case(num_classes=2)
    sites = np.where(units % 2, "Bern", "Basel")
    given = np.where(sites == "Bern", 1 - true, true)
    groups = found(features, given, units, {"site": sites}, own=given, num_classes=2)
    assert {(group.value, group.is_swapped) for group in groups} == {("Bern", True), ("Basel", True)}
    assert all(group.share > 0.9 for group in groups)


def test_two_of_five_classes_that_a_site_swaps_are_told_once_as_a_pair():
    features, true, units, sites = made_case(1800, num_classes=5)
    is_swapped = (sites == "site 2") & np.isin(true, [1, 3])
    given = np.where(is_swapped, 4 - true, true)
    (group,) = found(features, given, units, {"site": sites}, num_classes=5)
    assert (group.value, group.is_swapped, {group.given, group.predicted}) == ("site 2", True, {1, 3})
    assert set(np.unique(given[group.rows])) == {1, 3}
    assert is_swapped[group.rows].mean() > 0.95
    assert len(group.rows) > 0.85 * is_swapped.sum()


def test_a_class_that_a_site_calls_by_another_name_of_five_is_found_one_way():
    features, true, units, sites = made_case(1800, num_classes=5)
    is_renamed = (sites == "site 2") & (true == 1)
    given = np.where(is_renamed, 3, true)
    (group,) = found(features, given, units, {"site": sites}, num_classes=5)
    assert (group.value, group.is_swapped, group.predicted, group.given) == ("site 2", False, 1, 3)
    assert is_renamed[group.rows].mean() > 0.9 and group.share > 0.85


def large_site(units):
    """Half of the patients at one site, the others at three."""
    return np.where(units % 2, "large", np.char.mod("small %d", units // 2 % 3))


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_a_class_that_half_of_the_data_calls_by_another_name_is_found_though_ordinary_models_are_torn(share):
    features, true, units, _ = made_case(1800)
    rng, sites = np.random.default_rng(0), large_site(units)
    is_renamed = (sites == "large") & (true == 1) & (rng.random(len(true)) < share)
    torn = np.where((true == 1) & (rng.random(len(true)) < share * 0.75), 2, true)
    (group,) = found(features, np.where(is_renamed, 2, true), units, {"site": sites}, own=torn)
    assert (group.value, group.is_swapped, group.predicted, group.given) == ("large", False, 1, 2)
    assert is_renamed[group.rows].mean() > 0.9
    # Ordinary models that follow the site say that it looks different, not that its labels are wrong.
    given = np.where(is_renamed, 2, true)
    assert found(features, given, units, {"site": sites}, own=given) == []


def test_a_swap_in_half_of_the_data_makes_no_other_site_stand_out():
    features, true, units, _ = made_case(1800)
    sites = large_site(units)
    given = np.where((sites == "large") & (true < 2), 1 - true, true)
    (group,) = found(features, given, units, {"site": sites}, own=given)
    assert (group.value, group.is_swapped) == ("large", True)


def test_a_swap_and_a_renamed_class_of_one_site_are_two_groups():
    features, true, units, sites = made_case(1800, num_classes=5)
    here = sites == "site 2"
    given = np.where(here & np.isin(true, [1, 3]), 4 - true, np.where(here & (true == 0), 2, true))
    groups = found(features, given, units, {"site": sites}, num_classes=5)
    assert [(group.is_swapped, group.predicted) for group in groups if not group.is_swapped] == [(False, 0)]
    assert [{group.given, group.predicted} for group in groups if group.is_swapped] == [{1, 3}]


def test_a_cluster_under_a_wrong_label_is_found_without_any_column():
    features, true, units, _ = made_case()
    is_batch = np.arange(len(true)) < 60
    features[is_batch] = features[true == 1][:60] + np.float32(4) * np.eye(12, dtype=np.float32)[9]
    given = np.where(is_batch, 2, true)
    group = found(features, given, units, {})[0]
    assert (group.column, group.predicted, group.given) == (CLUSTER, 1, 2)
    assert is_batch[group.rows].mean() > 0.9


def test_dates_count_by_month():
    features, true, units, _ = made_case()
    days = np.array([f"2024-{1 + unit % 12:02d}-{1 + unit % 28:02d}" for unit in units])
    in_may = np.char.startswith(days, "2024-05")
    (group,) = found(features, np.where(in_may & (true == 0), 2, true), units, {"StudyDate": days})
    assert (group.value, group.predicted, group.given) == ("2024-05", 0, 2)
    assert module._by_month("20240517") == "2024-05"
    assert module._by_month("12345678") == "12345678"


def test_patients_count_once_however_many_images_they_have():
    is_contradicted = np.array([True, True, True, False, True, False])
    majorities = module._unit_majorities(is_contradicted, np.array([5, 5, 5, 7, 8, 8]))
    assert majorities.tolist() == [True, False, False]
    # 40 contradicted images of one patient are one contradiction: no group stands out by them.
    features, true, units, sites = made_case()
    is_one = np.flatnonzero((sites == "site 2") & (true == 1))[:40]
    units = units.copy()
    units[is_one] = 10_000
    given = true.copy()
    given[is_one] = 0
    assert not [group for group in found(features, given, units, {"site": sites}) if group.column == "site"]
    assert hypergeom.sf(0, 300, 1, 50) > module.MAX_FALSE_RATE


def test_the_chance_of_little_agreement_is_that_of_shuffled_patients():
    rng = np.random.default_rng(0)
    units = rng.integers(0, 60, 200)
    of_units = rng.integers(0, 3, 60)
    given, predicted = rng.integers(0, 3, 200), of_units[units]
    observed = (given == predicted).sum()
    present = np.unique(units)
    shuffled = []
    for _ in range(4000):
        moved = dict(zip(present, of_units[rng.permutation(present)], strict=True))
        shuffled.append((given == np.array([moved[unit] for unit in units])).sum())
    kappa, chance = module._agreement(given, predicted, units)
    assert chance == pytest.approx(np.mean(np.array(shuffled) <= observed), abs=0.04)
    assert kappa == pytest.approx((observed - np.mean(shuffled)) / (200 - np.mean(shuffled)), abs=0.01)
