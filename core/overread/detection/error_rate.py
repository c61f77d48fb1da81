"""The share of wrong labels, estimated from two independent views of the images.

A classifier cannot tell its own errors from those of the labels it was fitted to: where it is unsure, the annotator may
have been unsure too. Two classifiers on different features can. Each agrees with the labels as often as both are right,
and the two agree with each other as often as both of *them* are right, whatever the label errors. Three rates of
agreement thus determine the error rates of all three, as with three raters without a gold standard.

The views are halves of the features, after whitening within the classes and a random rotation. What they still share is
how ambiguous an image is: it makes both err together, which would count as label errors. With three classes or more it
shows, since ambiguous images scatter over all classes, and the model has latent states for it. With two classes it
doesn't, so the images are stratified by confidence, and the least confident stratum is left out: there the views are no
better than chance.
Sources: Dawid and Skene 1979; Fu et al. 2020, "Fast and Three-rious: Speeding Up Weak Supervision with Triplet
Methods" (the closed form for two classes).
"""

from dataclasses import dataclass, replace

import numpy as np

from overread.detection.folds import grouped_folds
from overread.detection.soft_classifiers import fit_soft_ridge
from overread.detection_settings import ErrorRateSettings

_NUM_STEPS = 150
_TINY = np.finfo(float).tiny


@dataclass(frozen=True)
class ErrorRate:
    """The share of wrong labels among some samples."""

    share: float
    """In [0, 1)."""
    is_covered: np.ndarray
    """(N,) bool: the samples that `share` is about."""


def estimate_error_rate(
    features: np.ndarray,
    given: np.ndarray,
    groups: np.ndarray,
    class_probs: np.ndarray,
    settings: ErrorRateSettings,
    *,
    seed: int,
) -> ErrorRate:
    """The share of wrong labels: among all samples or, with two classes, among all but the most ambiguous ones.

    features: (N, D) float32, ordered by importance, from `principal_components`; given: (N,) int64; groups: (N,) int64,
    kept together in a fold; class_probs: (N, K), rows sum to 1, the best estimate of the true classes, used for
    confidence and for the covariance within classes (within the given classes, wrong labels would make the difference
    between classes look like spread within one). The estimate is too low where labels and views err on the same images
    and too high where the views err together. It is 0 where there is too little to go by: one class, one group or one
    feature.
    """
    num_classes = class_probs.shape[1]
    num_features = min(features.shape[1], len(given) // settings.samples_per_feature)
    everyone = np.ones(len(given), dtype=bool)
    if num_features < 2 or len(np.unique(given)) < 2 or len(np.unique(groups)) < 2:
        return ErrorRate(0.0, everyone)
    features = features[:, :num_features]
    white = _whitened(features, class_probs, min_variance=settings.min_variance)
    folds = grouped_folds(given, groups, settings.num_folds, seed)
    views, weights = [], []
    for number in range(settings.num_rotations):
        rng = np.random.default_rng([seed, number])
        rotated = white @ np.linalg.qr(rng.standard_normal((num_features, num_features)))[0].astype(np.float32)
        first, second = (
            _out_of_fold_classes(view, given, folds, class_probs.sum(axis=0), penalty=settings.ridge_penalty)
            for view in (rotated[:, : num_features // 2], rotated[:, num_features // 2 :])
        )
        agreement = (float((first == second).mean()) * num_classes - 1) / (num_classes - 1)
        weights.append(float(np.interp(agreement, settings.agreement_range, (0.0, 1.0))))
        views.append((first, second))
    if num_classes == 2:
        estimate = _rate_by_stratum(given, np.stack(views, axis=1), class_probs, settings)
    else:
        prior = settings.diagonal_prior
        rates = [three_rater_error_rate(given, *pair, num_classes=num_classes, diagonal_prior=prior) for pair in views]
        estimate = ErrorRate(float(np.mean(rates)), everyone)
    return replace(estimate, share=max(0.0, float(np.mean(weights)) * estimate.share))


def three_rater_error_rate(
    given: np.ndarray, first: np.ndarray, second: np.ndarray, *, num_classes: int, diagonal_prior: float
) -> float:
    """The share of wrong labels in `given`, in [0, 1), if `first` and `second` err independently of it, and of each
    other except on images that are ambiguous to both.

    given: (N,) int64 in [0, K), K >= 2; first, second: the same, or with two classes (T, N) for T pairs at once.
    diagonal_prior: pseudo-count of correct samples in each class, which only counts with three classes or more.
    """
    if num_classes == 2:
        return _triplet_rate(given, first, second)
    return _latent_rate(given, first, second, num_classes, diagonal_prior)


def _rate_by_stratum(
    given: np.ndarray, views: np.ndarray, class_probs: np.ndarray, settings: ErrorRateSettings
) -> ErrorRate:
    """Two classes: the mean over all strata of confidence but the lowest, or over all samples if they are few.
    views: (2, T, N) int64, the classes by either view of each rotation."""
    num_strata = settings.num_strata if len(given) >= settings.num_strata * settings.min_stratum_size else 1
    strata = np.array_split(np.argsort(class_probs.max(axis=1), kind="stable"), num_strata)
    strata = strata[1:] or strata
    shares = [_triplet_rate(given[one], *views[:, :, one]) for one in strata]
    is_covered = np.isin(np.arange(len(given)), np.concatenate(strata))
    return ErrorRate(float(np.average(shares, weights=[len(one) for one in strata])), is_covered)


def _triplet_rate(given: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Errors equally likely in both classes: for an agreement a, 2 a - 1 is the product of both raters' 1 - 2 e."""

    def advantage(left: np.ndarray, right: np.ndarray) -> float:
        return max(2 * float((left == right).mean()) - 1, 0.0)

    between = advantage(first, second)
    if not between:
        return 0.0
    of_label = np.sqrt(advantage(first, given) * advantage(second, given) / between)
    return float((1 - min(of_label, 1.0)) / 2)


def _latent_rate(
    given: np.ndarray, first: np.ndarray, second: np.ndarray, num_classes: int, diagonal_prior: float
) -> float:
    """Expectation maximisation over each image's class and whether it is ambiguous. The label's errors don't depend on
    the latter; those of the views do."""
    # Images on which all three say the same are one case.
    cases, counts = np.unique(np.stack([given, first, second]), axis=1, return_counts=True)
    identity, shares = np.eye(num_classes), np.bincount(given, minlength=num_classes) / len(given)
    # (2, K, K): each view's confusion matrices for unambiguous and ambiguous images.
    confusions = [np.stack([(1 - error) * identity + error * shares for error in (0.15, 0.6)]) for _ in range(2)]
    transition = 0.9 * identity + 0.1 * shares
    prior = np.stack([0.7 * shares, 0.3 * shares])
    expected = np.zeros((len(counts), 2, num_classes))
    for _ in range(_NUM_STEPS):
        joint = prior * transition[:, cases[0]].T[:, None, :]
        for view, confusion in zip(cases[1:], confusions, strict=True):
            joint = joint * confusion[:, :, view].transpose(2, 0, 1)
        expected = counts[:, None, None] * joint / np.maximum(joint.sum(axis=(1, 2), keepdims=True), _TINY)
        prior = expected.sum(axis=0) / len(given) + 1e-6
        pseudo_counts = diagonal_prior * (identity + shares)
        confusions = [
            _normalised_rows(np.stack([expected[:, state].T @ identity[view] for state in (0, 1)]) + pseudo_counts)
            for view in cases[1:]
        ]
        transition = _normalised_rows(expected.sum(axis=1).T @ identity[cases[0]] + diagonal_prior * identity)
    return float(1 - expected.sum(axis=1)[np.arange(len(counts)), cases[0]].sum() / len(given))


def _normalised_rows(counts: np.ndarray) -> np.ndarray:
    return counts / counts.sum(axis=-1, keepdims=True)


def _whitened(features: np.ndarray, class_probs: np.ndarray, *, min_variance: float) -> np.ndarray:
    """(N, D) float32: rotated and scaled so that the covariance within the classes is the identity, but for directions
    whose variance is below the share `min_variance` of the mean: those hold noise."""
    sizes = np.maximum(class_probs.sum(axis=0), 1e-9)[:, None]
    means = class_probs.T @ features / sizes
    between = (means * sizes).T @ means / len(features)
    variances, directions = np.linalg.eigh(features.T @ features / len(features) - between)
    variances = np.maximum(variances, max(min_variance * float(variances.mean()), 1e-12))
    return ((features - features.mean(axis=0)) @ directions / np.sqrt(variances)).astype(np.float32)


def _out_of_fold_classes(
    view: np.ndarray,
    given: np.ndarray,
    folds: list[tuple[np.ndarray, np.ndarray]],
    class_counts: np.ndarray,
    *,
    penalty: float,
) -> np.ndarray:
    """(N,) int64: the class predicted by ridge regression on the other folds. class_counts: (K,), how many samples are
    truly of each class, as far as is known. With two classes, each is predicted that often: a rare one would hardly
    ever be the more likely, and all its labels would seem wrong. As often as it is *given* would be wrong where labels
    are wrong in one direction: both views would then follow the labels' frequencies."""
    num_classes = len(class_counts)
    probs = np.zeros((len(given), num_classes), dtype=np.float32)
    targets = np.eye(num_classes, dtype=np.float32)[given]
    for fitted, held_out in folds:
        model = fit_soft_ridge(view[fitted], targets[fitted], penalty=penalty)
        probs[held_out] = model.predict_probs(view[held_out])
    if num_classes > 2:
        return probs.argmax(axis=1)
    found = np.zeros(len(given), dtype=np.int64)
    found[np.argsort(-probs[:, 1], kind="stable")[: round(float(class_counts[1]))]] = 1
    return found
