"""Chest-radiograph phantoms: attenuation added up layer by layer, as a PA view would show it.

The patient's right is on the left of the film. Places are in the patient's frame (see `Film`).
"""

from dataclasses import dataclass

import numpy as np
from PIL import ImageFont

from overread.demo.film import Film, closed_curve
from overread.demo.opacity import draw_opacity, opacity_strength
from overread.demo.texture import clip, grain

FULL_SCALE = 4095
"""The largest stored value: 12 bits."""

_RIGHT, _LEFT = -1, 1


@dataclass(frozen=True)
class Patient:
    """What does not change from one film of a patient to the next."""

    seed: int
    breadth: float
    """Half the rib cage, of the film's width."""
    heart: float
    """Size of the heart; 1 is usual."""
    stoutness: float
    """Soft tissue over the ribs; 1 is usual."""
    has_breasts: bool


def make_patient(seed: int) -> Patient:
    rng = np.random.default_rng(seed)
    return Patient(
        seed=seed,
        breadth=rng.uniform(0.385, 0.43),
        heart=min(max(rng.normal(1.0, 0.12), 0.78), 1.3),
        stoutness=rng.uniform(0.8, 1.25),
        has_breasts=rng.random() < 0.45,
    )


def draw_chest(
    patient: Patient, severity: float, kind: str, height: int, width: int, rng: np.random.Generator
) -> np.ndarray:
    """One film. Returns (height, width) uint16 of 12 bits; dense is bright.

    severity: of the pneumonia, in [0, 1]. kind: how it spreads, one of demo_opacity.KINDS. height, width: px, at
    most 512.
    """
    film = Film(height, width, patient.breadth, rng)
    attenuation = _attenuation(film, patient, severity, kind, rng)
    # The scanner's own edge enhancement, coarse on purpose: it gives a CR its crisp look.
    attenuation += 0.45 * (attenuation - film.without_detail(attenuation))
    # Fewer quanta come through where the body is dense; after the logarithm that is more noise.
    quanta = grain(rng, height, width) + 0.5 * film.noise(rng, 2.6)
    attenuation += np.float32(0.0085 * rng.uniform(0.6, 1.5)) * np.exp(np.float32(0.8) * attenuation) * quanta
    contrast, brightness = rng.uniform(0.88, 1.1), rng.uniform(-0.06, 0.06)
    stored = np.float32(FULL_SCALE) * (np.float32(0.60 * contrast) * attenuation + np.float32(0.07 + 0.6 * brightness))
    marker = _marker(film, patient, rng)
    stored += (np.float32(0.86 * FULL_SCALE) - stored) * marker
    return clip(stored, 0, FULL_SCALE).astype(np.uint16)


def _attenuation(film: Film, patient: Patient, severity: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """(height, width) float32: 0 for air, about 1 for the abdomen."""
    breath = rng.normal(0, 0.018)  # how much higher than usual the diaphragm stands
    lungs = [_lung(patient, side, breath) for side in (_RIGHT, _LEFT)]
    body, ventricles = [_body(patient)], [_heart(patient, breath)]
    canvas = film.canvas()
    for lung in lungs:
        canvas.fill(lung, 255)
    is_lung = canvas.layer(1.2)

    # What has no sharp edge, at half the film's size: tissue, and how much of the air in the lungs is left.
    heart = _shadow(film, ventricles, 2) * (0.45 + 0.55 * film.depth(ventricles, (10, 25)))
    mediastinum = _shadow(film, [_MEDIASTINUM], 3)
    opacity = draw_opacity(film, severity, kind, rng)
    tissue = (1.02 + 0.05 * (patient.stoutness - 1)) * film.depth(body, (5, 14, 30)) * _shadow(film, body, 2)
    tissue += 0.05 * mediastinum + 0.04 * heart
    tissue += _spine(film, patient) + _shoulder_blades(film, patient) - 0.13 * _windpipe(film)
    tissue += _soft_shadows(film, patient, breath, is_lung[::2, ::2])
    air = (0.30 + 0.42 * film.depth(lungs, (8, 22))) * (1 - 0.80 * heart) * (1 - 0.85 * mediastinum) * (1 - opacity)
    if opacity_strength(severity) > 0.3:  # an air bronchogram: airways stay open where the lung is solid
        rng_of_airways = np.random.default_rng(patient.seed + 4)
        air += 0.05 * opacity * _branches(film, rng_of_airways, num=7, thick=0.010, orders=2, step=2)
    seen = 0.13 * (1 - 0.7 * opacity) * (1 - 0.65 * heart)  # how well vessels stand out

    vessels = _branches(film, np.random.default_rng(patient.seed + 3), num=9, thick=0.0125, orders=3, step=1)
    vessels = vessels * film.scaled_up(seen) + film.scaled_up(seen * _hila(film) - air)
    total = film.scaled_up(tissue) + is_lung * vessels
    total += _ribs_and_clavicles(film, patient, breath) * (0.75 + 0.25 * is_lung)
    return total * (1 + 0.018 * film.noise(rng, 60) + 0.008 * film.noise(rng, 20))


def _shadow(film: Film, outlines: list[np.ndarray], blur_px: float) -> np.ndarray:
    """What lies inside outlines; step 2."""
    canvas = film.canvas(step=2)
    for outline in outlines:
        canvas.fill(outline, 255)
    return canvas.layer(blur_px)


_MEDIASTINUM = closed_curve(
    [
        *((-0.16, -0.05), (-0.15, 0.12), (-0.17, 0.24), (-0.17, 0.45), (-0.16, 0.75), (-0.18, 1.05)),
        *((0.18, 1.05), (0.15, 0.75), (0.15, 0.45), (0.16, 0.28), (0.15, 0.12), (0.16, -0.05)),
    ]
)


def _body(patient: Patient) -> np.ndarray:
    side = 1 + 0.13 * patient.stoutness
    neck_to_elbow = [
        (0.28, -0.08),
        (0.30, 0.03),
        (0.55, 0.075),
        (0.95, 0.105),
        (1.30, 0.15),
        (1.60, 0.24),
        (1.62, 0.40),
    ]
    flank = [(1.32, 0.43), (side + 0.02, 0.47), (side - 0.02, 0.62), (side - 0.03, 0.85), (side, 1.10), (side, 1.40)]
    half = neck_to_elbow + flank
    return closed_curve([(-x, y) for x, y in half] + half[::-1])


def _lung(patient: Patient, side: int, breath: float) -> np.ndarray:
    high = breath + (0.012 if side == _RIGHT else -0.008)
    wall = [(0.40, 0.115), (0.60, 0.150), (0.78, 0.245), (0.90, 0.38), (0.965, 0.54), (0.985, 0.70)]
    dome = [(0.975, 0.845), (0.93, 0.850), (0.80, 0.785), (0.55, 0.742), (0.30, 0.752), (0.12, 0.785)]
    inner = [(0.11, 0.60), (0.12, 0.42), (0.15, 0.26), (0.24, 0.150)]
    points = wall + [(x, y - high) for x, y in dome] + inner
    shape = np.random.default_rng(patient.seed + 10 + side).normal(0, (0.014, 0.008), (len(points), 2))
    return closed_curve((np.array(points) + shape) * (side, 1))


def _heart(patient: Patient, breath: float) -> np.ndarray:
    size = patient.heart
    right = [(-0.17, 0.30), (-0.15, 0.42), (-0.24 * size, 0.52), (-0.30 * size, 0.62), (-0.25 * size, 0.73 - breath)]
    base = [(0.05, 0.80 - breath), (0.40 * size, 0.795 - breath), (0.58 * size, 0.750 - breath)]
    left = [(0.565 * size, 0.67), (0.46 * size, 0.57), (0.33 * size, 0.49), (0.23, 0.425)]
    aorta = [(0.245, 0.385), (0.265, 0.35), (0.22, 0.305), (0.10, 0.27)]
    return closed_curve(right + base + left + aorta)


def _windpipe(film: Film) -> np.ndarray:
    canvas = film.canvas(step=2)
    thick = 0.035 * film.width
    canvas.stroke([(-0.01, 0.32), (-0.10, 0.365), (-0.19, 0.41)], 0.7 * thick, 130)
    canvas.stroke([(-0.01, 0.32), (0.09, 0.36), (0.23, 0.40)], 0.65 * thick, 130)
    canvas.stroke([(0.01, -0.05), (0.015, 0.15), (-0.01, 0.33)], 1.15 * thick, 255)
    return canvas.layer(4)


def _ribs_and_clavicles(film: Film, patient: Patient, breath: float) -> np.ndarray:
    """Each rib runs outwards and down behind the lung, turns at the chest wall, and comes back lower in front."""
    rng = np.random.default_rng(patient.seed + 2)
    behind, front = film.canvas(), film.canvas()
    step = rng.uniform(0.066, 0.071) * (1 - 0.5 * breath)
    numbers = np.arange(10)
    spans = np.interp(numbers, (0, 1, 2, 3, 4, 5, 7, 9), (0.46, 0.66, 0.80, 0.89, 0.95, 0.99, 1.015, 1.03))
    drops = np.interp(numbers, (0, 2, 9), (0.05, 0.075, 0.105))
    thicks = np.interp(numbers, (0, 3, 9), (0.029, 0.028, 0.024)) * film.height
    drops, thicks = drops * rng.normal(1, 0.03, 10), thicks * rng.normal(0.95, 0.04, 10)
    turn = np.linspace(0.10, 2.45, 60)
    x = spans[:, None] * np.sin(turn)
    y = 0.125 + step * numbers[:, None] + drops[:, None] * (1 - np.cos(turn)) - 0.012 * np.sin(2 * turn)
    sag = 0.05 * np.maximum(turn - 1.5, 0) ** 1.5
    for side in (_RIGHT, _LEFT):
        ribs = np.stack([side * x, y + rng.normal(0, 0.002, (10, 1))], axis=2)
        behind.tube(ribs[:, turn < 1.65], thicks, (135, 215))
        front.tube((ribs + np.stack([0 * sag, sag], axis=1))[:8, turn > 1.45], 1.1 * thicks[:8], (52, 82))
    along = np.linspace(0.12, 1.14, 40)
    tilt = rng.normal(0, 0.012)
    for side in (_RIGHT, _LEFT):
        end = tilt + rng.normal(0, 0.005)
        height = np.polynomial.Polynomial.fit(
            (0.12, 0.35, 0.62, 0.92, 1.14), (0.198, 0.185, 0.175 + end, 0.147 + end, 0.150 + end), deg=4
        )
        front.tube([np.stack([side * along, height(along)], axis=1)], 0.026 * film.height, (135, 215))
    return 0.135 * behind.layer(1.0) + 0.20 * front.layer(1.2)


def _spine(film: Film, patient: Patient) -> np.ndarray:
    rng = np.random.default_rng(patient.seed + 7)
    canvas = film.canvas(step=2)
    top = -0.03 + np.concatenate([[0], np.linspace(0.042, 0.062, 21).cumsum()])[:-1, None]
    tall, wide = np.linspace(0.042, 0.062, 21)[:, None], np.linspace(0.105, 0.135, 21)[:, None]
    middle = rng.normal(0, 0.008) * np.sin(3 * top)
    corners_x, corners_y = np.array([-1, 1, 0.92, 1, -1, -0.92]), np.array([0, 0, 0.5, 0.9, 0.9, 0.5])
    vertebrae = np.stack([middle + wide * corners_x, top + tall * corners_y], axis=2)
    canvas.fill(vertebrae, 120)
    canvas.stroke(np.concatenate([vertebrae[:, :2], vertebrae[:, 3:5]]), 2, 200)  # the end plates
    pedicles = np.array([-0.62, 0.62])
    canvas.disc(
        np.stack([middle + wide * pedicles, top + 0.33 * tall + 0 * pedicles], axis=2), 0.0075 * film.height, 225
    )
    canvas.disc(np.concatenate([middle, top + 0.75 * tall], axis=1), 0.007 * film.height, 205)  # the spinous processes
    return 0.085 * canvas.layer(2)


def _shoulder_blades(film: Film, patient: Patient) -> np.ndarray:
    rng = np.random.default_rng(patient.seed + 8)
    canvas = film.canvas(step=2)
    for side in (_RIGHT, _LEFT):
        tilt = rng.normal(0, 0.012)
        blade = [(1.08, 0.16), (1.24, 0.20), (1.16, 0.30), (1.03, 0.45), (0.98, 0.43), (0.92, 0.28), (0.95, 0.20)]
        outline = closed_curve([(side * x, y + tilt) for x, y in blade])
        canvas.fill(outline, 120)
        canvas.stroke([*outline, outline[0]], 3, 200)
        canvas.disc((side * 1.33, 0.195 + tilt), 0.048 * film.height, 190)
    return 0.085 * canvas.layer(3)


def _hila(film: Film) -> np.ndarray:
    """The roots of the lungs, the left higher than the right; step 2."""
    canvas = film.canvas(step=2)
    canvas.stroke([(-0.21, 0.40), (-0.25, 0.45), (-0.25, 0.52)], 0.035 * film.height, 110)
    canvas.stroke([(0.20, 0.40), (0.27, 0.425), (0.27, 0.48)], 0.032 * film.height, 110)
    return canvas.layer(10)


def _branches(film: Film, rng: np.random.Generator, num: int, thick: float, orders: int, step: int) -> np.ndarray:
    """A tree from each hilum, thinner and fainter outwards. num: of its main branches. thick: of the film's height."""
    side = np.repeat([_RIGHT, _LEFT], num)
    start = np.stack([side * 0.23, np.where(side == _RIGHT, 0.445, 0.425)], axis=1)
    start += rng.normal(0, 0.035, start.shape)
    angle = np.tile(np.linspace(-1.3, 1.45, num), 2) + rng.normal(0, 0.16, side.size)
    length = 0.66 * (0.75 + 0.25 * np.sin(angle)) * rng.uniform(0.6, 1.1, side.size)
    width = thick * film.height * rng.uniform(0.6, 1.1, side.size)
    canvas = film.canvas(step)
    levels = []
    for order in range(orders):
        num_steps = (8, 6, 4)[order]
        angles = angle[:, None] + rng.normal(0, 0.17, (side.size, num_steps)).cumsum(axis=1)
        moves = (
            np.stack([side[:, None] * np.cos(angles), 0.8 * np.sin(angles)], axis=2)
            * (length / num_steps)[:, None, None]
        )
        points = np.concatenate([start[:, None], start[:, None] + moves.cumsum(axis=1)], axis=1)
        piece = (2, 3, 4)[order]
        for first in range(0, num_steps, piece):
            levels.append((width * (1 - 0.55 * first / num_steps), points[:, first : first + piece + 1]))
        # Forks: some of the knots of every branch send off a thinner one.
        branch = np.repeat(np.arange(side.size), (4, 3, 0)[order])
        knot = rng.integers(1, num_steps, branch.size)
        start, side = points[branch, knot], side[branch]
        angle = angles[branch, knot - 1] + rng.choice([-1, 1], branch.size) * rng.uniform(0.35, 0.8, branch.size)
        length, width = 0.42 * length[branch], 0.55 * width[branch] * (1 - 0.5 * knot / num_steps)
    for widths, lines in reversed(levels):  # thick ones over thin ones
        canvas.stroke(lines, widths, np.minimum(60 + 30 * widths, 235))
    return canvas.layer(1.0)


def _soft_shadows(film: Film, patient: Patient, breath: float, is_lung: np.ndarray) -> np.ndarray:
    """Breasts over the lower lungs, the stomach's bubble of gas under the left dome."""
    rng = np.random.default_rng(patient.seed + 5)
    turns = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    shadow = np.zeros_like(is_lung)
    if patient.has_breasts:
        size = rng.uniform(0.85, 1.15)
        x, y = 0.60 + 0.36 * size * np.cos(turns), 0.625 + 0.115 * size * np.sin(turns)
        breasts = [closed_curve(np.stack([side * x, y], axis=1)) for side in (_RIGHT, _LEFT)]
        shadow += 0.085 * _shadow(film, breasts, 4) * film.depth(breasts, (10, 24))
    if rng.random() < 0.7:
        reach = rng.uniform(0.75, 1.25, turns.size)
        x = rng.uniform(0.36, 0.60) + 0.17 * reach * np.cos(turns)
        y = 0.805 - breath + 0.034 * reach * np.sin(turns)
        bubble = closed_curve(np.stack([x, y], axis=1))
        shadow -= rng.uniform(0.06, 0.15) * _shadow(film, [bubble], 6) * (1 - is_lung)
    return shadow


def _marker(film: Film, patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """The lead letter that says which side is which."""
    letter, side = ("R", _RIGHT) if patient.seed % 2 else ("L", _LEFT)
    canvas = film.canvas()
    spot = film.width * (0.5 + side * rng.uniform(0.38, 0.43)), film.height * rng.uniform(0.05, 0.075)
    font = ImageFont.load_default(size=film.height * 0.05)
    canvas.draw.text(spot, letter, fill=255, font=font, anchor="mm")
    return canvas.layer(0)
