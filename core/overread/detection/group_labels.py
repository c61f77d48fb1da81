"""What several labels of the same thing say about each other: those of near-duplicate images, or of several raters.

If the labels of a group differ, at least one is wrong, which shows how many labels are wrong as no single label can.
What agreement says depends on how the labels arose: each image annotated by itself, or a label copied along with the
image, error and all. The labels of a group are therefore modelled as successive draws from a Pólya urn: each is a new
draw, which the noise model makes from the group's class, or a copy of an earlier one. The probability of copying is
fitted together with the noise model.
Source: Mosimann 1962, "On the compound multinomial distribution, the multivariate beta-distribution, and correlations
among proportions" (the distribution of such draws).
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from overread.detection.noise_transition import (
    NUM_FIRST_STEPS,
    NoiseModel,
    estimate_transition,
    expected_counts,
    initial_transition,
    inverse_temperatures,
    is_as_likely,
    shrink_to_overall_rate,
    split_by_label,
)
from overread.detection_settings import DetectionSettings, NoiseSettings

_NUM_STEPS = 8
"""Steps of expectation maximisation at each temperature but the first."""
_NUM_FURTHER_STEPS = 4
"""The same for each further probability of copying, starting from the fit for the one before."""
_MIN_PROB = 1e-9


@dataclass(frozen=True)
class GroupLabels:
    """All labels of groups that have more than one, group by group; arrays (M,)."""

    members: np.ndarray
    """int64: indices into the L labels."""
    places: np.ndarray
    """int64: the group of each, numbered from 0."""
    labels: np.ndarray
    """int64."""
    num_before: np.ndarray
    """int64: how many labels of the group come before it."""
    num_same_before: np.ndarray
    """int64: how many of those are equal to it."""
    weights: np.ndarray
    """float64: weight of each label's image in the group's class probabilities: 1, divided among the image's labels."""

    @classmethod
    def of(cls, labels: np.ndarray, groups: np.ndarray, images: np.ndarray | None = None) -> "GroupLabels":
        """labels: (L,) int64; groups: (L,) int64, equal for labels of near-duplicates, -1 for one without any; images:
        (L,) int64, equal for labels of the same image, which all belong to one group. None: one label per image."""
        names, counts = np.unique(groups[groups >= 0], return_counts=True)
        members = np.argsort(groups, kind="stable")
        members = members[np.isin(groups[members], names[counts > 1])]
        places = np.unique(groups[members], return_inverse=True)[1]
        images = members if images is None else images[members]
        _, image_places, num_labels = np.unique(images, return_inverse=True, return_counts=True)
        known = labels[members]
        return cls(
            members,
            places,
            known,
            num_before=_num_equal_before(places),
            num_same_before=_num_equal_before(places * (labels.max(initial=0) + 1) + known),
            weights=1 / num_labels[image_places],
        )

    def group_probs(self, class_probs: np.ndarray) -> np.ndarray:
        """(G, K): class probabilities of each group, rows sum to 1: the geometric mean over its images, because near-
        duplicates are no independent evidence. class_probs: (M, K), rows sum to 1, of each label's image."""
        logs = self.sums(self.weights[:, None] * np.log(class_probs + _MIN_PROB)) / self.sums(self.weights)[:, None]
        return np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(G, ...): values (M, ...) summed over each group."""
        return np.add.reduceat(values, np.flatnonzero(self.num_before == 0))

    def urn_probs(self, label_probs: np.ndarray, copy_prob: float) -> tuple[np.ndarray, np.ndarray]:
        """The probability of each label given those before it, and the probability that it is a new draw; (M, K) each,
        for each class of the group. label_probs: (M, K), the probability of each label as a new draw."""
        new, copied = (1 - copy_prob) * label_probs, copy_prob * self.num_same_before[:, None]
        either = np.maximum(new + copied, _MIN_PROB)
        return either / (1 - copy_prob + copy_prob * self.num_before)[:, None], new / either


@dataclass(frozen=True)
class GroupNoise:
    """A noise model of labels in groups."""

    noise: NoiseModel
    copy_prob: float
    """In [0, 1): the probability that a group's second label is a copy of its first."""
    same_class_prob: float
    """In (0, 1): the prior probability that the images of a group have the same class."""

    def posterior(self, probs: np.ndarray, labels: np.ndarray, groups: GroupLabels) -> np.ndarray:
        """(L, K) float64, rows sum to 1: the probability of each class given the image, its label and the other labels
        of its group.

        The labels of a group share one true class, unless they belong to several images and contradict that more than
        `same_class_prob` supports it. probs: (L, K), rows sum to 1, as for the noise model; labels: (L,) int64.
        """
        return self.noise.averaged(lambda noise: replace(self, noise=noise)._posterior(probs, labels, groups))

    def _posterior(self, probs: np.ndarray, labels: np.ndarray, groups: GroupLabels) -> np.ndarray:
        posterior = self.noise.posterior(probs, labels)
        members = groups.members
        true, redrawn = self.noise.separate_instance_noise(groups.group_probs(self.noise.class_probs(probs[members])))
        label_probs = self.noise.label_probs(redrawn[groups.places], groups.labels)
        log_apart = self.noise.log_probs(probs[members], groups.labels)
        found = _group_posterior(groups, true, label_probs, log_apart, self)
        share = found.same_class_prob[groups.places, None]
        posterior[members] = share * found.posterior[groups.places] + (1 - share) * posterior[members]
        return posterior


def fit_group_noise(
    probs: np.ndarray,
    labels: np.ndarray,
    groups: GroupLabels,
    settings: DetectionSettings,
    *,
    offsets: np.ndarray | float = 0.0,
) -> GroupNoise:
    """Noise model, without instance-dependent noise, and probability of copying, fitted to all labels together.

    As in `fit_noise_model`, the candidates are those that are as likely as the best within so many standard errors
    (`noise.final_num_standard_errors`), or within `duplicates.min_evidence_nats`: for a single group the standard error
    says nothing, however many other labels there are. Of these it takes the highest probability of copying, with which
    agreement says least, and then the lowest temperature. probs: (L, K) float, rows sum to 1, from models that were not
    fitted on the labels; labels: (L,) int64; offsets: those of the noise model.
    """
    duplicates, num_standard_errors = settings.duplicates, settings.noise.scoring_tolerance(len(labels))
    evidence = _evidence_by_temperature(probs, labels, groups, settings.noise, offsets)
    fits: list[list[_Fit]] = []
    for copy_prob in duplicates.copy_probs:
        start = GroupNoise(evidence[0].noise, copy_prob, duplicates.same_class_prob)
        fits.append(_fit_each_temperature(evidence, start, settings.noise, fits[-1] if fits else None))
    best_of_each = [_likeliest(of_one) for of_one in fits]
    best = _likeliest(best_of_each)
    of_copying, best_of_it = next(
        (of_copying, fit)
        for of_copying, fit in zip(fits, best_of_each, strict=True)
        if (best.log_probs - fit.log_probs).sum() <= duplicates.min_evidence_nats
        or is_as_likely(fit.log_probs, best.log_probs, num_standard_errors=num_standard_errors)
    )
    found = next(
        fit.model
        for fit in of_copying
        if is_as_likely(fit.log_probs, best_of_it.log_probs, num_standard_errors=num_standard_errors)
    )
    class_counts = found.posterior(probs, labels, groups).sum(axis=0)
    transition = shrink_to_overall_rate(found.noise.transition, class_counts, num_samples=settings.noise.shrinkage)
    return replace(found, noise=replace(found.noise, transition=transition))


@dataclass(frozen=True)
class _Fit:
    model: GroupNoise
    log_probs: np.ndarray
    """Of each label outside of groups, and of each group's labels."""


def _likeliest(fits: list[_Fit]) -> _Fit:
    return max(fits, key=lambda fit: fit.log_probs.mean())


@dataclass(frozen=True)
class _GroupPosterior:
    """What the labels of each group say about its class."""

    posterior: np.ndarray
    """(G, K), rows sum to 1, given that all its images have the same class."""
    same_class_prob: np.ndarray
    """(G,): the probability of that."""
    log_probs: np.ndarray
    """(G,): of all its labels."""
    is_new: np.ndarray
    """(M, K): the probability that a label is a new draw, for each class."""


def _group_posterior(
    groups: GroupLabels, true: np.ndarray, label_probs: np.ndarray, log_apart: np.ndarray, model: GroupNoise
) -> _GroupPosterior:
    """true: (G, K), class probabilities of each group; label_probs: (M, K), of a new draw; log_apart: (M,), the log
    probability of each label if its image had a class of its own."""
    urn_probs, is_new = groups.urn_probs(label_probs, model.copy_prob)
    joint = np.log(true + _MIN_PROB) + groups.sums(np.log(np.maximum(urn_probs, _MIN_PROB)))
    totals = np.logaddexp.reduce(joint, axis=1)
    is_one_image = groups.sums(groups.weights) < 1.5
    log_together = np.where(is_one_image, 0.0, np.log(model.same_class_prob)) + totals
    log_else = np.where(is_one_image, -np.inf, np.log(1 - model.same_class_prob) + groups.sums(log_apart))
    log_probs = np.logaddexp(log_together, log_else)
    return _GroupPosterior(np.exp(joint - totals[:, None]), np.exp(log_together - log_probs), log_probs, is_new)


@dataclass(frozen=True)
class _ImageEvidence:
    """Class probabilities from the images at one temperature."""

    noise: NoiseModel
    """Of that temperature, with the initial transition matrix."""
    alone: list[np.ndarray]
    """Of labels outside of groups, from `split_by_label`."""
    groups: GroupLabels
    of_members: np.ndarray
    """(M, K)."""
    of_groups: np.ndarray
    """(G, K)."""

    def expected_counts(self, transition: np.ndarray, model: GroupNoise) -> tuple[np.ndarray, np.ndarray]:
        """The expected number of new draws by class and label, (K, K), and the log probabilities, (S + G,), of the
        labels outside of groups and of each group's labels. model: its noise is not looked at."""
        counts, totals = expected_counts(self.alone, transition)
        labels, places = self.groups.labels, self.groups.places
        label_probs = transition[:, labels].T
        by_itself = self.of_members * label_probs
        of_label = np.maximum(by_itself.sum(axis=1), _MIN_PROB)
        found = _group_posterior(self.groups, self.of_groups, label_probs, np.log(of_label), model)
        share = found.same_class_prob[places, None]
        expected = share * found.posterior[places] * found.is_new + (1 - share) * by_itself / of_label[:, None]
        counts += expected.T @ np.eye(len(transition))[labels]
        return counts, np.concatenate([np.log(totals), found.log_probs])


def _evidence_by_temperature(
    probs: np.ndarray, labels: np.ndarray, groups: GroupLabels, settings: NoiseSettings, offsets: np.ndarray | float
) -> list[_ImageEvidence]:
    """From the lowest temperature up."""
    transition = initial_transition(probs.shape[1])
    is_alone = np.ones(len(labels), dtype=bool)
    is_alone[groups.members] = False
    evidence = []
    for inverse_temperature in inverse_temperatures(settings):
        noise = NoiseModel(float(inverse_temperature), transition, offsets=offsets)
        of_members = noise.class_probs(probs[groups.members])
        alone = split_by_label(noise.class_probs(probs[is_alone]), labels[is_alone])
        evidence.append(_ImageEvidence(noise, alone, groups, of_members, groups.group_probs(of_members)))
    return evidence


def _fit_each_temperature(
    evidence: list[_ImageEvidence], start: GroupNoise, settings: NoiseSettings, before: list[_Fit] | None
) -> list[_Fit]:
    """The most likely transition matrix at each temperature by expectation maximisation. before: the fits for the
    previous probability of copying, to start from."""
    transition = start.noise.transition
    fits = []
    for number, one in enumerate(evidence):
        num_steps = _NUM_STEPS if number else NUM_FIRST_STEPS
        if before:
            transition, num_steps = before[number].model.noise.transition, _NUM_FURTHER_STEPS
        for _ in range(num_steps):
            transition = estimate_transition(one.expected_counts(transition, start)[0], settings)
        model = replace(start, noise=replace(one.noise, transition=transition))
        fits.append(_Fit(model, one.expected_counts(transition, start)[1]))
    return fits


def _num_equal_before(keys: np.ndarray) -> np.ndarray:
    """(M,): how many equal keys come before each."""
    return pd.Series(keys).groupby(keys).cumcount().to_numpy()
