import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from overread.detection import out_of_fold
from overread.detection import self_training as module
from overread.detection.detection_data import DetectionData
from overread.detection.folds import grouped_folds
from overread.detection.iteration import Iteration
from overread.detection.noise_transition import NoiseModel
from overread.detection.self_training import self_train
from overread.detection_settings import DetectionSettings, RefinementSettings
from overread.verified_labels import VerifiedLabels

FAST = {"num_folds": 5, "num_repeats": 1, "strengths": (0.03,)}


def made_case(num_samples=240, num_classes=3, noise=0.15, group_size=2, seed=0):
    """Clouds that overlap a little; labels wrong at random; groups of neighbours in the table."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, num_classes, num_samples)
    features = (2.5 * np.eye(num_classes, 8)[true] + rng.normal(size=(num_samples, 8))).astype(np.float32)
    given = np.where(rng.random(num_samples) < noise, (true + 1) % num_classes, true)
    return features, true, given, np.arange(num_samples) // group_size


def trained(features, given, groups, *, seed=0, is_trained=None, is_after_review=True, **refinement):
    """is_after_review: with verified labels, though of no sample, so that there are iterations after the first."""
    is_trained = np.ones(len(given), dtype=bool) if is_trained is None else is_trained
    settings = DetectionSettings(RefinementSettings(**(FAST | refinement)))
    verified = VerifiedLabels(np.zeros((len(given), 3)), np.zeros(len(given), dtype=bool)) if is_after_review else None
    data = DetectionData(features, given, groups, is_trained, num_classes=3, verified=verified)
    return self_train(data, settings, seed=seed)


def every_number(found):
    return [
        (
            r.probs.tobytes(),
            r.noise.inverse_temperature,
            r.noise.transition.tobytes(),
            r.noise.instance_noise,
            r.log_likelihood,
        )
        for r in found.iterations
    ]


def test_the_labels_of_a_group_do_not_change_its_out_of_fold_probabilities(monkeypatch):
    """To the bit, in every iteration. The noise model is fitted to all labels, so its input is compared; folds are
    stratified by label, but not here."""
    features, _, given, groups = made_case()
    monkeypatch.setattr(out_of_fold, "grouped_folds", lambda given, *rest: grouped_folds(np.zeros_like(given), *rest))
    seen = []
    judge_views = module._iteration

    def watched(data, views, settings):
        seen.append((views.own.copy(), views.neighbours.copy()))
        return judge_views(data, views, settings)

    monkeypatch.setattr(module, "_iteration", watched)
    trained(features, given, groups, neighbour_weights=(1 / 3,))
    before, seen[:] = list(seen), []
    for group in (0, 57):
        changed = given.copy()
        changed[groups == group] = (given[groups == group] + 1) % 3
        trained(features, changed, groups, neighbour_weights=(1 / 3,))
        assert len(seen) == len(before) == RefinementSettings().max_rounds + 1
        for views, others in zip(before, seen, strict=True):
            for view, other in zip(views, others, strict=True):
                np.testing.assert_array_equal(view[groups == group], other[groups == group])
                assert (view[groups != group] != other[groups != group]).any()
        seen.clear()


def test_before_a_review_the_first_iteration_stands_alone_and_is_the_same():
    features, _, given, groups = made_case()
    alone = trained(features, given, groups, is_after_review=False)
    assert len(alone.iterations) == 1
    assert alone.reason == "before a review there is one iteration, fitted to the given labels"
    np.testing.assert_array_equal(alone.result.probs, trained(features, given, groups).iterations[0].probs)


def test_wrong_labels_are_found_and_as_many_are_expected_as_there_are():
    features, true, given, groups = made_case(num_samples=600)
    posterior = trained(features, given, groups).result.posterior(given)
    doubt = 1 - posterior[np.arange(600), given]
    is_wrong = given != true
    worst = np.argsort(-doubt)[: is_wrong.sum()]
    assert is_wrong[worst].mean() > 0.85
    assert doubt.sum() == pytest.approx(is_wrong.sum(), rel=0.35)


def test_probabilities_are_within_0_and_1_and_sum_to_1_in_every_iteration():
    features, _, given, groups = made_case()
    is_trained = np.arange(240) % 5 > 0
    found = trained(features, given, groups, is_trained=is_trained, num_repeats=2)
    for each in found.iterations:
        for probs in (each.probs, each.posterior(given)):
            assert ((probs >= 0) & (probs <= 1)).all()
            np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_a_seed_gives_the_same_to_the_bit_with_one_thread_or_more_and_another_seed_does_not(monkeypatch):
    features, _, given, groups = made_case()
    strengths = (0.003, 0.03)
    outcomes = []
    for num_threads in (1, 3):
        monkeypatch.setattr(out_of_fold, "cpu_count", lambda num=num_threads: num)
        with threadpool_limits(num_threads):
            outcomes.append(every_number(trained(features, given, groups, strengths=strengths)))
    assert outcomes[0] == outcomes[1]
    assert every_number(trained(features, given, groups, strengths=strengths, seed=1)) != outcomes[0]


def test_no_group_is_judged_by_models_that_saw_one_of_its_samples():
    """Copies of an image, all labelled wrong, are told apart only where a fold keeps them together."""
    features, true, given, _ = made_case(num_samples=300, noise=0.0)
    copies = np.arange(12)
    features[copies] = features[0]
    features[copies, 7] = 8  # of a look of their own, so that their label can be learnt
    given[copies] = (true[0] + 1) % 3
    together = np.where(np.arange(300) < 12, 0, np.arange(300))
    apart, kept = (trained(features, given, each).result for each in (np.arange(300), together))
    assert apart.probs[copies, given[copies]].min() > 2 * kept.probs[copies, given[copies]].max()


def test_samples_that_are_not_trained_on_are_judged_and_their_labels_change_nothing():
    features, true, given, groups = made_case()
    is_trained = np.arange(240) < 180
    found = trained(features, given, groups, is_trained=is_trained)
    assert (found.result.probs[180:].argmax(axis=1) == true[180:]).mean() > 0.85
    changed = np.where(is_trained, given, (given + 1) % 3)
    assert every_number(trained(features, changed, groups, is_trained=is_trained)) == every_number(found)


def test_where_one_group_holds_all_every_label_stands():
    features, _, given, _ = made_case()
    found = trained(features, given, np.zeros(240, dtype=int))
    np.testing.assert_allclose(found.result.posterior(given), np.eye(3)[given], atol=1e-12)
    assert "no label can be judged" in found.reason


@pytest.mark.parametrize("num_groups", [2, 3, 4])
def test_few_groups_are_enough(num_groups):
    features, true, given, _ = made_case()
    result = trained(features, given, np.arange(240) % num_groups).result
    assert (result.probs.argmax(axis=1) == true).mean() > 0.85


def test_two_samples_of_a_class_are_judged_like_others():
    features, _, given, _ = made_case(num_samples=60)
    given = np.where(np.arange(60) < 2, 2, given % 2)
    probs = trained(features, given, np.arange(60)).result.posterior(given)
    assert np.isfinite(probs).all()
    np.testing.assert_allclose(probs.sum(axis=1), 1)


def test_an_iteration_is_kept_only_if_it_and_all_before_it_made_the_labels_likelier():
    def iterations(*likelihoods):
        return tuple(Iteration(np.ones((1, 1)), NoiseModel(1.0, np.eye(1)), 0.0, value) for value in likelihoods)

    for likelihoods, chosen in (
        ((-0.5, -0.4, -0.3), 2),
        ((-0.5, -0.4, -0.45), 1),
        ((-0.5, -0.5, -0.1), 0),
        ((-0.5, -0.6, -0.1), 0),
        ((-0.5,), 0),
    ):
        assert module._choose_iteration(iterations(*likelihoods))[0] == chosen
