"""Refinement rounds on frozen features, cross-fitted: what is said of a sample comes from models that never saw its
label, and neither did the pseudo-labels that those were trained on.

Each fold is held out of everything: on the others the rounds run by themselves, with inner folds. A round fits a
classifier to soft pseudo-labels, predicts the inner folds, estimates how the given labels came about (`noise_model`,
without the blur, which no likelihood tells), and takes the posterior of each class, given image and label, for the
next round's pseudo-label: its confidence is the sample's weight. Round 0 is fitted to the given labels. How strongly
the classifier is held back, how many rounds there are and what the neighbours say beside it is chosen by how likely
the given labels of the held-out samples are. What readers decided takes the place of a sample's pseudo-label in every
round, and of the sample itself is held back from the models that judge it, as its label is. Nothing else is known of
the truth.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import cpu_count

import numpy as np
from threadpoolctl import threadpool_limits

from overread.config import RefinementSettings
from overread.detection.chance import tells_classes_apart
from overread.detection.error_rate import ErrorRate, noise_rate
from overread.detection.folds import grouped_folds
from overread.detection.neighbours import nearest_neighbours, smoothed
from overread.detection.noise_transition import NoiseModel, fit_noise_model
from overread.detection.self_training_round import NUM_ERRORS, Round, likelihood, told
from overread.detection.soft_classifiers import (
    Penalties,
    SoftClassifier,
    SoftLogistic,
    SoftRidge,
    fit_soft_classifier,
    fit_soft_logistic,
    fit_soft_ridge,
)
from overread.verified_labels import VerifiedLabels

Neighbours = tuple[np.ndarray, np.ndarray]
"""Indices (N, M) int64 and similarities (N, M) float32, of `nearest_neighbours`."""
SHARES = (0.0, 1 / 3, 2 / 3)
"""Of the neighbours' mean in a sample's probabilities; the one is taken under which the labels are likeliest."""
NUM_RATES = 2
"""Times that the share of wrong labels is told: it takes the classes as far as they are known, which it changes."""


@dataclass(frozen=True)
class Refinement:
    """The rounds that were tried, and which of them is taken."""

    rounds: tuple[Round, ...]
    chosen: int
    """Place in `rounds`."""
    penalties: Penalties | None
    """None where no label could be judged."""
    error_rate: ErrorRate
    """How many labels are wrong, of the samples that may be fitted on; the rounds' noise models expect as many."""
    reason: str
    """Why the rounds stopped, for the owner of the run."""
    neighbours: Neighbours

    @property
    def result(self) -> Round:
        return self.rounds[self.chosen]

    @property
    def is_judged(self) -> bool:
        """Whether any label could be."""
        return self.penalties is not None


def refine(
    features: np.ndarray,
    given: np.ndarray,
    groups: np.ndarray,
    is_trained: np.ndarray,
    *,
    num_classes: int,
    settings: RefinementSettings,
    seed: int,
    verified: VerifiedLabels | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Refinement:
    """Judge every sample by cross-fitted rounds.

    features: (N, D) float32, as `principal_components` gives them; given: (N,) int64; groups: (N,) int64, kept whole in
    a fold; is_trained: (N,) bool, the samples that may be fitted on: the others are judged by the mean of all folds'
    models. Where one group holds all that may be fitted on, or the features say nothing of the classes, no one can be
    judged: every given label stands. verified: what readers decided, if this is a training after review. on_progress:
    called with the share of the work that is done. The same seed gives the same result.
    """
    neighbours = nearest_neighbours(features, groups, settings.num_neighbours)
    if len(np.unique(groups[is_trained])) < 2:
        reason = "one patient, slide or group holds all samples, so no label can be judged"
        return _unjudged(is_trained, num_classes, neighbours, reason)
    tell = on_progress or (lambda fraction: None)
    features = np.asarray(features, dtype=np.float32)
    task = _Task(features, given, groups, is_trained, num_classes, neighbours, settings, verified)
    penalties, share = _choose_penalties(task, seed)
    tell(0.3)
    num_steps = settings.num_repeats * settings.num_folds
    totals: list[_Views] = []
    for repeat in range(settings.num_repeats):
        for place, views in enumerate(_repeat(task, penalties, share, seed + repeat)):
            # A fold that leaves one group to fit on has round 0 alone; later rounds need every fold.
            totals = [a + b for a, b in zip(totals, views, strict=False)] if totals else views
            tell(0.3 + 0.7 * (repeat * settings.num_folds + place + 1) / num_steps)
    plain = [_judged(task, views / settings.num_repeats) for views in totals]
    trained = np.flatnonzero(is_trained)
    seen, known = plain[0].probs[trained], given[trained]
    if not tells_classes_apart(seen, known, groups[trained]):
        reason = "the features tell the classes apart no better than chance would, so no label can be judged"
        return _unjudged(is_trained, num_classes, neighbours, reason)
    rate = ErrorRate(0.0, np.ones(len(trained), dtype=bool))
    for _ in range(NUM_RATES):
        noise = told(plain[0].noise, seen, known, rate)
        true, _ = noise.unblurred(noise.class_probs(seen))
        with threadpool_limits(1):
            rate = noise_rate(features[trained], known, groups[trained], true, seed=seed)
    rounds = tuple(replace(one, noise=told(one.noise, one.probs[trained], known, rate)) for one in plain)
    # After review round 0 is fitted to a mixture, labels that are right where it was surest and noisy ones elsewhere,
    # and is misled by where they meet; in later rounds all are pseudo-labels. On 3,784 chest X-rays 100 verdicts took
    # the average precision on the rest from 0.927 to 0.920 in round 0 and to 0.928 in round 1, and 400 verdicts from
    # 0.778 to 0.804 and 0.823.
    chosen, reason = _choose_round(rounds, first=0 if verified is None else min(1, len(rounds) - 1))
    return Refinement(rounds, chosen, penalties, rate, reason, neighbours)


@dataclass(frozen=True)
class _Views:
    """Two views of every sample, summed over what has been computed so far: (N, K) each."""

    own: np.ndarray
    neighbours: np.ndarray

    def __add__(self, other: "_Views") -> "_Views":
        return _Views(self.own + other.own, self.neighbours + other.neighbours)

    def __truediv__(self, number: float) -> "_Views":
        return _Views(self.own / number, self.neighbours / number)


@dataclass(frozen=True)
class _Task:
    features: np.ndarray
    given: np.ndarray
    groups: np.ndarray
    is_trained: np.ndarray
    num_classes: int
    neighbours: Neighbours
    settings: RefinementSettings
    verified: VerifiedLabels | None

    def views(self, model: SoftClassifier) -> _Views:
        """What a model shows in every sample, and in its neighbours on average."""
        probs = model.predict_probs(self.features)
        return _Views(probs, smoothed(probs, *self.neighbours, weight=1))

    def first_targets(self, places: np.ndarray) -> np.ndarray:
        return self.with_verified(np.eye(self.num_classes, dtype=np.float32)[self.given[places]], places)

    def with_verified(self, targets: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Soft labels (M, K) of the samples at `places`, but for those that readers decided."""
        return targets.astype(np.float32) if self.verified is None else self.verified.soft(targets, places)

    def fit(
        self, places: np.ndarray, targets: np.ndarray, penalties: Penalties, start: SoftClassifier | None
    ) -> SoftClassifier:
        return fit_soft_classifier(self.features[places], targets, penalties, start)


def _folds(task: _Task, num_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Dataset indices to fit on and held out."""
    trained = np.flatnonzero(task.is_trained)
    folds = grouped_folds(task.given[trained], task.groups[trained], num_folds, seed)
    return [(trained[fitted], trained[held_out]) for fitted, held_out in folds]


def _choose_penalties(task: _Task, seed: int) -> tuple[Penalties, float]:
    """Of each regression the penalty under which the given labels of held-out samples are likeliest, and the share of
    the neighbours that goes best with them."""
    strengths, ridges = sorted(task.settings.strengths), task.settings.ridge_penalties
    folds = _folds(task, task.settings.num_folds, seed)

    def fit(fold: tuple[np.ndarray, np.ndarray]) -> tuple[list[SoftLogistic], list[SoftRidge]]:
        inputs, targets = task.features[fold[0]], task.first_targets(fold[0])
        paths: list[SoftLogistic] = []
        for strength in strengths:
            start = paths[-1] if paths else None
            paths.append(fit_soft_logistic(inputs, targets, regularisation=strength, start=start))
        return paths, [fit_soft_ridge(inputs, targets, penalty=ridge) for ridge in ridges]

    models = _in_threads(fit, folds)
    trained = np.flatnonzero(task.is_trained)

    def best(kind: int) -> tuple[int, list[SoftLogistic] | list[SoftRidge]]:
        """The place of the penalty among all of a kind, and its model of each fold."""
        likelihoods = []
        for of_penalty in zip(*(of_fold[kind] for of_fold in models), strict=True):
            probs = np.zeros((len(task.given), task.num_classes), dtype=np.float32)
            for model, (_, held_out) in zip(of_penalty, folds, strict=True):
                probs[held_out] = model.predict_probs(task.features[held_out])
            likelihoods.append(likelihood(probs[trained], task.given[trained]).mean())
        place = int(np.argmax(likelihoods))
        return place, [of_fold[kind][place] for of_fold in models]

    (of_strength, logistics), (of_ridge, regressions) = best(0), best(1)
    views = [
        _only(task.views(SoftClassifier(*pair)), held_out)
        for *pair, (_, held_out) in zip(logistics, regressions, folds, strict=True)
    ]
    share, _ = _best_share(_at(sum(views[1:], views[0]), trained), task.given[trained])
    return Penalties(strengths[of_strength], ridges[of_ridge]), share


def _repeat(task: _Task, penalties: Penalties, share: float, seed: int) -> list[list[_Views]]:
    """The views of each fold's held-out samples, by round, for one way to make the folds."""
    folds = _folds(task, task.settings.num_folds, seed)
    is_untrained = ~task.is_trained

    def run(fold: tuple[np.ndarray, np.ndarray]) -> list[_Views]:
        fitted, held_out = fold
        places = np.concatenate([held_out, np.flatnonzero(is_untrained)])
        scale = np.where(is_untrained, 1 / len(folds), 1).astype(np.float32)[:, None]
        views = []
        for model in _rounds_within(task, fitted, penalties, share, seed):
            seen = _only(task.views(model), places)
            views.append(_Views(seen.own * scale, seen.neighbours * scale))
        return views

    return _in_threads(run, folds)


def _rounds_within(
    task: _Task, fitted: np.ndarray, penalties: Penalties, share: float, seed: int
) -> list[SoftClassifier]:
    """A model of each round, from the labels of `fitted` alone."""
    given = task.given[fitted]
    inner = grouped_folds(given, task.groups[fitted], task.settings.num_inner_folds, seed)
    targets = task.first_targets(fitted)
    models = [task.fit(fitted, targets, penalties, None)]
    starts: list[SoftClassifier | None] = [models[0]] * len(inner)
    for _ in range(task.settings.max_rounds if inner else 0):
        views = _Views(np.zeros_like(targets), np.zeros_like(targets))
        for number, (rest, held_out) in enumerate(inner):
            starts[number] = model = task.fit(fitted[rest], targets[rest], penalties, starts[number])
            seen = task.views(model)
            views.own[held_out] = seen.own[fitted[held_out]]
            views.neighbours[held_out] = seen.neighbours[fitted[held_out]]
        probs = _mixed(views, share)
        noise = fit_noise_model(probs, given)
        targets = task.with_verified(noise.posterior(probs, given), fitted)
        models.append(task.fit(fitted, targets, penalties, models[-1]))
    return models


def _judged(task: _Task, views: _Views) -> Round:
    trained = np.flatnonzero(task.is_trained)
    given = task.given[trained]
    share, values = _best_share(_at(views, trained), given)
    probs = _mixed(views, share)
    noise = fit_noise_model(probs[trained], given, num_errors=NUM_ERRORS)
    return Round(probs, noise, share, float(values.mean()))


def _unjudged(is_trained: np.ndarray, num_classes: int, neighbours: Neighbours, reason: str) -> Refinement:
    probs = np.full((len(is_trained), num_classes), 1 / num_classes, dtype=np.float32)
    round_ = Round(probs, NoiseModel(1.0, np.eye(num_classes)), 0.0, float(-np.log(num_classes)))
    unknown = ErrorRate(0.0, is_trained[is_trained])
    return Refinement((round_,), 0, None, unknown, reason, neighbours)


def _choose_round(rounds: tuple[Round, ...], *, first: int = 0) -> tuple[int, str]:
    """The last round up to which every one after `first` made the given labels of held-out samples more likely."""
    likelihoods = [r.log_likelihood for r in rounds]
    for number in range(first + 1, len(rounds)):
        if likelihoods[number] <= likelihoods[number - 1]:
            return number - 1, (
                f"round {number} made the held-out labels less likely "
                f"({likelihoods[number]:.4f} nats a label, before {likelihoods[number - 1]:.4f})"
            )
    return len(rounds) - 1, "the last round that was allowed made the held-out labels more likely still"


def _best_share(views: _Views, given: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of the neighbours under which the given labels are likeliest, and their log probabilities, (N,)."""
    tried = [(share, likelihood(_mixed(views, share), given)) for share in SHARES]
    return max(tried, key=lambda one: one[1].mean())


def _mixed(views: _Views, share: float) -> np.ndarray:
    return (1 - share) * views.own + share * views.neighbours


def _only(views: _Views, places: np.ndarray) -> _Views:
    """The views at `places`, 0 elsewhere."""
    is_kept = np.zeros((len(views.own), 1), dtype=np.float32)
    is_kept[places] = 1
    return _Views(views.own * is_kept, views.neighbours * is_kept)


def _at(views: _Views, places: np.ndarray) -> _Views:
    return _Views(views.own[places], views.neighbours[places])


def _in_threads(function: Callable, folds: list) -> list:
    # Each fold's products are small: BLAS' own threads would only stand in each other's way.
    with ThreadPoolExecutor(min(cpu_count() or 1, len(folds) or 1)) as executor, threadpool_limits(1):
        return list(executor.map(function, folds))
