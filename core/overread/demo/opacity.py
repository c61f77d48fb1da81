"""Pneumonia in a chest phantom's lungs: where fluid replaces air, and how much of it."""

import numpy as np

from overread.demo.film import Film
from overread.demo.texture import clip

KINDS = ("lobar", "patchy", "diffuse")
"""How an opacity may spread."""

_RIGHT, _LEFT = -1, 1


def opacity_strength(severity: float) -> float:
    """How much of the air an opacity takes at its densest: next to none at severity 0, most of it at 1."""
    return float(np.interp(severity, (0, 0.25, 0.5, 0.75, 1), (0, 0.03, 0.17, 0.48, 0.85)))


def draw_opacity(film: Film, severity: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Where fluid has taken the air's place, in [0, 1]; step 2."""
    across, down = film.axes(step=2)
    spread = {"lobar": _lobar, "patchy": _patchy, "diffuse": _diffuse}[kind]
    return np.float32(opacity_strength(severity)) * clip(spread(film, across, down, rng), 0, 1)


def _lobar(film: Film, across: np.ndarray, down: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = rng.choice([_RIGHT, _LEFT])
    lobe = rng.choice(["lower", "upper", "middle"] if side == _RIGHT else ["lower", "upper"])
    out = side * across
    if lobe == "lower":
        shape = _bump((out - rng.uniform(0.45, 0.62)) / 0.46) * _bump((down - rng.uniform(0.66, 0.72)) / 0.155)
    elif lobe == "upper":
        shape = _bump((out - 0.5) / 0.50) * _bump((down - rng.uniform(0.27, 0.33)) / 0.15)
        if side == _RIGHT:  # bounded by the horizontal fissure, which the left lung does not have
            shape *= clip((0.43 + 0.06 * (out - 0.4) - down) / 0.012 + 0.5, 0, 1)
    else:  # beside the heart, whose border it blurs
        shape = _bump((out - rng.uniform(0.32, 0.42)) / 0.36) * _bump((down - 0.59) / 0.12)
        shape *= clip((down - 0.455) / 0.012 + 0.5, 0, 1)
    return 1.35 * shape * (1 + 0.16 * film.noise(rng, 26, step=2) + 0.06 * film.noise(rng, 10, step=2))


def _patchy(film: Film, across: np.ndarray, down: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shape = np.zeros_like(across)
    for _ in range(rng.integers(4, 9)):
        x, y = rng.choice([-1, 1]) * rng.uniform(0.3, 0.85), rng.uniform(0.33, 0.74)
        reach = rng.uniform(0.09, 0.22)
        distance = ((across - np.float32(x)) / np.float32(reach)) ** 2
        distance += ((down - np.float32(y)) / np.float32(0.62 * reach)) ** 2
        shape = np.maximum(shape, np.float32(rng.uniform(0.55, 1.0)) * np.exp(-distance))
    return 1.2 * shape * (1 + 0.20 * film.noise(rng, 20, step=2) + 0.08 * film.noise(rng, 10, step=2))


def _diffuse(film: Film, across: np.ndarray, down: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Both lungs, denser around the hila and at the bases, with a fine net."""
    shape = 0.40 * _bump((np.abs(across) - 0.3) / 0.4) * _bump((down - 0.5) / 0.25) + 0.35
    shape += 0.35 * clip((down - 0.4) / 0.4, 0, 1)
    net = 0.6 - np.abs(film.noise(rng, 9, step=2)) + 0.4 * film.noise(rng, 4, step=2)
    return 0.85 * shape * (1 + 0.10 * net + 0.22 * film.noise(rng, 40, step=2))


def _bump(distance: np.ndarray) -> np.ndarray:
    """1 at 0, half at 0.83, near 0 from 2 on."""
    return np.exp(-(distance * distance))
