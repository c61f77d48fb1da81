"""DivideMix: two networks, each of which tells the other which labels to believe; the rest is learnt without labels.

Source: Li, Socher, Hoi 2020, "DivideMix: Learning with Noisy Labels as Semi-supervised Learning". Its
steps are cited by their names there.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from overread.benchmark.trainers.mixup import draw_mix, soft_cross_entropy
from overread.benchmark.trainers.network_training import (
    Batch,
    draw_seed,
    final_outcome,
    logits_of,
    make_optimizer,
    predict_probs,
    run_epoch,
    start_network,
)
from overread.benchmark.trainers.phase_length import phase_length
from overread.benchmark.trainers.training_problem import Recipe, TrainingOutcome, TrainingProblem
from overread.models.network import Network
from overread.training.training_data import TrainingData


@dataclass(frozen=True)
class DivideMixSettings:
    """As in the paper, but that its `unlabelled_weight` is chosen by dataset and noise, and here is fixed."""

    num_warmup: int = 10
    """Epochs on the given labels, at most a third of all; 30 for CIFAR-100."""
    confidence_penalty: bool = False
    """Whether the warm-up's loss is less the entropy of the predictions: for asymmetric noise."""
    min_clean: float = 0.5
    """Probability that a label is right above which it is believed; tau."""
    num_views: int = 2
    """Views of each sample whose predictions are averaged; M."""
    temperature: float = 0.5
    """Of sharpening; T."""
    mixup_alpha: float = 4.0
    """Of the beta distribution that the share of a mix is drawn from."""
    unlabelled_weight: float = 25.0
    """Of the loss without labels, once it is reached; lambda_u. Its author gives 0 for asymmetric noise."""
    num_ramp: int = 16
    """Epochs in which that weight rises from 0, at most a third of all."""


DIVIDEMIX_RECIPE = Recipe(
    num_epochs=300,
    batch_size=64,
    optimizer="sgd",
    learning_rate=0.02,
    weight_decay=5e-4,
    schedule="steps",
    milestones=(0.5,),  # 150 of 300 epochs
)


def dividemix_settings(num_classes: int, num_epochs: int) -> DivideMixSettings:
    """The paper's: those for CIFAR-100 from 100 classes on, else those for CIFAR-10. The authors choose the weight of
    the loss without labels by validation, from 0 on, and have 0 for the least noise; so it is in trainings of fewer
    than 100 epochs, in which the networks' guesses at the other labels are so poor that with 25 they lose a class."""
    weight = DivideMixSettings.unlabelled_weight if num_epochs >= 100 else 0.0
    return DivideMixSettings(num_warmup=30 if num_classes >= 100 else 10, unlabelled_weight=weight)


def warmup_loss(logits: Tensor, targets: Tensor, *, confidence_penalty: bool) -> Tensor:
    """Cross-entropy, less the predictions' mean entropy (its confidence penalty) if they are to be penalised for
    confidence. logits: (B, K); targets: (B,) int64. Returns a scalar."""
    loss = F.cross_entropy(logits, targets)
    if confidence_penalty:
        loss = loss - soft_cross_entropy(logits, logits.softmax(dim=1)).mean()
    return loss


def clean_probs(losses: np.ndarray, *, seed: int) -> np.ndarray:
    """(M,) in [0, 1], high where the label is right: the posterior of the component of lower mean, of two normals
    fitted to the losses.

    losses: (M,) float, no NaN; of the given labels, scaled here to [0, 1]. Where all are equal it is 1.
    Source: co-divide; steps, tolerance and floor of the variance as in the authors' code.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    spread = np.ptp(losses)
    if spread == 0:
        return np.ones(len(losses))
    scaled = ((losses - losses.min()) / spread)[:, None]
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=seed % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten steps are the paper's own
        mixture.fit(scaled)
    return mixture.predict_proba(scaled)[:, int(mixture.means_.ravel().argmin())]


def believed_labels(clean: np.ndarray, given: np.ndarray, min_clean: float) -> np.ndarray:
    """(M,) bool: the labels that are probably right, and of a class without any, the most probable one.

    clean: (M,), of `clean_probs`; given: (M,) int64. The paper has no class without any; a small dataset may.
    """
    is_believed = clean > min_clean
    for label in np.unique(given):
        if not is_believed[given == label].any():
            is_believed[np.argmax(np.where(given == label, clean, -1.0))] = True
    return is_believed


def sharpen(probs: Tensor, temperature: float) -> Tensor:
    """(B, K), rows sum to 1: probs^(1 / temperature), normalised. probs: (B, K). Source: sharpening."""
    powers = probs ** (1 / temperature)
    return powers / powers.sum(dim=1, keepdim=True)


def refined_targets(targets: Tensor, clean: Tensor, probs: Tensor, temperature: float) -> Tensor:
    """(B, K): co-refinement, the given label where it is right, else what the network says, sharpened.

    targets: (B,) int64; clean: (B,) in [0, 1]; probs: (B, K), the mean over the views. Source: co-refinement.
    """
    labels = F.one_hot(targets, probs.shape[1]).to(probs.dtype)
    return sharpen(clean[:, None] * labels + (1 - clean[:, None]) * probs, temperature)


def mixed_loss(logits: Tensor, targets: Tensor, num_labelled: int, unlabelled_weight: float) -> Tensor:
    """What is minimised after the warm-up, a scalar: cross-entropy with labels, the Brier score without, and the
    divergence of the mean prediction from equal shares of all classes.

    logits, targets: (B, K) of the mixed samples, those with labels first. Source: the paper's total loss, the weight of
    the last term 1; the square is averaged over the classes too, as in MixMatch (Berthelot et al. 2019, equation 4) and
    the authors' code, whose weights of it these are.
    """
    probs = logits.softmax(dim=1)
    loss = soft_cross_entropy(logits[:num_labelled], targets[:num_labelled]).mean()
    if len(logits) > num_labelled:
        loss = loss + unlabelled_weight * F.mse_loss(probs[num_labelled:], targets[num_labelled:])
    equal = 1 / logits.shape[1]
    mean = probs.mean(dim=0).clamp_min(torch.finfo(probs.dtype).tiny)
    return loss + (equal * torch.log(equal / mean)).sum()


def train_by_dividemix(problem: TrainingProblem, settings: DivideMixSettings | None = None) -> TrainingOutcome:
    """settings: None, those of `dividemix_settings`. At the end both networks are asked."""
    num_epochs = problem.recipe.num_epochs
    settings = dividemix_settings(problem.data.num_classes, num_epochs) if settings is None else settings
    num_warmup = phase_length(settings.num_warmup, num_epochs)
    num_ramp = phase_length(settings.num_ramp, num_epochs)
    # Of its own seed each: the two see the samples in different orders.
    problems = [replace(problem, seed=draw_seed(problem.seed, number)) for number in range(2)]
    networks = [start_network(problem, number) for number in range(2)]
    optimizers = [make_optimizer(problem.recipe, network) for network in networks]

    for epoch in range(1, num_epochs + 1):
        clean = [_clean_probs(problem, network) for network in networks] if epoch > num_warmup else []
        weight = settings.unlabelled_weight * min((epoch - 1 - num_warmup) / num_ramp, 1)
        for own, other in ((0, 1), (1, 0)):
            if epoch <= num_warmup:
                batch_loss, data = _warmup(problem, networks[own], settings), problem.data
            else:
                is_believed = _believed(problem.data, clean[other], settings)
                batch_loss = _MixedBatches(
                    problem, settings, networks[own], networks[other], clean[other], is_believed, weight
                )
                data = replace(problem.data, is_trained=is_believed)
            run_epoch(problems[own], [networks[own]], optimizers[own], batch_loss, epoch=epoch, data=data)
    return final_outcome(problem, *networks)


def _warmup(problem: TrainingProblem, network: Network, settings: DivideMixSettings) -> Callable[[Batch], Tensor]:
    def batch_loss(batch: Batch) -> Tensor:
        logits = logits_of(problem, network, batch.weak())
        return warmup_loss(logits, batch.targets, confidence_penalty=settings.confidence_penalty)

    return batch_loss


def _clean_probs(problem: TrainingProblem, network: Network) -> np.ndarray:
    """(N,), 0 where a sample is not trained on."""
    data = problem.data
    trained = np.flatnonzero(data.is_trained)
    probs = predict_probs(problem, network, trained)
    own = probs[np.arange(len(trained)), data.given[trained]].astype(np.float64)
    clean = np.zeros(len(data.given))
    clean[trained] = clean_probs(-np.log(own.clip(1e-30)), seed=problem.seed)
    return clean


def _believed(data: TrainingData, clean: np.ndarray, settings: DivideMixSettings) -> np.ndarray:
    """(N,) bool."""
    trained = np.flatnonzero(data.is_trained)
    is_believed = np.zeros(len(data.given), dtype=bool)
    is_believed[trained] = believed_labels(clean[trained], data.given[trained], settings.min_clean)
    return is_believed


class _MixedBatches:
    """The loss of one network's batches in one epoch. The batches are of samples whose labels are believed; as many of
    the others join each."""

    def __init__(
        self,
        problem: TrainingProblem,
        settings: DivideMixSettings,
        network: Network,
        other: Network,
        clean: np.ndarray,
        is_believed: np.ndarray,
        weight: float,
    ) -> None:
        """clean: (N,), is_believed: (N,) bool, as the other network has them; weight: of the loss without labels."""
        self.problem, self.settings, self.network, self.other, self.weight = problem, settings, network, other, weight
        self.clean = torch.from_numpy(clean).float().to(problem.data.device)
        self.unlabelled = torch.from_numpy(np.flatnonzero(problem.data.is_trained & ~is_believed))
        other.eval()

    def __call__(self, batch: Batch) -> Tensor:
        num_views, num_labelled = self.settings.num_views, len(batch.index)
        parts = [batch, self._draw_unlabelled(batch)] if len(self.unlabelled) else [batch]
        views = [torch.cat([part.weak() for part in parts]) for _ in range(num_views)]
        targets = self._targets(batch, views)
        # With labels first, over all views.
        images = torch.cat([view[:num_labelled] for view in views] + [view[num_labelled:] for view in views])
        targets = torch.cat([targets[:num_labelled]] * num_views + [targets[num_labelled:]] * num_views)
        mix = draw_mix(len(images), self.settings.mixup_alpha, batch.generator)
        logits = logits_of(self.problem, self.network, mix.of(images))
        return mixed_loss(logits, mix.of(targets), num_views * num_labelled, self.weight)

    def _draw_unlabelled(self, batch: Batch) -> Batch:
        """As many samples as the batch has, where there are as many."""
        order = torch.randperm(len(self.unlabelled), generator=batch.generator)
        index = self.unlabelled[order[: len(batch.index)]]
        return replace(batch, index=index, images=self.problem.data.images(index))

    @torch.no_grad()
    def _targets(self, batch: Batch, views: list[Tensor]) -> Tensor:
        """(B, K): those of the batch by co-refinement, the others' by co-guessing, which asks both networks."""
        num_labelled, temperature = len(batch.index), self.settings.temperature
        own = torch.stack([logits_of(self.problem, self.network, view).softmax(dim=1) for view in views]).mean(dim=0)
        clean = self.clean[batch.index.to(self.clean.device)]
        refined = refined_targets(batch.targets, clean, own[:num_labelled], temperature)
        if not len(self.unlabelled):
            return refined
        other = [logits_of(self.problem, self.other, view[num_labelled:]).softmax(dim=1) for view in views]
        guessed = (own[num_labelled:] + torch.stack(other).mean(dim=0)) / 2
        return torch.cat([refined, sharpen(guessed, temperature)])
