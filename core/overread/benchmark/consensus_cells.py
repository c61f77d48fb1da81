"""Why the paper's loop proposes little, and what models find that never saw the labels: one cell at a time."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overread.benchmark.task_features import Listener, simclr_network
from overread.config import TrainSettings, override_settings, preset_settings
from overread.detection.cross_fitted_consensus import NO_CONSENSUS, STAGES, CrossFittedConsensus
from overread.detection.detection_data import DetectionData
from overread.detection.folds import grouped_folds
from overread.detection.judgement import judge
from overread.detection.noise_matching import fit_judging_noise
from overread.phases import plan_phases
from overread.training.consensus import round_consensus
from overread.training.device import has_bf16_units
from overread.training.engine import Training
from overread.training.progress_log import ProgressLog
from overread.training.training_data import TrainingData, load_pixels

LOOPS: dict[str, tuple[str, ...]] = {
    "threshold 0.85": (),
    "threshold 0.5": ("rounds.max_loss=0.6931",),
    "threshold 0.6": ("rounds.max_loss=0.5108",),
    "threshold 0.7": ("rounds.max_loss=0.3567",),
    "threshold 0.95": ("rounds.max_loss=0.0513",),
    "threshold gmm": ("rounds.threshold=gmm",),
    "threshold otsu": ("rounds.threshold=otsu",),
    "threshold quantile 0.5": ("rounds.threshold=quantile",),
    "loss of the given label below 0.85": ("rounds.reliability=given",),
    "loss of the given label below 0.3": ("rounds.reliability=given", "rounds.max_loss=1.204"),
    "fallback to the current label": ("rounds.fallback=current",),
    "warm-up of 1 epoch": ("warmup.num_epochs=1",),
    "warm-up of 15 epochs": ("warmup.num_epochs=15",),
    "strong augmentation for all": ("rounds.strong=all",),
    "weak augmentation for all": ("rounds.strong=none",),
}
"""The paper's loop, and the same with one thing changed: names, and what is set."""
NETWORKS = "networks"
CLASSIFIERS = "classifiers"
"""Both of the other folds."""
METHODS = (*LOOPS, NETWORKS, CLASSIFIERS)


@dataclass(frozen=True)
class ConsensusCell:
    """A set of images with noisy labels."""

    pixels: np.ndarray
    """(N, H, W, C) uint8."""
    features: np.ndarray
    """(N, D) float32, of the ImageNet encoder."""
    true: np.ndarray
    """(N,) int64. No method sees it."""
    given: np.ndarray
    """(N,) int64."""
    groups: np.ndarray
    """(N,) int64, equal for images of one patient, slide or duplicate group."""
    duplicate_groups: np.ndarray
    """(N,) int64, equal for near-duplicates, -1 for one alone."""
    num_classes: int
    seed: int


class ConsensusMeasurement:
    """The methods on one cell; the network that they start from is pretrained once."""

    def __init__(self, cell: ConsensusCell, *, image_size_px: int, device: torch.device, listener: Listener) -> None:
        self._cell, self._device, self._listener, self._size_px = cell, device, listener, image_size_px
        self._pretrained: dict[str, torch.Tensor] = {}
        self._data = TrainingData(
            pixels=load_pixels(cell.pixels, size_px=image_size_px, device=device),
            given=cell.given,
            is_trained=np.ones(len(cell.given), dtype=bool),
            num_classes=cell.num_classes,
        )

    def measure(self, method: str) -> list[dict[str, Any]]:
        """A row for every round, or one in all; see `_row`."""
        if method == CLASSIFIERS:
            return [self._by_classifiers()]
        return [self._by_networks()] if method == NETWORKS else self._by_loop(LOOPS[method])

    def _by_loop(self, assignments: Sequence[str]) -> list[dict[str, Any]]:
        settings = override_settings(self._settings("quick"), assignments)
        trace = self._trained(settings, folds=()).trace
        rows, given, labels = [], self._cell.given, self._cell.given
        for number, pseudo_labels in enumerate(trace.pseudo_labels):
            probs = trace.round_probs(number)
            found = round_consensus(probs, given, self._data.is_trained, settings.rounds, labels)
            reached = np.where(found.is_consensus, probs[0].argmax(axis=1), NO_CONSENSUS)
            epochs = settings.rounds.stages(number)
            rows.append(self._row(f"{number + 1}", epochs, probs, found.is_reliable, reached, pseudo_labels))
            labels = pseudo_labels
        return rows

    def _by_networks(self) -> dict[str, Any]:
        settings = self._settings("overread")
        folds = grouped_folds(self._cell.given, self._cell.groups, settings.cross_fitting.num_folds, self._cell.seed)
        trace = self._trained(settings, folds=[held_out for _, held_out in folds]).trace
        assert trace.cross_fitted is not None
        probs = np.stack(list(trace.cross_fitted_stages.values()))
        noise = fit_judging_noise(trace.cross_fitted, self._cell.given, settings.noise)
        found = CrossFittedConsensus.of(probs, STAGES, self._detection_data(), noise, settings.consensus)
        epochs = tuple(trace.cross_fitted_stages)
        return self._row("", epochs, probs, found.is_sure, found.labels, found.proposed(self._cell.given))

    def _by_classifiers(self) -> dict[str, Any]:
        settings = self._settings("overread")
        found = judge(self._detection_data(), settings.detection, seed=self._cell.seed).consensus
        none = np.empty((0, len(self._cell.given)))
        return self._row("", (), none, none, found.labels, found.proposed(self._cell.given))

    def _settings(self, preset: str) -> TrainSettings:
        """The preset's, at the size asked for."""
        return preset_settings(
            preset,
            device=self._device.type,
            has_bf16=has_bf16_units(self._device),
            cache_size_px=self._size_px,
            num_samples=len(self._cell.given),
        )

    def _trained(self, settings: TrainSettings, folds: Sequence[np.ndarray]) -> Training:
        if not self._pretrained:
            network = simclr_network(self._data, settings, self._cell.seed, self._listener)
            self._pretrained = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        settings = replace(settings, pretrain=replace(settings.pretrain, num_epochs=0))
        with tempfile.TemporaryDirectory() as folder:
            progress = ProgressLog(Path(folder) / "progress.jsonl", plan_phases(settings, len(folds)))
            training = Training(self._data, settings, self._cell.seed, progress, Path(folder) / "state.pt", folds=folds)
            training.network.load_state_dict(self._pretrained)
            training.run()
        return training

    def _row(
        self,
        round_name: str,
        epochs: Sequence[int],
        probs: np.ndarray,
        is_sure: np.ndarray,
        reached: np.ndarray,
        proposed: np.ndarray,
    ) -> dict[str, Any]:
        """What is known, with the truth, of a round: at each of S stages, and of its consensus.

        probs: (S, N, K); is_sure: (S, N) bool; reached: (N,) int64, NO_CONSENSUS for none; proposed: (N,) int64.
        """
        true, given = self._cell.true, self._cell.given
        is_wrong, is_proposed, has_one = true != given, proposed != given, reached != NO_CONSENSUS
        stages = []
        for epoch, of_stage, sure in zip(epochs, probs, is_sure, strict=True):
            votes = of_stage.argmax(axis=1)
            stages.append(
                {
                    "epoch": epoch,
                    "num_reliable": int(sure.sum()),
                    "by_class": np.bincount(votes[sure], minlength=self._cell.num_classes).tolist(),
                    "num_learnt": int((sure & is_wrong & (votes == given)).sum()),
                    "num_found": int((sure & is_wrong & (votes == true)).sum()),
                    "num_misled": int((sure & ~is_wrong & (votes != given)).sum()),
                    "accuracy": round(float((votes == true).mean()), 4),
                    "agreement": round(float((votes == given).mean()), 4),
                }
            )
        num_proposed, num_hits = int(is_proposed.sum()), int((is_proposed & is_wrong).sum())
        return {
            "round": round_name,
            "stages": stages,
            "num_samples": len(given),
            "num_errors": int(is_wrong.sum()),
            "num_consensus": int(has_one.sum()),
            "num_wrong_consensus": int((has_one & (reached != true)).sum()),
            "num_proposed": num_proposed,
            "precision": round(num_hits / num_proposed, 4) if num_proposed else None,
            "recall": round(num_hits / max(1, int(is_wrong.sum())), 4),
        }

    def _detection_data(self) -> DetectionData:
        cell = self._cell
        return DetectionData(
            features=cell.features,
            given=cell.given,
            groups=cell.groups,
            is_trained=self._data.is_trained,
            num_classes=cell.num_classes,
            duplicate_groups=cell.duplicate_groups,
        )
