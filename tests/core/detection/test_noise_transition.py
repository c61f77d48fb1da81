import numpy as np
import pytest

from overread.detection import noise_transition
from overread.detection.noise_transition import NoiseModel, add_instance_noise, is_as_likely
from overread.detection_settings import NoiseSettings

MAX_INSTANCE_NOISE = NoiseSettings().max_instance_noise

TRANSITIONS = {
    2: np.array([[0.9, 0.1], [0.3, 0.7]]),
    3: np.array([[0.8, 0.15, 0.05], [0.1, 0.9, 0.0], [0.3, 0.0, 0.7]]),
}


def fit_noise_model(probs, given, **settings):
    settings = NoiseSettings(**settings)
    return noise_transition.fit_noise_model(probs, given, settings, num_standard_errors=settings.num_standard_errors)


def drawn(probs, rng):
    """A class from each row."""
    return (probs.cumsum(axis=1) > rng.random((len(probs), 1))).argmax(axis=1)


def simulated(num_samples, transition, *, concentration=0.15, power=1.0, seed=0):
    """Probabilities as a classifier gives them (those that the truth was drawn from, to a power), truth, labels."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(len(transition), concentration), num_samples)
    true = drawn(probs, rng)
    given = drawn(transition[true], rng)
    dulled = probs**power
    return dulled / dulled.sum(axis=1, keepdims=True), true, given


def doubts(model, probs, given):
    return 1 - model.posterior(probs, given)[np.arange(len(given)), given]


@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_known_transition_is_recovered_and_as_many_errors_are_expected_as_there_are(num_classes):
    probs, true, given = simulated(4000, TRANSITIONS[num_classes])
    model = fit_noise_model(probs, given)
    np.testing.assert_allclose(model.transition, TRANSITIONS[num_classes], atol=0.05)
    np.testing.assert_allclose(model.transition.sum(axis=1), 1)
    is_wrong = given != true
    expected = doubts(model, probs, given)
    assert expected.sum() == pytest.approx(is_wrong.sum(), rel=0.12)
    # Calibrated, not only in sum.
    order = np.argsort(expected)
    for part in np.array_split(order, 5):
        assert expected[part].mean() == pytest.approx(is_wrong[part].mean(), abs=0.1)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_an_underconfident_or_overconfident_classifier_is_calibrated(power):
    probs, _, given = simulated(1500, TRANSITIONS[3], power=power)
    straight, _, _ = simulated(1500, TRANSITIONS[3])
    model = fit_noise_model(probs, given)
    assert model.inverse_temperature == pytest.approx(1 / power, rel=0.3)
    np.testing.assert_allclose(model.class_probs(probs), straight, atol=0.12)


@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0])
def test_the_posterior_is_bayes_rule(strength):
    rng = np.random.default_rng(0)
    probs, given = rng.dirichlet(np.ones(3), 20), rng.integers(0, 3, 20)
    model = NoiseModel(2.0, TRANSITIONS[3], strength)
    posterior = model.posterior(probs, given)
    likelihoods = model.log_probs(probs, given)
    for i in range(20):
        seen = [probs[i, k] ** 2 / sum(p**2 for p in probs[i]) for k in range(3)]
        true = [value ** (1 + strength**2 / 4) for value in seen]
        true = [value / sum(true) for value in true]
        kept = min(1, *(seen[k] / true[k] for k in range(3))) * (1 - 0.5 * strength / (1 + strength))
        redrawn = [seen[k] - kept * true[k] for k in range(3)]
        # (true, seen): seen as it is with probability `kept`, else drawn from what is left.
        pairs = [[true[j] * (kept * (j == k) + redrawn[k]) for k in range(3)] for j in range(3)]
        joint = [sum(pairs[j][k] * TRANSITIONS[3][k][given[i]] for k in range(3)) for j in range(3)]
        assert [sum(pairs[j][k] for j in range(3)) for k in range(3)] == pytest.approx(seen)
        assert posterior[i].tolist() == pytest.approx([value / sum(joint) for value in joint], abs=1e-5)
        assert likelihoods[i] == pytest.approx(np.log(sum(joint)))


def test_a_label_is_the_more_doubted_the_less_the_image_shows_it():
    falling = np.linspace(0.999, 0.001, 200)
    probs = np.stack([falling, 1 - falling], axis=1)
    for strength in (0.0, 0.5, 1.0, 4.0):
        found = doubts(NoiseModel(1.5, TRANSITIONS[2], strength), probs, np.zeros(200, dtype=int))
        assert (np.diff(found) >= 0).all()
        assert found[-1] - found[0] > 0.5


@pytest.mark.parametrize("num_classes", [2, 3])
def test_wrong_labels_of_ambiguous_images_need_instance_noise_and_are_then_calibrated(num_classes):
    """A classifier that sees no more than the annotators: by its likelihood alone no label is wrong."""
    rng = np.random.default_rng(0)
    seen = rng.dirichlet(np.ones(num_classes), 4000)
    clearer = seen**3.25 / (seen**3.25).sum(axis=1, keepdims=True)
    kept = np.minimum(seen / clearer, 1).min(axis=1, keepdims=True) * (1 - 0.5 * 3 / 4)
    rest = seen - kept * clearer
    true = drawn(clearer, rng)
    other = drawn(rest / rest.sum(axis=1, keepdims=True), rng)
    given = np.where(rng.random(4000) < kept[:, 0], true, other)
    rate = float((true != given).mean())
    plain = fit_noise_model(seen, given)
    assert plain.error_rate(seen, given) < rate / 3
    model = add_instance_noise(plain, seen, given, error_rate=rate, most=MAX_INSTANCE_NOISE)
    expected = doubts(model, seen, given)
    assert rate <= expected.mean() < rate + 0.01
    for part in np.array_split(np.argsort(expected), 8):
        assert expected[part].mean() == pytest.approx((true != given)[part].mean(), abs=0.1)


def test_a_model_that_expects_enough_errors_gets_no_instance_noise_and_there_is_a_maximum():
    probs, _, given = simulated(1000, TRANSITIONS[3])
    model = fit_noise_model(probs, given)
    assert add_instance_noise(model, probs, given, error_rate=model.error_rate(probs, given) - 0.01, most=8.0) is model
    assert (
        add_instance_noise(model, probs, given, error_rate=0.99, most=MAX_INSTANCE_NOISE).instance_noise
        == MAX_INSTANCE_NOISE
    )


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_right_labels_of_unambiguous_images_are_hardly_doubted(num_classes):
    probs, true, given = simulated(1000, np.eye(num_classes), concentration=0.01)
    np.testing.assert_array_equal(true, given)
    model = fit_noise_model(probs, given)
    # What is left to doubt is what the images leave open.
    assert doubts(model, probs, given).mean() < 1.3 * (1 - probs[np.arange(1000), given]).mean() + 0.002


@pytest.mark.parametrize("num_samples", [1, 2, 3, 7])
def test_a_handful_of_samples_makes_a_model_of_finite_numbers(num_samples):
    rng = np.random.default_rng(0)
    probs, given = rng.dirichlet(np.ones(3), num_samples), np.arange(num_samples) % 3
    posterior = fit_noise_model(probs, given).posterior(probs, given)
    assert ((posterior >= 0) & (posterior <= 1)).all()
    np.testing.assert_allclose(posterior.sum(axis=1), 1)


def test_a_class_that_nobody_was_given_has_the_noise_of_the_others():
    probs, _, given = simulated(900, 0.9 * np.eye(3) + 0.1 / 3)
    probs, given = probs[given != 2], given[given != 2]
    model = fit_noise_model(probs, given)
    np.testing.assert_allclose(model.transition.sum(axis=1), 1)
    assert np.isfinite(model.posterior(probs, given)).all()
    assert model.transition[2, 2] > 0.5


def test_certain_probabilities_against_a_label_leave_numbers_finite():
    probs = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], dtype=np.float32)
    given = np.array([0, 1, 1, 0])
    for model in (
        fit_noise_model(probs, given),
        NoiseModel(16.0, np.eye(2)),
        NoiseModel(16.0, np.eye(2), MAX_INSTANCE_NOISE),
    ):
        posterior = model.posterior(probs, given)
        np.testing.assert_allclose(posterior.sum(axis=1), 1)
        assert np.isfinite(model.log_probs(probs, given)).all()


def test_a_mean_within_a_standard_error_of_the_difference_is_as_likely():
    best = np.zeros(100)
    behind = np.where(np.arange(100) % 2, -1.0, 1.0)  # the difference has standard error 0.1
    assert is_as_likely(behind - 0.09, best, num_standard_errors=1)
    assert not is_as_likely(behind - 0.11, best, num_standard_errors=1)
    assert is_as_likely(behind - 0.11, best, num_standard_errors=1.2)
    assert is_as_likely(best, best, num_standard_errors=0)


def test_shrinkage_draws_the_rows_together():
    probs, _, given = simulated(1000, TRANSITIONS[2])
    free, shrunk = (fit_noise_model(probs, given, shrinkage=samples).transition for samples in (0.0, 1e6))
    assert abs(free[0, 0] - free[1, 1]) > 0.1
    assert shrunk[0, 0] == pytest.approx(shrunk[1, 1], abs=1e-3)
