"""The course of a run: SimCLR, cross-fitted networks if there are folds, warm-up, refinement rounds, and a final phase
if requested.

A run is a list of phases, each a number of epochs. Every epoch draws its randomness from a generator
seeded by (seed, phase, epoch), so a run that is killed and resumed goes the way it would have gone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from overread.config import TrainSettings
from overread.errors import ConfigError
from overread.phases import Phase, PhaseKind, Stage, StageKind, plan_phases, plan_stages
from overread.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from overread.training.consensus import round_consensus
from overread.training.epochs import embed, predict, pretrain_epoch, supervised_epoch
from overread.training.new_network import new_network
from overread.training.optimizers import cosine_decay, make_optimizer, set_learning_rate
from overread.training.progress_log import ProgressLog
from overread.training.trace import Trace
from overread.training.training_data import TrainingData


@dataclass
class Training:
    """One run of the engine over the data. `run()` goes from wherever the checkpoint stands to the end."""

    data: TrainingData
    settings: TrainSettings
    seed: int
    progress: ProgressLog
    checkpoint_path: Path
    features: np.ndarray | None = None
    """(N, D) float32, features from elsewhere, of which the checkpoints hold none; None: the pretrained encoder's."""
    folds: Sequence[np.ndarray] = ()
    """Dataset indices, (M,) int64 each, that a network is fitted without and then judges."""

    def __post_init__(self) -> None:
        self.network = new_network(self.data, self.settings, self.seed)
        self.trace = Trace()
        self._phases = plan_phases(self.settings, len(self.folds), has_features=self.features is not None)
        self._pretrained: dict[str, torch.Tensor] = {}

    def run(self) -> Trace:
        """Train to the end; returns the trace. The network keeps the last weights. Raises ConfigError where its loss or
        its predictions are no numbers any more."""
        start = load_checkpoint(self.checkpoint_path)
        first_phase, first_epoch = (start.phase, start.epoch) if start else (0, 0)
        if start:
            self.network.load_state_dict(start.network)
            self._pretrained = start.pretrained
            self.trace = Trace.from_tensors(start.arrays, plan_stages(self.settings))
        optimizer = None
        for index in range(first_phase, len(self._phases)):
            phase = self._phases[index]
            resumed = start if index == first_phase else None
            optimizer = self._begin(phase, optimizer, is_resumed=resumed is not None)
            if resumed:
                optimizer.load_state_dict(resumed.optimizer)
            run_epoch = self._epoch_function(phase)
            for epoch in range(first_epoch + 1, phase.num_epochs + 1):
                fields = run_epoch(optimizer, epoch, self._generator(index, epoch))
                if not math.isfinite(fields["loss"]):
                    raise _diverged(phase)
                self._after_epoch(phase, epoch)
                self.progress.epoch(index, epoch, **fields)
                if epoch == phase.num_epochs and phase.kind is PhaseKind.ROUND:
                    self.progress.emit("round", **self._round_fields(phase))
                self._save(index, epoch, optimizer)
            first_epoch = 0
        if self.features is not None:
            self.trace.embeddings = self.features
        elif self.trace.embeddings is None:  # no phase came after the pretraining
            self.trace.embeddings = embed(self.network, self.data, precision=self.settings.model.precision)
        return self.trace

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The network's: as pretrained, where networks of folds were trained from that, else its last ones."""
        return self._pretrained or self.network.state_dict()

    def _begin(
        self, phase: Phase, optimizer: torch.optim.Optimizer | None, *, is_resumed: bool
    ) -> torch.optim.Optimizer:
        """The network and the optimiser that a phase begins with."""
        if phase.kind is PhaseKind.PRETRAIN:
            pretrain = self.settings.pretrain
            return self._optimizer("adamw", pretrain.learning_rate, pretrain.weight_decay)
        if self.trace.embeddings is None and self.features is None:
            self.trace.embeddings = embed(self.network, self.data, precision=self.settings.model.precision)
        if optimizer is not None and phase.kind not in (PhaseKind.WARMUP, PhaseKind.FOLD):
            # From the warm-up on, one optimiser: its moments are kept from round to round, as the weights are.
            return optimizer
        if self.folds and not self._pretrained:
            self._pretrained = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        if self.folds and not is_resumed:
            self.network.load_state_dict(self._pretrained)
        warmup = self.settings.warmup
        return self._optimizer(warmup.optimizer, warmup.learning_rate, warmup.weight_decay)

    def _epoch_function(self, phase: Phase) -> Callable[..., dict[str, float]]:
        return self._pretrain_epoch if phase.kind is PhaseKind.PRETRAIN else self._supervised_epoch_of(phase)

    def _pretrain_epoch(
        self, optimizer: torch.optim.Optimizer, epoch: int, generator: torch.Generator
    ) -> dict[str, float]:
        pretrain = self.settings.pretrain
        set_learning_rate(optimizer, pretrain.learning_rate * cosine_decay((epoch - 1) / pretrain.num_epochs))
        loss = pretrain_epoch(
            self.network,
            optimizer,
            self.data,
            batch_size=pretrain.batch_size,
            temperature=pretrain.temperature,
            flip=pretrain.flip,
            precision=self.settings.model.precision,
            generator=generator,
        )
        return {"loss": round(loss, 5)}

    def _supervised_epoch_of(self, phase: Phase) -> Callable[..., dict[str, float]]:
        rounds = self.settings.rounds
        is_refinement = phase.kind in (PhaseKind.ROUND, PhaseKind.FINAL)
        is_weighted = phase.kind is PhaseKind.FINAL or (is_refinement and rounds.weighting == "rounds")
        data = self._without_fold(phase) if phase.kind is PhaseKind.FOLD else self.data
        labels = self.trace.pseudo_labels[-1] if self.trace.pseudo_labels else self.data.given
        is_strong = np.full(len(labels), is_refinement and rounds.strong == "all")
        if rounds.strong == "consensus" and self.trace.is_consensus:
            is_strong = self.trace.is_consensus[-1]

        def run_epoch(optimizer: torch.optim.Optimizer, epoch: int, generator: torch.Generator) -> dict[str, float]:
            set_learning_rate(optimizer, self._learning_rate(phase, epoch))
            loss, lowest_weight = supervised_epoch(
                self.network,
                optimizer,
                data,
                labels,
                is_strong,
                batch_size=self.settings.warmup.batch_size,
                weight=rounds.weight if is_weighted else "none",
                precision=self.settings.model.precision,
                generator=generator,
            )
            return {"loss": round(loss, 5), "lowest_weight": round(lowest_weight, 4)}

        return run_epoch

    def _learning_rate(self, phase: Phase, epoch: int) -> float:
        """During an epoch, from 1, of a phase that is trained with labels."""
        warmup = self.settings.warmup
        if warmup.schedule == "constant":
            return warmup.learning_rate
        stretch = [phase]
        if phase.kind is not PhaseKind.FOLD:
            stretch = [p for p in self._phases if p.kind not in (PhaseKind.PRETRAIN, PhaseKind.FOLD)]
        num_before = sum(p.num_epochs for p in stretch[: stretch.index(phase)])
        return warmup.learning_rate * cosine_decay((num_before + epoch - 1) / sum(p.num_epochs for p in stretch))

    def _after_epoch(self, phase: Phase, epoch: int) -> None:
        """Predict the whole set where the epoch is monitored; end a round with its consensus."""
        is_last = epoch == phase.num_epochs
        rounds = self.settings.rounds
        if phase.kind in (PhaseKind.WARMUP, PhaseKind.FINAL) and is_last:
            self.trace.add_stage(Stage(StageKind(phase.kind)), self._predict(phase))
        elif phase.kind is PhaseKind.FOLD:
            self._judge_fold(phase, epoch)
        elif phase.kind is PhaseKind.ROUND:
            if epoch in rounds.stages(phase.index):
                self.trace.add_stage(Stage(StageKind.ROUND, phase.index, epoch), self._predict(phase))
            if is_last:
                current = self.trace.pseudo_labels[-1] if self.trace.pseudo_labels else self.data.given
                stage_probs, data = self.trace.round_probs(phase.index), self.data
                self.trace.add_round(round_consensus(stage_probs, data.given, data.is_trained, rounds, current))

    def _held_out(self, phase: Phase) -> np.ndarray:
        return self.folds[phase.index]

    def _without_fold(self, phase: Phase) -> TrainingData:
        is_trained = self.data.is_trained.copy()
        is_trained[self._held_out(phase)] = False
        return replace(self.data, is_trained=is_trained)

    def _judge_fold(self, phase: Phase, epoch: int) -> None:
        """Add what a fold's network says: of the samples held out, and as one voice of all of the untrained ones."""
        settings, trace = self.settings.cross_fitting, self.trace
        num_averaged = min(settings.num_averaged, phase.num_epochs)
        is_averaged, is_stage = epoch > phase.num_epochs - num_averaged, epoch in settings.reached_stages
        if not (is_averaged or is_stage):
            return
        held_out, untrained = self._held_out(phase), np.flatnonzero(~self.data.is_trained)
        places = np.concatenate([held_out, untrained])
        probs = self._predict(phase, places)
        probs[len(held_out) :] /= len(self.folds)
        empty = np.zeros((len(self.data.given), self.data.num_classes), dtype=np.float32)
        if is_averaged:
            trace.cross_fitted = empty.copy() if trace.cross_fitted is None else trace.cross_fitted
            trace.cross_fitted[places] += probs / num_averaged
        if is_stage:
            trace.cross_fitted_stages.setdefault(epoch, empty)[places] += probs

    def _round_fields(self, phase: Phase) -> dict[str, int]:
        return {
            "round": phase.index + 1,
            "num_reliable": int(self.trace.is_consensus[-1].sum()),
            "num_changed": int((self.trace.pseudo_labels[-1] != self.data.given).sum()),
        }

    def _predict(self, phase: Phase, places: np.ndarray | None = None) -> np.ndarray:
        """Class probabilities of every sample, or of those at `places` (M,)."""
        probs = predict(self.network, self.data, places, precision=self.settings.model.precision)
        if not np.isfinite(probs).all():
            raise _diverged(phase)
        return probs

    def _optimizer(self, name: str, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
        parameters = self.network.parameters()
        return make_optimizer(parameters, name, learning_rate=learning_rate, weight_decay=weight_decay)

    def _generator(self, phase_index: int, epoch: int) -> torch.Generator:
        seed = np.random.SeedSequence([self.seed, phase_index, epoch]).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(seed >> np.uint64(1)))

    def _save(self, phase_index: int, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        save_checkpoint(
            self.checkpoint_path,
            Checkpoint(
                phase_index,
                epoch,
                self.network.state_dict(),
                optimizer.state_dict(),
                self.trace.to_tensors(),
                self._pretrained,
            ),
        )


def _diverged(phase: Phase) -> ConfigError:
    section = "pretrain" if phase.kind is PhaseKind.PRETRAIN else "warmup"
    return ConfigError(
        f"the training diverged in phase {phase.name}: its numbers are no longer finite; train again with a lower "
        f"{section}.learning_rate (--set)"
    )
