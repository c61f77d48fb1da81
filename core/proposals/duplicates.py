"""What images that show the same picture tell of each other's labels.

Where these differ, one at least is wrong: that shows how many labels are, as no label by itself can. What it says if
they agree depends on how they came about: each image read by itself, or a label copied with the image, error and all.
So a picture's labels are taken as drawn from an urn, one after the other: each is a new one, which the noise model
draws from the picture's class, or a copy of one before it. How often labels are copied is fitted together with the
noise model.
Source: Mosimann 1962, "On the compound multinomial distribution, the multivariate beta-distribution, and correlations
among proportions" (the distribution of such draws).
"""

from dataclasses import dataclass, replace

import numpy as np

from core.proposals.noise_model import (
    NUM_FIRST_STEPS,
    SHARPNESS,
    NoiseModel,
    by_label,
    drawn_together,
    explained,
    first_transition,
    is_as_likely,
    likeliest_transition,
)

SAME_CLASS = 0.98
"""How probable it is beforehand that images found to show the same picture are of one class: two may share no more
than a part, or have been linked by way of a third."""
COPYING = (0.99, 0.9, 0.5, 0.2, 0.1, 0.05, 0.0)
"""To choose from: how probably a picture's second label is a copy of its first, the most cautious first."""
_NUM_STEPS = 8
"""Of expectation maximisation, at each sharpness but the first."""
_SMALLEST = 1e-9


@dataclass(frozen=True)
class PictureLabels:
    """The labels that are not their picture's only one, one picture after the other; arrays (M,) int64."""

    members: np.ndarray
    """Indices of the labels, of N."""
    places: np.ndarray
    """The picture of each, from 0."""
    labels: np.ndarray
    num_before: np.ndarray
    """How many of its picture's members stand before it."""
    num_alike: np.ndarray
    """How many of these have its label."""

    @classmethod
    def of(cls, given: np.ndarray, pictures: np.ndarray) -> "PictureLabels":
        """given: (N,) int64, labels; pictures: (N,) int64, equal for those of the same picture, -1 for one alone."""
        names, counts = np.unique(pictures[pictures >= 0], return_counts=True)
        members = np.argsort(pictures, kind="stable")
        members = members[np.isin(pictures[members], names[counts > 1])]
        places = np.unique(pictures[members], return_inverse=True)[1]
        labels = given[members]
        return cls(members, places, labels, _ranks(places), _ranks(places * (given.max(initial=0) + 1) + labels))

    def shown(self, class_probs: np.ndarray) -> np.ndarray:
        """(P, K): what each picture shows, rows sum to 1; the geometric mean of what its images do, for their evidence
        is the same evidence. class_probs: (M, K), of the members."""
        logs = self.sums(np.log(class_probs + _SMALLEST)) / np.bincount(self.places)[:, None]
        return np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(P, ...): the sums of values (M, ...) over each picture."""
        return np.add.reduceat(values, np.flatnonzero(self.num_before == 0))

    def drawn(self, label_probs: np.ndarray, copying: float) -> np.ndarray:
        """(M, K): the probability of each label given those before it, for each class of its picture.

        label_probs: (M, K), those of a new one.
        """
        new, copied = (1 - copying) * label_probs, copying * self.num_alike[:, None]
        return (new + copied) / (1 - copying + copying * self.num_before)[:, None]


@dataclass(frozen=True)
class PictureNoise:
    """How the labels came about."""

    noise: NoiseModel
    copying: float
    """In [0, 1): how probably a picture's second label is a copy of its first."""

    def posterior(self, probs: np.ndarray, given: np.ndarray, pictures: PictureLabels) -> np.ndarray:
        """The probability of each class given the image, its label and the labels of the same picture: (N, K) float64,
        rows sum to 1.

        Samples of one picture share one true class, unless their labels speak against that more than `SAME_CLASS` for
        it. probs: (N, K), rows sum to 1, as the noise model was fitted to; given: (N,) int64.
        """
        posterior = self.noise.posterior(probs, given)
        members = pictures.members
        true, redrawn = self.noise.unblurred(pictures.shown(self.noise.class_probs(probs[members])))
        label_probs = self.noise.label_probs(redrawn[pictures.places], pictures.labels)
        apart = pictures.sums(self.noise.log_probs(probs[members], pictures.labels))
        found = _together(pictures, true, label_probs, apart, self.copying)
        share = found.share[pictures.places, None]
        posterior[members] = share * found.posterior[pictures.places] + (1 - share) * posterior[members]
        return posterior


def fit_picture_noise(
    probs: np.ndarray, given: np.ndarray, pictures: PictureLabels, *, num_errors: float = 1.0
) -> PictureNoise:
    """The noise model, without blur, and the copying that all the labels speak for.

    As `fit_noise_model` does, of all that are as likely as the likeliest, to so many standard errors, it takes the most
    copying, under which agreement says least, and of its models the sharpest. probs: (N, K) float, rows sum to 1, from
    models that never saw the sample's label; given: (N,) int64.
    """
    fits = [_fit_each_sharpness(probs, given, pictures, copying) for copying in COPYING]
    best_fits = [max(of_copying, key=lambda fit: fit.log_probs.mean()) for of_copying in fits]
    best = max(best_fits, key=lambda fit: fit.log_probs.mean()).log_probs
    number = next(i for i, fit in enumerate(best_fits) if is_as_likely(fit.log_probs, best, num_errors=num_errors))
    best = best_fits[number].log_probs
    noise = next(fit.noise for fit in fits[number] if is_as_likely(fit.log_probs, best, num_errors=num_errors))
    class_counts = PictureNoise(noise, COPYING[number]).posterior(probs, given, pictures).sum(axis=0)
    return PictureNoise(replace(noise, transition=drawn_together(noise.transition, class_counts)), COPYING[number])


def conflict_score(given: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """1 - the share of a picture's labels that are like the sample's own: (N,) float32 in [0, 1), higher is more likely
    wrong; 0 where all agree, or the sample is alone.

    given, pictures: as `PictureLabels.of` takes them.
    """
    scores = np.zeros(len(given), dtype=np.float32)
    shared = PictureLabels.of(given, pictures)
    votes = shared.sums(np.eye(given.max(initial=0) + 1)[shared.labels])[shared.places]
    scores[shared.members] = 1 - votes[np.arange(len(votes)), shared.labels] / votes.sum(axis=1)
    return scores


@dataclass(frozen=True)
class _Fit:
    noise: NoiseModel
    log_probs: np.ndarray
    """Of each label alone, and of each picture's labels."""


@dataclass(frozen=True)
class _Together:
    """What a picture's labels say of its class."""

    posterior: np.ndarray
    """(P, K), rows sum to 1, if it has one."""
    share: np.ndarray
    """(P,): how probably it has."""
    log_probs: np.ndarray
    """(P,): of its labels."""


def _together(
    pictures: PictureLabels, true: np.ndarray, label_probs: np.ndarray, apart: np.ndarray, copying: float
) -> _Together:
    """true: (P, K), each picture's class as it shows; label_probs: (M, K), of a new label; apart: (P,), log probability
    of the labels were the images of classes of their own."""
    drawn = pictures.drawn(label_probs, copying)
    joint = np.log(true + _SMALLEST) + pictures.sums(np.log(np.maximum(drawn, _SMALLEST)))
    totals = np.logaddexp.reduce(joint, axis=1)
    log_together, log_apart = np.log(SAME_CLASS) + totals, np.log(1 - SAME_CLASS) + apart
    log_probs = np.logaddexp(log_together, log_apart)
    return _Together(np.exp(joint - totals[:, None]), np.exp(log_together - log_probs), log_probs)


def _fit_each_sharpness(probs: np.ndarray, given: np.ndarray, pictures: PictureLabels, copying: float) -> list[_Fit]:
    """From the sharpest down, with the likeliest transition of each, by expectation maximisation."""
    transition = first_transition(probs.shape[1])
    is_alone = np.ones(len(given), dtype=bool)
    is_alone[pictures.members] = False
    fits = []
    for number, sharpness in enumerate(SHARPNESS):
        noise = NoiseModel(float(sharpness), transition)
        alone = by_label(noise.class_probs(probs[is_alone]), given[is_alone])
        of_members = noise.class_probs(probs[pictures.members])
        shown = pictures.shown(of_members)
        for _ in range(_NUM_STEPS if number else NUM_FIRST_STEPS):
            transition = likeliest_transition(_counts(alone, of_members, shown, pictures, transition, copying)[0])
        _, log_probs = _counts(alone, of_members, shown, pictures, transition, copying)
        fits.append(_Fit(replace(noise, transition=transition), log_probs))
    return fits


def _counts(
    alone: list[np.ndarray],
    of_members: np.ndarray,
    shown: np.ndarray,
    pictures: PictureLabels,
    transition: np.ndarray,
    copying: float,
) -> tuple[np.ndarray, np.ndarray]:
    """How often each class is expected to have had each label newly drawn, (K, K), and the log probabilities, (S + P,),
    of the labels alone and of each picture's."""
    counts, totals = explained(alone, transition)
    label_probs = transition[:, pictures.labels].T
    by_itself = of_members * label_probs
    of_label = np.maximum(by_itself.sum(axis=1), _SMALLEST)
    found = _together(pictures, shown, label_probs, pictures.sums(np.log(of_label)), copying)
    new = (1 - copying) * label_probs
    new /= np.maximum(new + copying * pictures.num_alike[:, None], _SMALLEST)
    share = found.share[pictures.places, None]
    expected = share * found.posterior[pictures.places] * new + (1 - share) * by_itself / of_label[:, None]
    np.add.at(counts.T, pictures.labels, expected)
    return counts, np.concatenate([np.log(totals), found.log_probs])


def _ranks(keys: np.ndarray) -> np.ndarray:
    """(M,): how many equal keys stand before each."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.arange(len(keys)) - np.searchsorted(ordered, ordered)
    return ranks
