"""What the labels of one picture tell of each other: those of images that show the same, or of several readers.

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
import pandas as pd

from overread.detection.noise_transition import (
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
LEAST_EVIDENCE = 1.0
"""Nats by which the labels together must speak against more copying: a single picture tells its own likelihood to no
more than a standard error, however many labels there are beside it."""
_NUM_STEPS = 8
"""Of expectation maximisation, at each sharpness but the first."""
_NUM_FURTHER_STEPS = 4
"""At each sharpness of a further copying, from where the one before it ended."""
_SMALLEST = 1e-9


@dataclass(frozen=True)
class PictureLabels:
    """The labels that are not their picture's only one, one picture after the other; arrays (M,)."""

    members: np.ndarray
    """int64: indices of the labels, of L."""
    places: np.ndarray
    """int64: the picture of each, from 0."""
    labels: np.ndarray
    """int64."""
    num_before: np.ndarray
    """int64: how many of its picture's labels stand before it."""
    num_alike: np.ndarray
    """int64: how many of these are like it."""
    weights: np.ndarray
    """float64: of each image in what its picture shows, 1, divided among the image's labels."""

    @classmethod
    def of(cls, labels: np.ndarray, pictures: np.ndarray, images: np.ndarray | None = None) -> "PictureLabels":
        """labels: (L,) int64; pictures: (L,) int64, equal for those of the same picture, -1 for one alone; images: (L,)
        int64, equal for those of the same image, of which all are in one picture; None: each is another image's."""
        names, counts = np.unique(pictures[pictures >= 0], return_counts=True)
        members = np.argsort(pictures, kind="stable")
        members = members[np.isin(pictures[members], names[counts > 1])]
        places = np.unique(pictures[members], return_inverse=True)[1]
        images = members if images is None else images[members]
        _, image_places, num_labels = np.unique(images, return_inverse=True, return_counts=True)
        known = labels[members]
        return cls(
            members,
            places,
            known,
            num_before=_ranks(places),
            num_alike=_ranks(places * (labels.max(initial=0) + 1) + known),
            weights=1 / num_labels[image_places],
        )

    def shown(self, class_probs: np.ndarray) -> np.ndarray:
        """(P, K): what each picture shows, rows sum to 1; the geometric mean of what its images do, for their evidence
        is the same evidence. class_probs: (M, K), rows sum to 1, of each label's image."""
        logs = self.sums(self.weights[:, None] * np.log(class_probs + _SMALLEST)) / self.sums(self.weights)[:, None]
        return np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(P, ...): the sums of values (M, ...) over each picture."""
        return np.add.reduceat(values, np.flatnonzero(self.num_before == 0))

    def drawn(self, label_probs: np.ndarray, copying: float) -> tuple[np.ndarray, np.ndarray]:
        """The probability of each label given those before it, for each class of its picture, and how probably it is a
        new one: (M, K) each. label_probs: (M, K), those of a new one."""
        new, copied = (1 - copying) * label_probs, copying * self.num_alike[:, None]
        either = np.maximum(new + copied, _SMALLEST)
        return either / (1 - copying + copying * self.num_before)[:, None], new / either


@dataclass(frozen=True)
class PictureNoise:
    """How the labels came about."""

    noise: NoiseModel
    copying: float
    """In [0, 1): how probably a picture's second label is a copy of its first."""

    def posterior(self, probs: np.ndarray, labels: np.ndarray, pictures: PictureLabels) -> np.ndarray:
        """The probability of each class given the image, its label and the other labels of the same picture: (L, K)
        float64, rows sum to 1.

        The labels of a picture share one true class, unless they are of several images and speak against that more than
        `SAME_CLASS` for it. probs: (L, K), rows sum to 1, as the noise model was fitted to; labels: (L,) int64.
        """
        posterior = self.noise.posterior(probs, labels)
        members = pictures.members
        true, redrawn = self.noise.unblurred(pictures.shown(self.noise.class_probs(probs[members])))
        label_probs = self.noise.label_probs(redrawn[pictures.places], pictures.labels)
        log_apart = self.noise.log_probs(probs[members], pictures.labels)
        found = _together(pictures, true, label_probs, log_apart, self.copying)
        share = found.share[pictures.places, None]
        posterior[members] = share * found.posterior[pictures.places] + (1 - share) * posterior[members]
        return posterior


def fit_picture_noise(
    probs: np.ndarray, labels: np.ndarray, pictures: PictureLabels, *, num_errors: float = 1.0
) -> PictureNoise:
    """The noise model, without blur, and the copying that all the labels speak for.

    As `fit_noise_model` does, of all that are as likely as the likeliest, to so many standard errors or to
    LEAST_EVIDENCE, it takes the most copying, under which agreement says least, and of its models the sharpest. probs:
    (L, K) float, rows sum to 1, from models that never saw the labels; labels: (L,) int64.
    """
    fits: list[list[_Fit]] = []
    for copying in COPYING:
        fits.append(_fit_each_sharpness(probs, labels, pictures, copying, fits[-1] if fits else None))
    best_of_each = [_likeliest(of_copying) for of_copying in fits]
    best = _likeliest(best_of_each)
    of_copying, best_of_it = next(
        (of_copying, fit)
        for of_copying, fit in zip(fits, best_of_each, strict=True)
        if (best.log_probs - fit.log_probs).sum() <= LEAST_EVIDENCE
        or is_as_likely(fit.log_probs, best.log_probs, num_errors=num_errors)
    )
    found = next(
        fit.model for fit in of_copying if is_as_likely(fit.log_probs, best_of_it.log_probs, num_errors=num_errors)
    )
    class_counts = found.posterior(probs, labels, pictures).sum(axis=0)
    return replace(found, noise=replace(found.noise, transition=drawn_together(found.noise.transition, class_counts)))


@dataclass(frozen=True)
class _Fit:
    model: PictureNoise
    log_probs: np.ndarray
    """Of each label alone, and of each picture's labels."""


def _likeliest(fits: list[_Fit]) -> _Fit:
    return max(fits, key=lambda fit: fit.log_probs.mean())


@dataclass(frozen=True)
class _Together:
    """What a picture's labels say of its class."""

    posterior: np.ndarray
    """(P, K), rows sum to 1, if it has one."""
    share: np.ndarray
    """(P,): how probably it has."""
    log_probs: np.ndarray
    """(P,): of its labels."""
    is_new: np.ndarray
    """(M, K): how probably a label is a new one, for each class."""


def _together(
    pictures: PictureLabels, true: np.ndarray, label_probs: np.ndarray, log_apart: np.ndarray, copying: float
) -> _Together:
    """true: (P, K), each picture's class as it shows; label_probs: (M, K), of a new label; log_apart: (M,), log
    probability of each label were its image of a class of its own."""
    drawn, is_new = pictures.drawn(label_probs, copying)
    joint = np.log(true + _SMALLEST) + pictures.sums(np.log(np.maximum(drawn, _SMALLEST)))
    totals = np.logaddexp.reduce(joint, axis=1)
    is_one_image = pictures.sums(pictures.weights) < 1.5
    log_together = np.where(is_one_image, 0.0, np.log(SAME_CLASS)) + totals
    log_else = np.where(is_one_image, -np.inf, np.log(1 - SAME_CLASS) + pictures.sums(log_apart))
    log_probs = np.logaddexp(log_together, log_else)
    return _Together(np.exp(joint - totals[:, None]), np.exp(log_together - log_probs), log_probs, is_new)


def _fit_each_sharpness(
    probs: np.ndarray, labels: np.ndarray, pictures: PictureLabels, copying: float, before: list[_Fit] | None
) -> list[_Fit]:
    """From the sharpest down, with the likeliest transition of each, by expectation maximisation. before: the fits of
    the copying before this, to begin from."""
    transition = first_transition(probs.shape[1])
    is_alone = np.ones(len(labels), dtype=bool)
    is_alone[pictures.members] = False
    fits = []
    for number, sharpness in enumerate(SHARPNESS):
        num_steps = _NUM_STEPS if number else NUM_FIRST_STEPS
        if before:
            transition, num_steps = before[number].model.noise.transition, _NUM_FURTHER_STEPS
        noise = NoiseModel(float(sharpness), transition)
        seen = _Seen.by(noise, probs, labels, pictures, is_alone)
        for _ in range(num_steps):
            transition = likeliest_transition(seen.counts(transition, copying)[0])
        model = PictureNoise(replace(noise, transition=transition), copying)
        fits.append(_Fit(model, seen.counts(transition, copying)[1]))
    return fits


@dataclass(frozen=True)
class _Seen:
    """What the images show at one sharpness."""

    alone: list[np.ndarray]
    """Those of labels alone, as `by_label` has them."""
    pictures: PictureLabels
    of_members: np.ndarray
    """(M, K)."""
    of_pictures: np.ndarray
    """(P, K)."""

    @classmethod
    def by(
        cls, noise: NoiseModel, probs: np.ndarray, labels: np.ndarray, pictures: PictureLabels, is_alone: np.ndarray
    ) -> "_Seen":
        of_members = noise.class_probs(probs[pictures.members])
        alone = by_label(noise.class_probs(probs[is_alone]), labels[is_alone])
        return cls(alone, pictures, of_members, pictures.shown(of_members))

    def counts(self, transition: np.ndarray, copying: float) -> tuple[np.ndarray, np.ndarray]:
        """How often each class is expected to have had each label newly drawn, (K, K), and the log probabilities,
        (S + P,), of the labels alone and of each picture's."""
        counts, totals = explained(self.alone, transition)
        labels, places = self.pictures.labels, self.pictures.places
        label_probs = transition[:, labels].T
        by_itself = self.of_members * label_probs
        of_label = np.maximum(by_itself.sum(axis=1), _SMALLEST)
        found = _together(self.pictures, self.of_pictures, label_probs, np.log(of_label), copying)
        share = found.share[places, None]
        expected = share * found.posterior[places] * found.is_new + (1 - share) * by_itself / of_label[:, None]
        counts += expected.T @ np.eye(len(transition))[labels]
        return counts, np.concatenate([np.log(totals), found.log_probs])


def _ranks(keys: np.ndarray) -> np.ndarray:
    """(M,): how many equal keys stand before each."""
    return pd.Series(keys).groupby(keys).cumcount().to_numpy()
