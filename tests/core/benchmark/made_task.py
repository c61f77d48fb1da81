"""A task small enough for a test: stripes, their direction telling the class, and features in which it shows."""

import numpy as np

from overread.benchmark.problem import Problem
from overread.benchmark.tasks import Task

CLASSES = ("across", "down", "slanting")


def made_task(num_images=90, size_px=32, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, len(CLASSES), num_images)
    y, x = np.mgrid[:size_px, :size_px]
    waves = np.stack([np.sin((y, x, x + y)[label] * 0.7 + rng.uniform(0, 6)) for label in true])
    pixels = (127 + 80 * waves + rng.normal(0, 25, waves.shape)).clip(0, 255).astype(np.uint8)
    said = np.where(rng.random(num_images) < 0.2, (true + 1) % len(CLASSES), true)
    groups = rng.permutation(np.arange(num_images) // 2)
    return Task("made", pixels[..., None], true, groups, CLASSES, {"reader": said})


def made_problem(num_samples=240, num_classes=3, noise=0.2, seed=0):
    """Clouds of points, one a class, a part of their labels wrong. Returns the problem and the true labels."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, num_classes, num_samples)
    features = (3 * np.eye(num_classes, 8)[true] + rng.normal(0, 1, (num_samples, 8))).astype(np.float32)
    is_wrong = rng.random(num_samples) < noise
    given = np.where(is_wrong, (true + rng.integers(1, num_classes, num_samples)) % num_classes, true)
    groups = rng.permutation(np.arange(num_samples) // 3)
    pixels = np.zeros((num_samples, 8, 8, 1), np.uint8)
    return Problem(features, given, groups, num_classes, seed, pixels, np.full(num_samples, -1)), true
