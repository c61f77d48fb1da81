"""How the `overread` preset scores every label: self-training, all scores, and one label-error probability."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from overread.detection.calibration import recalibrated
from overread.detection.chance import is_better_than_chance
from overread.detection.cross_fitted_consensus import CLASSIFIERS, STAGES, CrossFittedConsensus
from overread.detection.dawid_skene import dawid_skene
from overread.detection.detection_data import DetectionData
from overread.detection.error_range import ErrorRange
from overread.detection.group_labels import GroupLabels
from overread.detection.iteration import Iteration, combine_with_networks, label_log_probs
from overread.detection.label_quality import (
    conflict_score,
    margin_score,
    self_confidence_score,
    weighted_entropy_score,
)
from overread.detection.linked_groups import ALONE, linked_groups
from overread.detection.neighbours import neighbour_vote
from overread.detection.noise_matching import fit_judging_noise, fit_matched_group_noise
from overread.detection.noise_transition import NoiseModel
from overread.detection.plausible_models import likelier, plausible_models
from overread.detection.principal_components import principal_components
from overread.detection.proposal_set import proposable, proposal_set
from overread.detection.self_training import SelfTraining, self_train
from overread.detection.standard_errors import num_standard_errors
from overread.detection.study_limits import StudyLimits
from overread.detection.training_dynamics import head_margins, training_dynamics
from overread.detection_settings import DetectionSettings
from overread.proposal_settings import CalibrationSettings
from overread.verified_labels import VerifiedLabels

_MIN_PROB = 1e-4
"""Of a verdict, by a model that is asked whether it explains it."""


@dataclass(frozen=True)
class Judgement:
    """What is said about every label."""

    probs: np.ndarray
    """(N, K) float64, rows sum to 1: the probability of each class, given the image, its label, those of its duplicate
    group and, if they count, those of raters."""
    proposed: np.ndarray
    """(N,) int64: the label proposed instead of the given one, or the given one if none is."""
    error_range: ErrorRange
    """What other plausible noise models expect, recalibrated if `probs` are."""
    scores: dict[str, np.ndarray]
    """By scorer, (N,) float32 in [0, 1], higher is more likely wrong."""
    consensus: CrossFittedConsensus
    """Of the networks' stages if the networks predict the labels better than the features do, else of the classifiers
    on the features."""
    limits: StudyLimits
    self_training: SelfTraining
    result: Iteration
    """The chosen iteration, combined with the networks if they are used; its noise model is fitted to all labels."""
    copy_prob: float | None
    """The probability that the second label of a duplicate group is a copy of its first; None without such groups, or
    where nothing can be judged."""


def judge(
    data: DetectionData,
    settings: DetectionSettings,
    *,
    seed: int,
    on_progress: Callable[[float], None] | None = None,
) -> Judgement:
    """Judge every given label by frozen features of the images.

    Votes have a score of their own; they count in the probability only if `refinement.use_raters` is on. Networks count
    if they predict the labels better than chance. Verified labels are fitted in place of the given ones, and the
    probabilities are recalibrated on them; a verified sample is itself judged by models that did not see its verdict,
    so that the verdict can still measure them, and a second reader learns nothing about the first one's.

    on_progress: called with the share of the work that is done. The same seed gives the same result.
    """
    tell = on_progress or (lambda fraction: None)
    data = replace(data, features=principal_components(data.features, settings.refinement.num_components))
    limits = StudyLimits.of(data.given[data.trained], data.groups[data.trained], data.num_classes, settings.limits)
    if limits.is_within_groups:
        alone = np.full(len(data.given), ALONE)
        data = replace(data, groups=linked_groups([alone if data.duplicate_groups is None else data.duplicate_groups]))
    if data.verified is None:
        training = self_train(data, settings, seed=seed, on_progress=lambda fraction: tell(0.9 * fraction))
    else:
        unread = replace(data, verified=None)
        before = self_train(unread, settings, seed=seed, on_progress=lambda fraction: tell(0.3 * fraction))
        after = self_train(data, settings, seed=seed, on_progress=lambda fraction: tell(0.3 + 0.6 * fraction))
        training = after if _explains_verdicts(after, before, data, data.verified) else before
    result, trained = training.result, data.trained
    uses_networks = data.network_probs is not None and is_better_than_chance(
        data.network_probs[trained],
        data.given[trained],
        data.groups[trained],
        min_standard_errors=settings.proposals.min_standard_errors,
    )
    if uses_networks:
        result = combine_with_networks(result, data, training.error_rate, settings)
    groups = _groups_of_labels(data, use_raters=settings.refinement.use_raters)
    if len(groups.of_fitted.members) and (training.is_judged or uses_networks):
        seen = result.probs[groups.images]
        found = fit_matched_group_noise(
            seen[groups.is_fitted],
            groups.labels[groups.is_fitted],
            groups.of_fitted,
            training.error_rate,
            settings,
            offsets=result.noise.offsets,
        )
        result, copy_prob = replace(result, noise=found.noise), found.copy_prob

        def posterior(noise: NoiseModel) -> np.ndarray:
            return replace(found, noise=noise).posterior(seen, groups.labels, groups.of_all)[: len(data.given)]

    else:
        copy_prob = None

        def posterior(noise: NoiseModel) -> np.ndarray:
            return noise.posterior(result.probs, data.given)

    tell(1)

    def error_probability(probs: np.ndarray) -> np.ndarray:
        return 1 - probs[np.arange(len(data.given)), data.given]

    def calibrated(noise: NoiseModel) -> np.ndarray:
        probs = posterior(noise)
        if data.verified is None:
            return probs
        return _recalibrated(probs, data.given, data.verified, settings.calibration)

    probs, models = calibrated(result.noise), [result.noise]
    if training.is_judged or uses_networks:
        models += plausible_models(
            result.noise, result.probs[trained], data.given[trained], training.error_rate, settings
        )
    overlap = 1 - float(result.noise.class_probs(result.probs[trained]).max(axis=1).mean())
    error_range = ErrorRange.of(error_probability(posterior(model)) for model in models).widened(overlap)
    if data.verified is not None:
        error_range = error_range.recalibrated(*data.verified.outcomes(data.given), settings.calibration)
    num_expected = float(error_probability(calibrated(likelier(result.noise))).sum())
    proposed = proposed_labels(probs, data.given, data.is_trained, settings, num_expected=num_expected)
    consensus = _consensus(data, training, settings, uses_networks=uses_networks)
    scores = _scores(data, training, result, settings, seed) | {"consensus": consensus.score}
    return Judgement(probs, proposed, error_range, scores, consensus, limits, training, result, copy_prob)


def _explains_verdicts(
    after: SelfTraining, before: SelfTraining, data: DetectionData, verified: VerifiedLabels
) -> bool:
    """Whether the verdicts are likelier, by a standard error, by the model that was fitted to them, of which none saw
    the verdict that it is asked about, than by the one that was not."""
    places, is_error = verified.outcomes(data.given)
    if not (len(places) and after.is_judged and before.is_judged):
        return after.is_judged
    given = data.given[places]
    values = []
    for training in (after, before):
        is_right = training.result.noise.posterior(training.result.probs[places], given)[np.arange(len(given)), given]
        values.append(np.log(np.clip(np.where(is_error, 1 - is_right, is_right), _MIN_PROB, 1)))
    return num_standard_errors(values[0] - values[1], data.groups[places]) >= 1


def _consensus(
    data: DetectionData, training: SelfTraining, settings: DetectionSettings, *, uses_networks: bool
) -> CrossFittedConsensus:
    """uses_networks: whether they predict the labels better than chance."""
    voters, kind, noise = training.voter_probs, CLASSIFIERS, training.result.noise
    if uses_networks and data.network_stage_probs is not None:
        assert data.network_probs is not None
        probs, given = data.network_probs[data.trained], data.given[data.trained]
        if label_log_probs(probs, given, settings.noise).mean() > training.result.log_likelihood:
            voters, kind, noise = data.network_stage_probs, STAGES, fit_judging_noise(probs, given, settings.noise)
    return CrossFittedConsensus.of(voters, kind, data, noise, settings.consensus)


@dataclass(frozen=True)
class _LabelsInGroups:
    """All labels that count: the given ones, (N,), then those of raters; L in all."""

    labels: np.ndarray
    """(L,) int64."""
    images: np.ndarray
    """(L,) int64: the dataset index of each label's image."""
    is_fitted: np.ndarray
    """(L,) bool."""
    of_fitted: GroupLabels
    of_all: GroupLabels


def _groups_of_labels(data: DetectionData, *, use_raters: bool) -> _LabelsInGroups:
    samples = np.arange(len(data.given))
    groups = np.full(len(data.given), -1) if data.duplicate_groups is None else data.duplicate_groups
    images, labels, of_label = samples, data.given, groups
    if data.votes is not None and use_raters:
        voted, raters = np.nonzero(data.votes >= 0)
        images = np.concatenate([samples, voted])
        labels = np.concatenate([data.given, data.votes[voted, raters]])
        # A sample without duplicates now forms a group with its votes.
        of_label = np.where(groups >= 0, groups, groups.max(initial=-1) + 1 + samples)[images]
    is_fitted = data.is_trained[images]
    of_fitted = GroupLabels.of(labels[is_fitted], of_label[is_fitted], images[is_fitted])
    return _LabelsInGroups(labels, images, is_fitted, of_fitted, GroupLabels.of(labels, of_label, images))


def _scores(
    data: DetectionData, training: SelfTraining, result: Iteration, settings: DetectionSettings, seed: int
) -> dict[str, np.ndarray]:
    """By scorer, (N,) float32."""
    given, num_classes = data.given, data.num_classes
    class_probs = result.noise.class_probs(result.probs)
    known = given if data.verified is None else data.verified.labels(given)
    vote = neighbour_vote(known, *training.neighbours, num_classes=num_classes, is_trained=data.is_trained)
    dynamics = training_dynamics(head_margins(data, settings.dynamics, seed=seed))
    scores: dict[str, np.ndarray] = {
        "self_confidence": self_confidence_score(class_probs, given),
        "margin": margin_score(class_probs, given),
        "entropy": weighted_entropy_score(class_probs, given),
        "neighbours": self_confidence_score(vote, given),
        "epoch_learnt": dynamics.epoch_learnt,
        "forgetting": dynamics.forgetting,
        "margin_area": dynamics.margin_area,
    }
    if len(training.iterations) > 1:  # a single one says what self_confidence does
        contradicts = [one.probs.argmax(axis=1) != given for one in training.iterations]
        scores["rounds"] = np.asarray(np.mean(contradicts, axis=0, dtype=np.float32))
    if data.duplicate_groups is not None and (data.duplicate_groups >= 0).any():
        scores["duplicates"] = conflict_score(given, data.duplicate_groups)
    if data.network_probs is not None:
        scores["networks"] = self_confidence_score(data.network_probs, given)
    if data.votes is not None and (data.votes >= 0).any():
        raters = dawid_skene(data.votes, num_classes, smoothing=settings.refinement.vote_smoothing)
        scores["raters"] = self_confidence_score(raters.posterior, given)
    return scores


def proposed_labels(
    probs: np.ndarray,
    given: np.ndarray,
    is_trained: np.ndarray,
    settings: DetectionSettings,
    *,
    num_expected: float | None = None,
) -> np.ndarray:
    """(N,) int64: the most likely other class where a label is proposed to be changed, else the given one.

    probs: (N, K), of the true classes, rows sum to 1; given: (N,) int64; is_trained: (N,) bool; num_expected: how many
    wrong labels the likeliest noise model expects, if `probs` are an average over several.
    """
    is_proposable = proposable(given, is_trained, probs.shape[1])
    is_proposed = _proposals(
        np.where(is_proposable, self_confidence_score(probs, given), 0),
        min_precision=settings.refinement.min_precision,
        min_recall=settings.proposals.min_recall,
        num_expected=num_expected,
    )
    others = probs.copy()
    others[np.arange(len(given)), given] = -1
    return np.where(is_proposed, others.argmax(axis=1), given)


def _proposals(
    probability: np.ndarray, *, min_precision: float, min_recall: float, num_expected: float | None = None
) -> np.ndarray:
    """(N,) bool: `proposal_set` or, if its expected recall is below `min_recall`, the labels that are contradicted, as
    far as errors are expected: a reader's first verdicts then say what the data could not. Ties are proposed together
    or, if they are too many, not at all."""
    is_proposed = proposal_set(probability, min_precision=min_precision)
    total = float(probability.sum())
    num = int(total if num_expected is None else min(total, num_expected))
    if num and probability[is_proposed].sum() < min_recall * total:
        is_expected = probability > np.sort(probability)[::-1][num]
        is_contradicted = probability > 0.5
        return is_proposed | (is_contradicted if is_contradicted.any() else is_expected)
    return is_proposed


def _recalibrated(
    probs: np.ndarray, given: np.ndarray, verified: VerifiedLabels, settings: CalibrationSettings
) -> np.ndarray:
    """The probabilities (N, K), that of the given label recalibrated on the verdicts, the others in proportion."""
    rows, (places, is_error) = np.arange(len(given)), verified.outcomes(given)
    if not len(places):
        return probs
    is_wrong = 1 - probs[rows, given]
    corrected = np.where(is_wrong > 0, recalibrated(is_wrong, places, is_error, settings), 0)
    result = probs * (corrected / np.where(is_wrong > 0, is_wrong, 1))[:, None]
    result[rows, given] = 1 - corrected
    return result
