import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import dirichlet_multinomial

from overread.detection.group_labels import GroupLabels, GroupNoise, fit_group_noise
from overread.detection.noise_transition import NoiseModel, fit_noise_model
from overread.detection_settings import DetectionSettings

SETTINGS = DetectionSettings()
COPY_PROBS, SAME_CLASS_PROB = SETTINGS.duplicates.copy_probs, SETTINGS.duplicates.same_class_prob
NOISE = NoiseModel(1.5, np.array([[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.05, 0.05, 0.9]]), instance_noise=0.8)


def fit_alone(probs, given):
    return fit_noise_model(probs, given, SETTINGS.noise, num_standard_errors=SETTINGS.noise.final_num_standard_errors)


def made_case(seed=0, num_samples=40, num_groups=8):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(3, 0.7), num_samples) * 0.97 + 0.01
    return probs, rng.integers(0, 3, num_samples), rng.integers(-1, num_groups, num_samples)


def shown_by(noise, probs):
    sharpened = probs**noise.inverse_temperature
    return sharpened / sharpened.sum()


def parts(noise, shown):
    """What each class's probability is in truth, and what it is drawn anew with."""
    true = shown ** (1 + noise.instance_noise**2 / 4)
    true /= true.sum()
    kept = min(1, (shown / true).min()) * (1 - 0.5 * noise.instance_noise / (1 + noise.instance_noise))
    return true, shown - kept * true


def drawn(noise, redrawn, true, label):
    """The probability of a newly drawn label where the class is `true`."""
    return (1 - redrawn.sum()) * noise.transition[true, label] + redrawn @ noise.transition[:, label]


def expected_posterior(noise, copying, probs, given, groups):
    """Bayes' rule group by group, its labels drawn from the urn one by one, in plain loops."""
    posterior = noise.posterior(probs, given)
    for group in set(groups[groups >= 0].tolist()):
        members = np.flatnonzero(groups == group)
        if len(members) == 1:
            continue
        shown = np.prod([shown_by(noise, probs[i]) for i in members], axis=0) ** (1 / len(members))
        shown /= shown.sum()
        true, redrawn = parts(noise, shown)
        together, apart = true.copy(), 1.0
        for number, i in enumerate(members):
            num_alike = sum(given[j] == given[i] for j in members[:number])
            for k in range(3):
                new = (1 - copying) * drawn(noise, redrawn, k, given[i])
                together[k] *= (new + copying * num_alike) / (1 - copying + copying * number)
            alone = shown_by(noise, probs[i])
            apart *= sum(alone[k] * noise.transition[k, given[i]] for k in range(3))
        share = SAME_CLASS_PROB * together.sum() / (SAME_CLASS_PROB * together.sum() + (1 - SAME_CLASS_PROB) * apart)
        for i in members:
            posterior[i] = share * together / together.sum() + (1 - share) * posterior[i]
    return posterior


def posterior_of(noise, copying, probs, given, groups):
    return GroupNoise(noise, copying, SAME_CLASS_PROB).posterior(probs, given, GroupLabels.of(given, groups))


@pytest.mark.parametrize("copying", [0.0, 0.3, 0.9])
def test_the_posterior_is_bayes_rule_over_the_common_class(copying):
    probs, given, groups = made_case()
    expected = expected_posterior(NOISE, copying, probs, given, groups)
    assert posterior_of(NOISE, copying, probs, given, groups) == pytest.approx(expected, abs=1e-6)
    assert expected.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("copying", [0.05, 0.5, 0.9])
def test_the_urn_draws_from_the_dirichlet_multinomial_distribution(copying):
    given, row = np.array([2, 0, 2, 1, 2, 2]), np.array([0.2, 0.3, 0.5])
    groups = GroupLabels.of(given, np.zeros(6, dtype=int))
    found, _ = groups.urn_probs(row[groups.labels][:, None], copying)
    counts = np.bincount(given)
    num_orders = gammaln(len(given) + 1) - gammaln(counts + 1).sum()
    expected = dirichlet_multinomial.logpmf(counts, row * (1 - copying) / copying, len(given)) - num_orders
    assert np.log(found).sum() == pytest.approx(expected)


def test_without_copying_labels_are_drawn_independently_and_with_it_agreement_says_little():
    probs, given = np.full((4, 3), 1 / 3), np.full(4, 2)
    sharp = NoiseModel(NOISE.inverse_temperature, NOISE.transition)
    alone, apart, copied = (
        posterior_of(sharp, copying, probs, given, groups)[0, 2]
        for copying, groups in ((0.0, np.arange(4)), (0.0, np.zeros(4, int)), (0.9, np.zeros(4, int)))
    )
    assert alone == pytest.approx(0.9 / 1.15)
    assert apart > 0.98
    assert alone < copied < alone + 0.05


def made_labels(*, copying, rate=0.35, num_groups=150, seed=0):
    """Four images of each group, a rate of wrong labels of three classes, some of them copied, and the probabilities
    of a classifier that is much less sure of the classes than it could be."""
    rng = np.random.default_rng(seed)
    shown = rng.dirichlet(np.full(3, 0.3), num_groups)
    true = np.repeat([rng.choice(3, p=row) for row in shown], 4)
    wrong = (true + rng.integers(1, 3, len(true))) % 3
    given = np.where(rng.random(len(true)) < rate, wrong, true)
    given = np.where(rng.random(len(true)) < copying, np.repeat(given[::4], 4), given)
    probs = np.repeat((shown + 1e-3) ** 0.3, 4, axis=0)
    probs /= probs.sum(axis=1, keepdims=True)
    order = rng.permutation(len(true))
    return probs[order], given[order], true[order], np.arange(len(true))[order] // 4


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_contradict_each_other_tell_how_many_and_which_are_wrong(seed):
    probs, given, true, groups = made_labels(copying=0.0, seed=seed)
    shared = GroupLabels.of(given, groups)
    found = fit_group_noise(probs, given, shared, SETTINGS)
    posterior = found.posterior(probs, given, shared)
    is_right = posterior[np.arange(len(given)), given]
    assert found.copy_prob <= 0.1
    assert 1 - is_right.mean() == pytest.approx((given != true).mean(), abs=0.06)
    alone = fit_alone(probs, given).posterior(probs, given)
    num_known, num_known_alone = ((probs.argmax(axis=1) == true).sum() for probs in (posterior, alone))
    assert num_known > num_known_alone


@pytest.mark.parametrize("seed", range(3))
def test_copied_labels_are_found_to_be_copied(seed):
    probs, given, _, groups = made_labels(copying=0.9, seed=seed)
    assert fit_group_noise(probs, given, GroupLabels.of(given, groups), SETTINGS).copy_prob >= 0.5


def test_where_nothing_tells_copies_from_new_labels_they_are_taken_for_copies():
    probs, given, _, groups = made_labels(copying=0.0, rate=0.0)
    groups = np.where(groups < 3, groups, -1)
    assert fit_group_noise(probs, given, GroupLabels.of(given, groups), SETTINGS).copy_prob == max(COPY_PROBS)


@pytest.mark.parametrize("of_one_image", [False, True])
def test_a_single_picture_whose_labels_differ_does_not_make_all_others_independent(of_one_image):
    probs, given, _, _ = made_labels(copying=0.0, rate=0.0)
    groups = np.full(len(given), -1)
    groups[:2], given[:2] = 0, [0, 1]
    images = np.arange(len(given))
    images[1] -= of_one_image
    probs[1] = probs[0]
    assert fit_group_noise(probs, given, GroupLabels.of(given, groups, images), SETTINGS).copy_prob >= 0.5


def test_labels_of_one_image_share_its_class_and_count_as_one_image():
    noise = NoiseModel(1.0, np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]]))
    probs, labels = np.tile([0.5, 0.5, 0.0], (3, 1)), np.array([0, 1, 1])
    shared = GroupLabels.of(labels, np.zeros(3, dtype=int), images=np.zeros(3, dtype=int))
    expected = np.array([0.98 * 0.01**2, 0.01 * 0.98**2])
    found = GroupNoise(noise, 0.0, SAME_CLASS_PROB).posterior(probs, labels, shared)[0]
    assert found[:2] == pytest.approx(expected / expected.sum(), abs=1e-6)
    shared = GroupLabels.of(labels, np.zeros(3, dtype=int), images=np.array([0, 0, 1]))
    shown = shared.group_probs(np.array([[0.8, 0.2], [0.8, 0.2], [0.2, 0.8]]))
    assert shown[0] == pytest.approx([0.5, 0.5])


def test_where_no_picture_is_shared_the_model_is_that_of_labels_alone():
    probs, given, _, _ = made_labels(copying=0.0)
    alone = np.full(len(given), -1)
    found, expected = fit_group_noise(probs, given, GroupLabels.of(given, alone), SETTINGS), fit_alone(probs, given)
    assert found.noise.inverse_temperature == expected.inverse_temperature
    assert found.noise.transition == pytest.approx(expected.transition, abs=0.02)
    shared = GroupLabels.of(given, np.arange(len(given)))
    assert np.array_equal(found.posterior(probs, given, shared), found.noise.posterior(probs, given))


def test_one_of_four_labels_of_a_picture_is_doubted_and_the_others_are_not():
    posterior = posterior_of(NOISE, 0.05, np.full((4, 3), 1 / 3), np.array([2, 2, 0, 2]), np.zeros(4, dtype=int))
    assert posterior.argmax(axis=1).tolist() == [2, 2, 2, 2]
    assert posterior[2, 0] < 0.1


def test_what_the_images_show_clearly_stands_against_a_link_that_is_wrong():
    probs = np.array([[0.998, 0.001, 0.001], [0.001, 0.001, 0.998]])
    posterior = posterior_of(NOISE, 0.0, probs, np.array([0, 2]), np.zeros(2, dtype=int))
    assert posterior.argmax(axis=1).tolist() == [0, 2]
