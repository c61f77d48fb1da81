"""Artificial label noise for experiments: symmetric, pair, instance-dependent and boundary noise.

Pure functions: labels (N,) int64 in [0, K) go in with a Generator, and noisy labels of the same kind come out.
"""

import numpy as np

from overread.errors import ConfigError

NOISES = ("symmetric", "pair", "idn", "boundary")
_NUM_FOLDS = 5
_NUM_COMPONENTS = 50


def add_noise(
    labels: np.ndarray, num_classes: int, noise: str, rate: float, rng: np.random.Generator, pixels: np.ndarray | None
) -> np.ndarray:
    """Noise of the kind that `noise` names, one of NOISES.

    pixels: (N, D), small images as rows, which only idn and boundary look at.
    Raises ConfigError if the kind is unknown or the rate is not between 0 and 1.
    """
    if noise not in NOISES:
        raise ConfigError(f"--noise {noise}: unknown value; choose from {', '.join(NOISES)}")
    if not 0 < rate < 1:
        raise ConfigError(f"--rate {rate}: give a number between 0 and 1")
    if noise == "symmetric":
        return symmetric(labels, num_classes, rate, rng)
    if noise == "pair":
        return pair(labels, num_classes, rate, rng)
    if pixels is None:
        raise ValueError(f"{noise}: needs the pixels")
    if noise == "idn":
        return instance_dependent(labels, num_classes, rate, rng, pixels)
    return boundary(labels, rate, rng, reference_probs(pixels, labels, num_classes, rng))


def symmetric(labels: np.ndarray, num_classes: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Each label flips with probability `rate`, to any other class alike."""
    shifts = rng.integers(1, num_classes, size=len(labels))
    return np.where(rng.random(len(labels)) < rate, (labels + shifts) % num_classes, labels)


def pair(labels: np.ndarray, num_classes: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Each label flips with probability `rate`, to the next class; the last one's next is the first."""
    return np.where(rng.random(len(labels)) < rate, (labels + 1) % num_classes, labels)


def instance_dependent(
    labels: np.ndarray, num_classes: int, rate: float, rng: np.random.Generator, pixels: np.ndarray
) -> np.ndarray:
    """Each sample has a flip rate of its own, and its image decides which class the flip leads to.

    With two classes one target is left, and this is symmetric noise with a random rate.
    pixels: (N, D) numbers on any scale.
    Source: Xia et al. 2020, "Part-dependent Label Noise", algorithm 2 of its appendix: flip rates from a normal
    of mean `rate` and standard deviation 0.1 truncated to [0, 1]; a random projection (D, K) per class.
    """
    rates = truncated_normal(rate, 0.1, len(labels), rng)
    # Standardised by feature, or what all images of a set have in common would decide for all of them.
    features = pixels - pixels.mean(axis=0)
    features /= np.maximum(features.std(axis=0), 1e-6)
    noisy = labels.copy()
    for label in range(num_classes):
        index = np.flatnonzero(labels == label)
        logits = features[index] @ rng.standard_normal((features.shape[1], num_classes))
        logits[:, label] = -np.inf
        probs = np.exp(logits - logits.max(axis=1, keepdims=True))
        probs *= (rates[index] / probs.sum(axis=1))[:, None]
        probs[:, label] = 1 - rates[index]
        noisy[index] = _drawn(probs, rng)
    return noisy


def boundary(labels: np.ndarray, rate: float, rng: np.random.Generator, probs: np.ndarray) -> np.ndarray:
    """Labels flip where a reference model is unsure, to the class that it holds for likeliest but for their own.

    The flip probability is the uncertainty (1 − the margin between the two likeliest classes) times a number
    that makes its mean `rate`, and at most 1.
    probs: (N, K), rows sum to 1, from a model that never saw the row's label.
    """
    highest = np.sort(probs, axis=1)
    flip_probs = scaled_to_mean(1 - (highest[:, -1] - highest[:, -2]), rate)
    others = probs.copy()
    others[np.arange(len(labels)), labels] = -1
    return np.where(rng.random(len(labels)) < flip_probs, others.argmax(axis=1), labels)


def reference_probs(pixels: np.ndarray, labels: np.ndarray, num_classes: int, rng: np.random.Generator) -> np.ndarray:
    """(N, K) probabilities of an out-of-fold logistic regression on the principal components of `pixels` (N, D)."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seed = int(rng.integers(2**31))
    probs = np.zeros((len(labels), num_classes))
    folds = KFold(min(_NUM_FOLDS, len(labels)), shuffle=True, random_state=seed)
    for train, held_out in folds.split(pixels):
        present = np.unique(labels[train])
        if len(present) == 1:
            probs[held_out, present[0]] = 1
            continue
        num_components = min(_NUM_COMPONENTS, *pixels[train].shape)
        model = make_pipeline(
            PCA(num_components, random_state=seed),
            StandardScaler(),
            LogisticRegression(max_iter=2000),
        )
        model.fit(pixels[train], labels[train])
        probs[np.ix_(held_out, present)] = model.predict_proba(pixels[held_out])
    return probs


def truncated_normal(mean: float, deviation: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """(size,) draws of a normal, those outside [0, 1] drawn again."""
    draws = rng.normal(mean, deviation, size)
    while (is_outside := (draws < 0) | (draws > 1)).any():
        draws[is_outside] = rng.normal(mean, deviation, is_outside.sum())
    return draws


def scaled_to_mean(values: np.ndarray, mean: float) -> np.ndarray:
    """`values` (N,) ≥ 0 times the one number for which they, cut off at 1, have this mean (in (0, 1))."""
    values = np.maximum(values, 1e-9)
    low, high = 0.0, 1 / values.min()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(middle * values, 1).mean() < mean else (low, middle)
    return np.minimum(high * values, 1)


def _drawn(probs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A class for each row of probs (N, K)."""
    totals = probs.cumsum(axis=1)
    return (totals <= rng.random((len(probs), 1)) * totals[:, -1:]).sum(axis=1)
