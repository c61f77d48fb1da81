"""A run after review: what it takes from the verdicts and from the previous run, and how the two compare."""

import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from overread.config import TrainSettings, settings_from_dict
from overread.detection.comparison import Comparison, compare_runs, locked_samples
from overread.errors import StudyError
from overread.files import write_atomically
from overread.phases import Stage, StageKind
from overread.proposal_settings import ComparisonSettings
from overread.studies.run import Run
from overread.studies.sample_groups import sample_groups
from overread.studies.study import Study
from overread.verified_labels import VerifiedLabels


@dataclass(frozen=True)
class Retraining:
    """What the new run is given. Reads nothing of the ledger any more, so a run that is resumed goes on alike."""

    base: Run
    """The finished run that it begins from."""
    verified: VerifiedLabels
    is_locked: np.ndarray
    """(N,) bool: held back where runs are compared."""
    embeddings: np.ndarray
    """(N, D) float32: the base run's."""
    network_probs: np.ndarray | None
    """(N, K) float32: what the base run's cross-fitted networks say, if it had any. They saw no verdict, and of each
    sample not even the given label."""
    network_stages: dict[int, np.ndarray]
    """By epoch, (N, K) float32: what they said at the stages of their training."""

    def summary(self) -> dict[str, Any]:
        """What config.json records."""
        return {
            "run": self.base.name,
            "num_pinned": int(self.verified.is_verified.sum()),
            "num_excluded": int(self.verified.is_excluded.sum()),
        }

    def settings(self, defaults: TrainSettings) -> TrainSettings:
        """defaults: those of the `overread` preset. No network is trained: the base run's opinions are there."""
        old = settings_from_dict(self.base.config()["settings"])
        return replace(
            defaults,
            model=replace(old.model, precision=defaults.model.precision),
            pretrain=replace(defaults.pretrain, num_epochs=0, projection_size=old.pretrain.projection_size),
            cross_fitting=replace(defaults.cross_fitting, num_folds=0),
            refinement=replace(defaults.refinement, use_raters=old.refinement.use_raters),
        )

    def compare(
        self,
        samples: pd.DataFrame,
        given: np.ndarray,
        settings: ComparisonSettings,
        judge: Callable[[VerifiedLabels], np.ndarray],
    ) -> Comparison:
        """The base run and the new one on the locked samples.

        given: (N,) int64. judge: label-error probabilities (N,) of a training with these verified labels.
        """
        places = np.flatnonzero(self.verified.is_certain & self.is_locked)
        is_error = self.verified.labels(given)[places] != given[places]
        before = self.base.scores()["label_error_probability"].to_numpy()
        groups = sample_groups(samples)[places]
        unsaid = compare_runs(before[places], before[places], is_error, groups, settings)
        if unsaid.outcome == "too_few":
            return unsaid
        after = judge(self.verified.without(self.is_locked))
        return compare_runs(before[places], after[places], is_error, groups, settings)

    def save(self, run: Run) -> None:
        arrays = {
            "targets": self.verified.targets,
            "is_excluded": self.verified.is_excluded,
            "is_locked": self.is_locked,
        }
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        write_atomically(run.path / "pins.npz", buffer.getvalue())


def begin_retraining(study: Study, samples: pd.DataFrame, base: Run) -> Retraining:
    """Take the verdicts that stand. samples: samples.csv.

    Raises StudyError if there are none to learn from, or `base` is damaged or has other classes than the study.
    """
    from overread.pipeline.study_ledger import open_ledger
    from overread.review.adjudication import settled_by_rounds
    from overread.review.verdict_labels import verified_labels

    names = [column.removeprefix("p_") for column in base.scores().columns if column.startswith("p_")]
    if names != list(study.classes):
        raise StudyError(f"{study.path}: its classes have changed since run {base.name}; train without --after-review")
    ledger = open_ledger(study)
    verified = verified_labels(samples, study.classes, ledger.decisions(), settled_by_rounds(ledger))
    if not (verified.is_verified.any() or verified.is_excluded.any()):
        raise StudyError(f"{study.path}: no label has been decided yet; review some proposals first")
    is_locked = locked_samples(samples["sample_id"].to_numpy(dtype=str), sample_groups(samples))
    return _from_base(base, verified, is_locked)


def resume_retraining(run: Run, base: Run) -> Retraining:
    """As the run began, whatever has been decided since."""
    with np.load(run.path / "pins.npz", allow_pickle=False) as arrays:
        return _from_base(base, VerifiedLabels(arrays["targets"], arrays["is_excluded"]), arrays["is_locked"])


def _from_base(base: Run, verified: VerifiedLabels, is_locked: np.ndarray) -> Retraining:
    """Reads all of the base run that is needed at once, so that a damaged one is told before anything is begun."""
    features = np.asarray(base.embeddings(), dtype=np.float32)
    trace = base.trace()
    stages = [Stage.parse(name) for name in trace["stage_names"].tolist()]
    network_probs, by_epoch = None, {}
    for stage, rounded in zip(stages, trace["stage_probs"], strict=True):
        if stage.kind is StageKind.NETWORKS:
            probs = rounded.astype(np.float32)
            probs /= probs.sum(axis=1, keepdims=True)
            if stage.epoch is None:
                network_probs = probs
            else:
                by_epoch[stage.epoch] = probs
    return Retraining(base, verified, is_locked, features, network_probs, by_epoch)


def write_comparison(run: Run, comparison: Comparison) -> None:
    """RUN/comparison.json; before scores.csv, so that no run is ever finished and not yet compared."""
    write_atomically(run.path / "comparison.json", json.dumps(asdict(comparison), indent=2) + "\n")
