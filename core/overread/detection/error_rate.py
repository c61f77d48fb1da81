"""How many of the given labels are wrong, from two views of the images that know nothing of each other.

A classifier cannot tell its own errors from those of the labels it was fitted to: where it is unsure, so may have been
whoever labelled. Two classifiers that look at different features can. Each agrees with the labels as often as both are
right; they agree with each other as often as *they* are right, whatever the labels' errors. So three rates of
agreement give the error rates of all three, as with raters of whom nobody knows who is right.

The views are halves of the features, after these were made uncorrelated within the classes and turned at random. What
is left that they share is how clear an image is: it makes both err together, and would count as the labels' errors.
With three classes or more it shows, since unclear images scatter over all classes, and gets latent states of its own.
With two it doesn't, so these are taken in parts of much the same clearness, and of the least clear part nothing is
told: there the views say no more than chance.
Sources: Dawid and Skene 1979; Fu et al. 2020, "Fast and Three-rious: Speeding Up Weak Supervision with Triplet
Methods" (the closed form for two classes).
"""

from dataclasses import dataclass, replace

import numpy as np

from overread.detection.folds import grouped_folds
from overread.detection.soft_classifiers import fit_soft_ridge

NUM_TURNS = 4
"""Ways to make the two views; the mean of what they give is taken."""
LEAST_AGREEMENT = (0.25, 0.4)
"""Agreement of the views beyond chance up to which nothing, and from which all is believed of what they give: views
that hardly agree lack what tells the classes apart, and share what misleads. Chosen on the cells of the benchmark."""
_NUM_PARTS = 5
"""Of two classes' images, by how clear they are."""
_LEAST_PART = 100
"""Samples of a part; where there are fewer, all are one."""
_NUM_FOLDS = 5
_SAMPLES_PER_FEATURE = 5
_PENALTY = 10.0
"""Of the views' ridge regression, on features of variance 1."""
_SMALLEST_VARIANCE = 0.05
"""Share of the mean variance below which a direction is not stretched further: it holds noise."""
_NUM_STEPS = 150
_TINY = np.finfo(float).tiny
_PRIOR = 2.0
"""Samples of each class that are taken to be labelled right beforehand, by label and views."""


@dataclass(frozen=True)
class ErrorRate:
    """How many of some labels are wrong."""

    share: float
    """In [0, 1), of the samples that it is told of."""
    is_told: np.ndarray
    """(N,) bool: those samples."""


def noise_rate(
    features: np.ndarray, given: np.ndarray, groups: np.ndarray, class_probs: np.ndarray, *, seed: int
) -> ErrorRate:
    """The share of wrong labels: of all, or with two classes of those of the clearer images.

    features: (N, D) float32, the most telling directions first, as `principal_components` gives them; given: (N,)
    int64; groups: (N,) int64, kept whole in a fold; class_probs: (N, K), rows sum to 1, of each true class as far as it
    is known, for how clear an image is and for the covariance within the classes: within the given ones, wrong labels
    would make what divides the classes look like their width. Too low where labels and views err on the same images,
    too high where the views do among themselves. 0 where there is too little to tell: one class, one group, one
    feature.
    """
    num_classes = class_probs.shape[1]
    num_features = min(features.shape[1], len(given) // _SAMPLES_PER_FEATURE)
    everyone = np.ones(len(given), dtype=bool)
    if num_features < 2 or len(np.unique(given)) < 2 or len(np.unique(groups)) < 2:
        return ErrorRate(0.0, everyone)
    features = features[:, :num_features]
    independent = _uncorrelated(features, class_probs)
    folds = grouped_folds(given, groups, _NUM_FOLDS, seed)
    views, beliefs = [], []
    for turn in range(NUM_TURNS):
        rng = np.random.default_rng([seed, turn])
        turned = independent @ np.linalg.qr(rng.standard_normal((num_features, num_features)))[0].astype(np.float32)
        first, second = (
            _out_of_fold(view, given, folds, num_classes)
            for view in (turned[:, : num_features // 2], turned[:, num_features // 2 :])
        )
        agreement = (float((first == second).mean()) * num_classes - 1) / (num_classes - 1)
        beliefs.append(float(np.interp(agreement, LEAST_AGREEMENT, (0.0, 1.0))))
        views.append((first, second))
    if num_classes == 2:
        told = _rate_by_clearness(given, np.stack(views, axis=1), class_probs)
    else:
        told = ErrorRate(float(np.mean([_latent_rate(given, *pair, num_classes) for pair in views])), everyone)
    return replace(told, share=max(0.0, float(np.mean(beliefs)) * told.share))


def error_rate(given: np.ndarray, first: np.ndarray, second: np.ndarray, *, num_classes: int) -> float:
    """The share of wrong labels in `given`, were `first` and `second` to err independently of it, and of each other
    but for images that are unclear to both. All (N,) int64 in [0, K), K at least 2. Returns a number in [0, 1)."""
    if num_classes == 2:
        return _triplet_rate(given, first, second)
    return _latent_rate(given, first, second, num_classes)


def _rate_by_clearness(given: np.ndarray, views: np.ndarray, class_probs: np.ndarray) -> ErrorRate:
    """Of two classes: the mean over parts of much the same clearness but the least clear; over all where these are few.
    views: (2, T, N) int64, the classes by either view of each turn."""
    num_parts = _NUM_PARTS if len(given) >= _NUM_PARTS * _LEAST_PART else 1
    parts = np.array_split(np.argsort(class_probs.max(axis=1), kind="stable"), num_parts)
    parts = parts[1:] or parts
    shares = [_triplet_rate(given[part], *views[:, :, part]) for part in parts]
    is_told = np.isin(np.arange(len(given)), np.concatenate(parts))
    return ErrorRate(float(np.average(shares, weights=[len(part) for part in parts])), is_told)


def _triplet_rate(given: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Errors as likely in either class: 2 a - 1 of an agreement a is the product of both raters' 1 - 2 e. The views may
    be (T, N): those of several turns."""

    def advantage(left: np.ndarray, right: np.ndarray) -> float:
        return max(2 * float((left == right).mean()) - 1, 0.0)

    between = advantage(first, second)
    if not between:
        return 0.0
    of_label = np.sqrt(advantage(first, given) * advantage(second, given) / between)
    return float((1 - min(of_label, 1.0)) / 2)


def _latent_rate(given: np.ndarray, first: np.ndarray, second: np.ndarray, num_classes: int) -> float:
    """Expectation maximisation over each image's class and whether it is clear: the label errs alike in both, the
    views as it may be."""
    # Images of which all three say the same are one case.
    cases, counts = np.unique(np.stack([given, first, second]), axis=1, return_counts=True)
    identity, shares = np.eye(num_classes), np.bincount(given, minlength=num_classes) / len(given)
    # (2, K, K): each view's confusions where the image is clear, and where it is not.
    confusions = [np.stack([(1 - blur) * identity + blur * shares for blur in (0.15, 0.6)]) for _ in range(2)]
    transition = 0.9 * identity + 0.1 * shares
    prior = np.stack([0.7 * shares, 0.3 * shares])
    expected = np.zeros((len(counts), 2, num_classes))
    for _ in range(_NUM_STEPS):
        joint = prior * transition[:, cases[0]].T[:, None, :]
        for view, confusion in zip(cases[1:], confusions, strict=True):
            joint = joint * confusion[:, :, view].transpose(2, 0, 1)
        expected = counts[:, None, None] * joint / np.maximum(joint.sum(axis=(1, 2), keepdims=True), _TINY)
        prior = expected.sum(axis=0) / len(given) + 1e-6
        confusions = [
            _rows(np.stack([expected[:, part].T @ identity[view] for part in (0, 1)]) + _PRIOR * (identity + shares))
            for view in cases[1:]
        ]
        transition = _rows(expected.sum(axis=1).T @ identity[cases[0]] + _PRIOR * identity)
    return float(1 - expected.sum(axis=1)[np.arange(len(counts)), cases[0]].sum() / len(given))


def _rows(counts: np.ndarray) -> np.ndarray:
    return counts / counts.sum(axis=-1, keepdims=True)


def _uncorrelated(features: np.ndarray, class_probs: np.ndarray) -> np.ndarray:
    """(N, D) float32: rotated and scaled to a covariance of the identity within the classes."""
    sizes = np.maximum(class_probs.sum(axis=0), 1e-9)[:, None]
    means = class_probs.T @ features / sizes
    between = (means * sizes).T @ means / len(features)
    variances, directions = np.linalg.eigh(features.T @ features / len(features) - between)
    variances = np.maximum(variances, max(_SMALLEST_VARIANCE * float(variances.mean()), 1e-12))
    return ((features - features.mean(axis=0)) @ directions / np.sqrt(variances)).astype(np.float32)


def _out_of_fold(
    view: np.ndarray, given: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], num_classes: int
) -> np.ndarray:
    """(N,) int64: the class that ridge regression on the other folds gives. Of two classes each as often as the labels
    have it: a rare one would hardly ever be the likelier, and its labels would all seem wrong."""
    probs = np.zeros((len(given), num_classes), dtype=np.float32)
    targets = np.eye(num_classes, dtype=np.float32)[given]
    for fitted, held_out in folds:
        model = fit_soft_ridge(view[fitted], targets[fitted], penalty=_PENALTY)
        probs[held_out] = model.predict_probs(view[held_out])
    if num_classes > 2:
        return probs.argmax(axis=1)
    found = np.zeros(len(given), dtype=np.int64)
    found[np.argsort(-probs[:, 1], kind="stable")[: int(given.sum())]] = 1
    return found
