"""The `overread` preset's judgement of every label: cross-fitted rounds, every scorer's own view, one probability."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from overread.config import RefinementSettings
from overread.detection.calibration import recalibrated
from overread.detection.chance import tells_classes_apart
from overread.detection.dawid_skene import dawid_skene
from overread.detection.group_labels import PictureLabels
from overread.detection.label_quality import conflict_score, margin_score, self_confidence_score, weighted_entropy_score
from overread.detection.neighbours import neighbour_vote
from overread.detection.principal_components import principal_components
from overread.detection.proposal_set import proposable, proposal_set
from overread.detection.self_training import Refinement, refine
from overread.detection.self_training_round import Round, combined, picture_noise
from overread.detection.training_dynamics import head_margins, training_dynamics
from overread.verified_labels import VerifiedLabels

LEAST_FOUND = 0.05
"""Share of the wrong labels that are expected, below which the proposals' precision gives way."""


@dataclass(frozen=True)
class Judgement:
    """What is said of every label."""

    probs: np.ndarray
    """(N, K) float64, rows sum to 1: the probability of each class, given the image, its given label, those of the same
    picture and, if they count, those of raters."""
    proposed: np.ndarray
    """(N,) int64: the label proposed instead of the given one; the given one where none is proposed."""
    scores: dict[str, np.ndarray]
    """By scorer, (N,) float32, higher is more likely wrong."""
    refinement: Refinement
    result: Round
    """The chosen round, together with what cross-fitted networks say; its noise model is fitted to all labels."""
    copying: float | None
    """How probably a picture's second label is a copy of its first; None where none has two, or none can be judged."""


def judge(
    embeddings: np.ndarray,
    given: np.ndarray,
    groups: np.ndarray,
    is_trained: np.ndarray,
    *,
    num_classes: int,
    settings: RefinementSettings,
    seed: int,
    network_probs: np.ndarray | None = None,
    votes: np.ndarray | None = None,
    pictures: np.ndarray | None = None,
    verified: VerifiedLabels | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Judgement:
    """Judge every given label by frozen features of the images.

    embeddings: (N, D) float; given: (N,) int64; groups: (N,) int64, kept whole in a fold; is_trained: (N,) bool, the
    samples that may be fitted on. network_probs: (N, K), from networks that never saw the sample's label. votes: (N,
    R) int64, labels of single raters, -1 where one gave none: they make a column of their own and, if the settings say
    so, count beside the given label.
    pictures: (N,) int64, equal for samples whose images show the same picture, -1 for one alone.
    verified: what readers decided. It is fitted in the given labels' place, and the probabilities are recalibrated on it. A
    decided sample is judged as any other, by models that did not know what was decided of it: so it can still be told
    how good they are, and a second reader learns nothing of the first one's verdict.
    on_progress: called with the share of the work that is done.
    """
    tell = on_progress or (lambda fraction: None)
    features = principal_components(embeddings)
    refinement = refine(
        features,
        given,
        groups,
        is_trained,
        num_classes=num_classes,
        settings=settings,
        seed=seed,
        verified=verified,
        on_progress=lambda fraction: tell(0.9 * fraction),
    )
    result = refinement.result
    trained = np.flatnonzero(is_trained)
    is_heard = network_probs is not None and tells_classes_apart(
        network_probs[trained], given[trained], groups[trained]
    )
    if is_heard:
        result = combined(result, network_probs, given, is_trained, error_rate=refinement.error_rate)
    pictures = np.full(len(given), -1) if pictures is None else pictures
    rows, labels, of_picture = np.arange(len(given)), given, pictures
    if votes is not None and settings.use_raters:
        rows, labels, of_picture = _with_votes(given, pictures, votes)
    fitted = is_trained[rows]
    shared = PictureLabels.of(labels[fitted], of_picture[fitted], rows[fitted])
    if len(shared.members) and (refinement.is_judged or is_heard):
        seen = result.probs[rows]
        found = picture_noise(seen[fitted], labels[fitted], shared, error_rate=refinement.error_rate)
        result, copying = replace(result, noise=found.noise), found.copying
        probs = found.posterior(seen, labels, PictureLabels.of(labels, of_picture, rows))[: len(given)]
    else:
        probs, copying = result.posterior(given), None
    tell(1)
    if verified is not None:
        probs = _recalibrated(probs, given, verified)
    shown = result.noise.class_probs(result.probs)
    known = given if verified is None else verified.labels(given)
    vote = neighbour_vote(known, *refinement.neighbours, num_classes=num_classes, is_trained=is_trained)
    dynamics = training_dynamics(head_margins(features, given, is_trained, num_classes=num_classes, seed=seed))
    contradicts = [one.probs.argmax(axis=1) != given for one in refinement.rounds]
    scores = {
        "self_confidence": self_confidence_score(shown, given),
        "margin": margin_score(shown, given),
        "entropy": weighted_entropy_score(shown, given),
        "neighbours": self_confidence_score(vote, given),
        "epoch_learnt": dynamics.epoch_learnt,
        "forgetting": dynamics.forgetting,
        "margin_area": dynamics.margin_area,
        "rounds": np.mean(contradicts, axis=0, dtype=np.float32),
    }
    if (pictures >= 0).any():
        scores["duplicates"] = conflict_score(given, pictures)
    if network_probs is not None:
        scores["networks"] = self_confidence_score(network_probs, given)
    if votes is not None and (votes >= 0).any():
        scores["raters"] = self_confidence_score(dawid_skene(votes, num_classes).posterior, given)
    is_proposable = proposable(given, is_trained, num_classes)
    is_proposed = _proposals(
        np.where(is_proposable, self_confidence_score(probs, given), 0), min_precision=settings.min_precision
    )
    others = probs.copy()
    others[np.arange(len(given)), given] = -1
    return Judgement(probs, np.where(is_proposed, others.argmax(axis=1), given), scores, refinement, result, copying)


def _with_votes(
    given: np.ndarray, pictures: np.ndarray, votes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each given label and, after them all, of each vote: the dataset index, the label, and the picture, which a
    sample alone now is for itself."""
    samples = np.arange(len(given))
    voted, raters = np.nonzero(votes >= 0)
    rows = np.concatenate([samples, voted])
    of_picture = np.where(pictures >= 0, pictures, pictures.max(initial=-1) + 1 + samples)
    return rows, np.concatenate([given, votes[voted, raters]]), of_picture[rows]


def _proposals(probability: np.ndarray, *, min_precision: float) -> np.ndarray:
    """(N,) bool: the set of that expected precision. Where it would find next to nothing of what is expected to be
    wrong, as many as are expected to be: a reader's first verdicts then say what the data could not. Equals are
    proposed together or, where they are too many, not at all."""
    is_proposed = proposal_set(probability, min_precision=min_precision)
    num_expected = int(probability.sum())
    if num_expected and probability[is_proposed].sum() < LEAST_FOUND * probability.sum():
        return probability > np.sort(probability)[::-1][num_expected]
    return is_proposed


def _recalibrated(probs: np.ndarray, given: np.ndarray, verified: VerifiedLabels) -> np.ndarray:
    """The probabilities (N, K), the given label's as the verdicts correct it, the others' in proportion."""
    rows, places = np.arange(len(given)), np.flatnonzero(verified.is_certain)
    if not len(places):
        return probs
    is_wrong = 1 - probs[rows, given]
    corrected = np.where(
        is_wrong > 0, recalibrated(is_wrong, places, verified.labels(given)[places] != given[places]), 0
    )
    result = probs * (corrected / np.where(is_wrong > 0, is_wrong, 1))[:, None]
    result[rows, given] = 1 - corrected
    return result
