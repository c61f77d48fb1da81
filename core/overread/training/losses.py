"""The losses: per-sample first, weighted second, reduced last."""

import torch
import torch.nn.functional as F
from torch import Tensor


def nt_xent(first: Tensor, second: Tensor, *, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy over two views of a batch.

    first, second: (B, D), the projections of the two views; row i of both shows the same image.
    temperature: above 0. Returns a scalar at least 0: the mean over all 2B anchors of the negative
    log-probability of picking the other view of the same image among the 2B - 1 other rows.
    Source: Chen et al. 2020, "A Simple Framework for Contrastive Learning", equation 1.
    """
    batch_size = len(first)
    views = F.normalize(torch.cat([first, second]).float(), dim=1)
    similarities = views @ views.T / temperature
    similarities.fill_diagonal_(float("-inf"))
    positives = torch.arange(2 * batch_size, device=views.device).roll(batch_size)
    return F.cross_entropy(similarities, positives)


def confidence_weights(logits: Tensor, targets: Tensor, *, weight: str) -> Tensor:
    """The weight of each sample: its own softmax confidence, detached, scaled to mean 1 over the batch.

    logits: (B, K); targets: (B,) int64 class indices; weight: "max", the confidence of the predicted
    class (the paper's words), "target", that of the target, or "none", all alike. Returns (B,) float32,
    at least 0, mean 1.
    """
    if weight == "none":
        return torch.ones(len(logits), device=logits.device)
    probs = logits.detach().float().softmax(dim=1)
    confidence = probs.amax(dim=1) if weight == "max" else probs.gather(1, targets[:, None]).squeeze(1)
    return confidence / confidence.mean().clamp_min(torch.finfo(torch.float32).tiny)


def softmax_weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy in which a sample counts by the model's confidence in it.

    logits: (B, K); targets: (B,) int64 class indices; weights: (B,), those of `confidence_weights`.
    Returns a scalar at least 0.
    Source: "Softmax-Weighted Pseudo-Label Refinement for Enhancing Robustness to Label Noise"
    (Bala, Gupta, Sethi), "Softmax-Weighted Cross-Entropy".
    """
    return (weights * F.cross_entropy(logits.float(), targets, reduction="none")).mean()
