"""The input and output of a benchmark method."""

from dataclasses import dataclass

import numpy as np

from overread.detection.error_range import ErrorRange


@dataclass(frozen=True)
class Problem:
    """Features and given labels of a set. What is true is in none of it."""

    features: np.ndarray
    """(N, D) float32."""
    given: np.ndarray
    """(N,) int64 in [0, K)."""
    groups: np.ndarray
    """(N,) int64, equal for images of one patient, slide or duplicate group."""
    num_classes: int
    seed: int
    pixels: np.ndarray
    """(N, H, W, C) uint8, for methods that train a network of their own."""
    duplicate_groups: np.ndarray
    """(N,) int64, equal for images that were found to be near-duplicates, -1 for one without any."""
    device: str = "auto"
    """Where such a network is trained: auto, cpu or cuda."""


@dataclass(frozen=True)
class MethodResult:
    """What a method says of every label."""

    scores: np.ndarray
    """(N,) float, higher is more likely wrong."""
    proposed: np.ndarray
    """(N,) int64: the label that the method holds for right."""
    is_proposed: np.ndarray
    """(N,) bool: those that the method, as it comes, holds for wrong."""
    is_probability: bool = False
    """Whether the scores say that they are probabilities of being wrong."""
    error_range: ErrorRange | None = None
    """If the method has one."""
