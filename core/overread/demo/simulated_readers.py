"""Simulated readers, who make errors as people do: on images that lie between two classes."""

import numpy as np


def draw_ambiguity(num: int, rng: np.random.Generator) -> np.ndarray:
    """(num,) in [0, 1]: 0 for a textbook case, 1 for an image on the border of its class. Most are near 0.3."""
    return rng.beta(1.2, 2.0, num)


def misread(
    truth: np.ndarray, neighbour: np.ndarray, ambiguity: np.ndarray, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """What one reader says of every image.

    truth, neighbour: (N,) classes, the latter the one that the image leans towards. ambiguity: (N,) in [0, 1].
    rate: the share of images misread, in [0, 1], to the nearest image. An image is the likelier misread, and
    taken for its neighbour, the more ambiguous it is. Returns (N,) classes.
    """
    chance = 0.02 + ambiguity**2.5
    wrong = rng.choice(truth.size, round(rate * truth.size), replace=False, p=chance / chance.sum())
    readings = truth.copy()
    readings[wrong] = neighbour[wrong]
    return readings
