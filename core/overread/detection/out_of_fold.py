"""Out-of-fold class probabilities of every iteration of self-training.

Each fold is held out of everything: self-training runs on the other folds alone, with inner folds for pseudo-labels.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from overread.detection.detection_data import DetectionData
from overread.detection.folds import grouped_folds
from overread.detection.iteration import label_log_probs
from overread.detection.neighbours import Neighbours, smoothed
from overread.detection.noise_transition import fit_noise_model
from overread.detection.soft_classifiers import (
    Penalties,
    SoftClassifier,
    SoftLogistic,
    SoftRidge,
    fit_soft_classifier,
    fit_soft_logistic,
    fit_soft_ridge,
)
from overread.detection_settings import DetectionSettings

Fold = tuple[np.ndarray, np.ndarray]
"""Dataset indices to fit on, and those held out."""
Folds = list[Fold]
_Model = TypeVar("_Model", SoftLogistic, SoftRidge)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class ViewProbs:
    """Class probabilities of every sample in two views, summed over what has been computed so far; (N, K) each."""

    own: np.ndarray
    """From the sample's own features."""
    neighbours: np.ndarray
    """The mean over its neighbours."""

    def __add__(self, other: "ViewProbs") -> "ViewProbs":
        return ViewProbs(self.own + other.own, self.neighbours + other.neighbours)

    def __truediv__(self, number: float) -> "ViewProbs":
        return ViewProbs(self.own / number, self.neighbours / number)

    def at(self, places: np.ndarray) -> "ViewProbs":
        """The rows at `places`."""
        return ViewProbs(self.own[places], self.neighbours[places])

    def only(self, places: np.ndarray) -> "ViewProbs":
        """The same rows, with 0 everywhere else."""
        is_kept = np.zeros((len(self.own), 1), dtype=np.float32)
        is_kept[places] = 1
        return ViewProbs(self.own * is_kept, self.neighbours * is_kept)

    def mixed(self, neighbour_weight: float) -> np.ndarray:
        """(N, K): the weighted mean of both views."""
        return (1 - neighbour_weight) * self.own + neighbour_weight * self.neighbours

    def best_neighbour_weight(self, given: np.ndarray, settings: DetectionSettings) -> tuple[float, np.ndarray]:
        """The weight that makes the given labels, (N,) int64, most likely, and their log probabilities, (N,)."""
        weights = settings.refinement.neighbour_weights
        tried = [(weight, label_log_probs(self.mixed(weight), given, settings.noise)) for weight in weights]
        return max(tried, key=lambda one: one[1].mean())


@dataclass(frozen=True)
class FoldLearner:
    """Fits the classifiers of self-training on parts of the data and predicts the rest."""

    data: DetectionData
    """Its features are float32, from `principal_components`."""
    neighbours: Neighbours
    settings: DetectionSettings

    def choose_penalties(self, seed: int) -> tuple[Penalties, float]:
        """The penalty of each regression, and the weight of the neighbours that goes with them, that make the given
        labels of held-out samples most likely."""
        strengths, ridges = sorted(self.settings.refinement.strengths), self.settings.refinement.ridge_penalties
        folds = self._folds(seed)

        def fit(fold: Fold) -> tuple[list[SoftLogistic], list[SoftRidge]]:
            inputs, targets = self.data.features[fold[0]], self._given_targets(fold[0])
            paths: list[SoftLogistic] = []
            for strength in strengths:
                start = paths[-1] if paths else None
                paths.append(fit_soft_logistic(inputs, targets, regularisation=strength, start=start))
            return paths, [fit_soft_ridge(inputs, targets, penalty=ridge) for ridge in ridges]

        models = _in_threads(fit, folds)
        of_strength, logistics = self._best_penalty([of_fold[0] for of_fold in models], folds)
        of_ridge, regressions = self._best_penalty([of_fold[1] for of_fold in models], folds)
        views = [
            self._predict(SoftClassifier(logistic, ridge)).only(held_out)
            for logistic, ridge, (_, held_out) in zip(logistics, regressions, folds, strict=True)
        ]
        trained = self.data.trained
        whole = sum(views[1:], views[0]).at(trained)
        neighbour_weight, _ = whole.best_neighbour_weight(self.data.given[trained], self.settings)
        return Penalties(strengths[of_strength], ridges[of_ridge]), neighbour_weight

    def _best_penalty(self, models: list[list[_Model]], folds: Folds) -> tuple[int, list[_Model]]:
        """models: for each fold, one for each penalty. Returns the place of the penalty that makes the given labels of
        held-out samples most likely, and its models."""
        given, trained = self.data.given, self.data.trained
        likelihoods = []
        for of_penalty in zip(*models, strict=True):
            probs = np.zeros((len(given), self.data.num_classes), dtype=np.float32)
            for model, (_, held_out) in zip(of_penalty, folds, strict=True):
                probs[held_out] = model.predict_probs(self.data.features[held_out])
            likelihoods.append(label_log_probs(probs[trained], given[trained], self.settings.noise).mean())
        place = int(np.argmax(likelihoods))
        return place, [of_fold[place] for of_fold in models]

    def held_out_views(self, penalties: Penalties, neighbour_weight: float, seed: int) -> list[list[ViewProbs]]:
        """For each fold, the views of its held-out samples by iteration, for the folds that `seed` makes. Samples that
        may not be fitted on get the mean over all folds."""
        folds = self._folds(seed)
        is_untrained = ~self.data.is_trained

        def run(fold: Fold) -> list[ViewProbs]:
            fitted, held_out = fold
            places = np.concatenate([held_out, np.flatnonzero(is_untrained)])
            scale = np.where(is_untrained, 1 / len(folds), 1).astype(np.float32)[:, None]
            views = []
            for model in self._self_train_within(fitted, penalties, neighbour_weight, seed):
                seen = self._predict(model).only(places)
                views.append(ViewProbs(seen.own * scale, seen.neighbours * scale))
            return views

        return _in_threads(run, folds)

    def _self_train_within(
        self, fitted: np.ndarray, penalties: Penalties, neighbour_weight: float, seed: int
    ) -> list[SoftClassifier]:
        """The model of each iteration, from the labels at `fitted` alone."""
        features, given = self.data.features, self.data.given[fitted]
        refinement, settings = self.settings.refinement, self.settings.noise
        inner: Folds = []
        if self.data.verified is not None:  # else later iterations earn nothing: core/docs/results/ablation.md
            inner = grouped_folds(given, self.data.groups[fitted], refinement.num_inner_folds, seed)
        targets = self._given_targets(fitted)
        models = [fit_soft_classifier(features[fitted], targets, penalties)]
        starts: list[SoftClassifier | None] = [models[0]] * len(inner)
        for _ in range(refinement.max_rounds if inner else 0):
            views = ViewProbs(np.zeros_like(targets), np.zeros_like(targets))
            for number, (rest, held_out) in enumerate(inner):
                model = fit_soft_classifier(features[fitted[rest]], targets[rest], penalties, starts[number])
                starts[number] = model
                seen = self._predict(model)
                views.own[held_out] = seen.own[fitted[held_out]]
                views.neighbours[held_out] = seen.neighbours[fitted[held_out]]
            probs = views.mixed(neighbour_weight)
            noise = fit_noise_model(probs, given, settings, num_standard_errors=settings.num_standard_errors)
            targets = self._with_verified(noise.posterior(probs, given), fitted)
            models.append(fit_soft_classifier(features[fitted], targets, penalties, models[-1]))
        return models

    def _folds(self, seed: int) -> Folds:
        """Dataset indices to fit on and held out."""
        trained, num_folds = self.data.trained, self.settings.refinement.num_folds
        folds = grouped_folds(self.data.given[trained], self.data.groups[trained], num_folds, seed)
        return [(trained[fitted], trained[held_out]) for fitted, held_out in folds]

    def _predict(self, model: SoftClassifier) -> ViewProbs:
        probs = model.predict_probs(self.data.features)
        return ViewProbs(probs, smoothed(probs, *self.neighbours, weight=1))

    def _given_targets(self, places: np.ndarray) -> np.ndarray:
        return self._with_verified(np.eye(self.data.num_classes, dtype=np.float32)[self.data.given[places]], places)

    def _with_verified(self, targets: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Soft labels (M, K) of the samples at `places`, replaced by the verified ones where there are any."""
        verified = self.data.verified
        return targets.astype(np.float32) if verified is None else verified.soft(targets, places)


def _in_threads(function: Callable[[Fold], _Result], folds: Folds) -> list[_Result]:
    # Each fold's matrix products are small: BLAS's own threads would only get in each other's way.
    with ThreadPoolExecutor(min(cpu_count() or 1, len(folds) or 1)) as executor, threadpool_limits(1):
        return list(executor.map(function, folds))
