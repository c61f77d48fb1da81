"""The geometry of a demo tile: crypts as tubes cut at an angle, and the depth of every pixel within its crypt.

Lengths are in px; a tile is 256 px, about 250 micrometres.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from overread.demo.texture import clip, smooth_noise

SIZE_PX = 256

# What a typical tile of each class looks like, in the order normal, serrated, adenoma, adenocarcinoma;
# between them it is interpolated.
LOOKS = {
    "radius": (31, 36, 23, 36),
    "half_length": (3, 24, 46, 16),
    "gap": (16, 12, 5, 9),
    "jitter": (0.08, 0.11, 0.10, 0.28),
    "size_spread": (0.06, 0.10, 0.12, 0.28),
    "bend": (0.0, 0.0012, 0.0020, 0.004),
    "warp": (3.0, 4.5, 5.0, 13.0),
    "height": (21, 22, 17, 25),
    "tuft": (0.0, 10.0, 1.5, 0.0),
    "goblet": (0.86, 0.42, 0.08, 0.02),
    "foam": (0.3, 0.8, 0.2, 0.3),
    "nucleus_length": (3.1, 3.4, 5.4, 4.3),
    "nucleus_width": (2.5, 2.5, 1.9, 3.3),
    "nucleus_spread": (0.10, 0.16, 0.30, 0.35),
    "nucleus_density": (0.68, 0.70, 0.78, 0.68),
    "nucleus_spacing": (5.4, 5.4, 4.3, 7.6),
    "num_rows": (1.0, 1.2, 2.7, 2.8),
    "disorder": (0.12, 0.18, 0.20, 1.4),
    "vesicular": (0.25, 0.3, 0.2, 0.6),
    "basophilia": (0.07, 0.08, 0.22, 0.19),
    "eosinophilia": (0.28, 0.28, 0.28, 0.30),
    "lymphocytes": (0.42, 0.40, 0.34, 0.14),
    "fibroblasts": (0.12, 0.12, 0.12, 0.32),
    "desmoplasia": (0.0, 0.0, 0.08, 1.0),
    "fusion": (-1.0, -1.0, -0.7, 0.6),
    "scatter": (0.0, 0.0, 0.05, 0.9),
    "cribriform": (0.0, 0.0, 0.0, 0.6),
    "debris": (0.02, 0.04, 0.08, 0.7),
}


class Tissue:
    """The geometry of a tile: for every pixel, how deep it lies in which gland."""

    def __init__(self, look: dict[str, float], rng: np.random.Generator) -> None:
        self.look = look
        y, x = np.mgrid[:SIZE_PX, :SIZE_PX].astype(np.float32)
        amplitude = look["warp"]
        self.shift_x = amplitude * smooth_noise(rng, 52, SIZE_PX, SIZE_PX) + 0.3 * amplitude * smooth_noise(
            rng, 20, SIZE_PX, SIZE_PX
        )
        self.shift_y = amplitude * smooth_noise(rng, 52, SIZE_PX, SIZE_PX) + 0.3 * amplitude * smooth_noise(
            rng, 20, SIZE_PX, SIZE_PX
        )
        self.glands = _place_glands(look, rng)
        self._measure(x + self.shift_x, y + self.shift_y)
        self.lumen_depth = self._lumen_depth(rng)
        if look["cribriform"] > 0.02:
            self._pierce(rng)

    def _measure(self, x: np.ndarray, y: np.ndarray) -> None:
        shape = x.shape
        nearest = np.full(shape, 60.0, np.float32)
        second = np.full(shape, 60.0, np.float32)
        self.arc = np.zeros(shape, np.float32)
        self.turn = np.zeros(shape, np.float32)
        self.owner = np.zeros(shape, np.int32)
        reach = 24 + 2 * self.look["warp"]
        for number, gland in enumerate(self.glands):
            extent = gland.radius + gland.half_length + reach
            rows = slice(max(0, int(gland.y - extent)), max(0, int(gland.y + extent)))
            columns = slice(max(0, int(gland.x - extent)), max(0, int(gland.x + extent)))
            if x[rows, columns].size == 0:
                continue
            distance, arc, turn = gland.measure(x[rows, columns], y[rows, columns])
            near, far = nearest[rows, columns], second[rows, columns]
            is_nearer = distance < near
            np.copyto(far, np.minimum(far, np.where(is_nearer, near, distance)))
            np.copyto(near, distance, where=is_nearer)
            np.copyto(self.arc[rows, columns], arc, where=is_nearer)
            np.copyto(self.turn[rows, columns], turn, where=is_nearer)
            np.copyto(self.owner[rows, columns], number, where=is_nearer)
        # Where two glands touch, a strip of stroma stays between them unless they are fused.
        self.girth = np.array([gland.radius for gland in self.glands], np.float32)[self.owner]
        self.radial = self.girth + nearest
        strip = (nearest - second) / 2 + self.look["gap"] * 0.35
        is_fused = self.look["fusion"] > 0
        self.distance = nearest if is_fused else np.maximum(nearest, strip)
        self.depth = -self.distance

    def _lumen_depth(self, rng: np.random.Generator) -> np.ndarray:
        """Positive inside a lumen: depth less the height of the cells, which in a serrated crypt stand in tufts."""
        look = self.look
        self.height = (
            look["height"]
            * (1 + 0.14 * smooth_noise(rng, 18, SIZE_PX, SIZE_PX))
            * clip(self.girth / look["radius"], 0.6, 1.25)
        )
        if look["tuft"] < 0.3:
            return self.depth - self.height
        # Rounded tufts with sharp clefts between them, counted along the lumen.
        way = self.arc - self.turn * (self.girth - self.radial)
        tuft = np.sqrt(np.abs(np.sin(np.pi / 12 * way + smooth_noise(rng, 30, SIZE_PX, SIZE_PX))))
        self.height += look["tuft"] * (1 + 0.3 * smooth_noise(rng, 40, SIZE_PX, SIZE_PX)) * (tuft - 0.7)
        return ndimage.uniform_filter(self.depth - self.height, 4)

    def _pierce(self, rng: np.random.Generator) -> None:
        """Cribriform glands: round holes punched through a sheet of cells."""
        holes = np.full(self.depth.shape, -50.0, np.float32)
        y, x = np.mgrid[:SIZE_PX, :SIZE_PX].astype(np.float32)
        for hole_x, hole_y in jittered_grid(26, 0.33, rng):
            if rng.random() > self.look["cribriform"]:
                continue
            radius = rng.uniform(3, 9)
            rows = slice(max(0, int(hole_y) - 24), max(0, int(hole_y) + 24))
            columns = slice(max(0, int(hole_x) - 24), max(0, int(hole_x) + 24))
            across = np.hypot(
                x[rows, columns] + 0.5 * self.shift_x[rows, columns] - hole_x,
                y[rows, columns] + 0.5 * self.shift_y[rows, columns] - hole_y,
            )
            np.copyto(holes[rows, columns], np.maximum(holes[rows, columns], radius - across))
        self.lumen_depth = np.maximum(self.lumen_depth, np.minimum(holes, self.depth - 8))

    def at(self, field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """A field's values at points, which may lie a little outside."""
        return field[clip(y, 0, SIZE_PX - 1).astype(int), clip(x, 0, SIZE_PX - 1).astype(int)]


@dataclass(frozen=True)
class Gland:
    """A crypt: all points within a radius of a bent axis. Cut across, the axis has no length."""

    x: float
    y: float
    angle: float
    radius: float
    half_length: float
    bend: float
    phase: float

    def measure(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Signed distance to the basement membrane (negative inside), the way along it, the angle round its ends."""
        cosine, sine = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        x, y = x - np.float32(self.x), y - np.float32(self.y)
        along = cosine * x + sine * y
        across = cosine * y - sine * x
        across -= np.float32(self.bend) * (along * along)
        over = along - clip(along, -self.half_length, self.half_length)
        turn = np.arctan2(over, np.abs(across))
        arc = (along - over) + np.float32(self.radius) * turn + np.float32(self.phase) * np.sign(across)
        ripple = 1 + 0.05 * np.sin(2.3 * turn + self.phase)
        return np.sqrt(over * over + across * across) - np.float32(self.radius) * ripple, arc, turn

    def outline(self, spacing: float) -> tuple[np.ndarray, np.ndarray]:
        """Points along the axis-parallel outline: positions on the axis (n,) and outward angles (n,), gland's frame."""
        straight = np.arange(-self.half_length, self.half_length, spacing)
        turns = np.arange(0, np.pi, spacing / self.radius)
        end = np.full(turns.size, self.half_length)
        side = np.full(straight.size, np.pi / 2)
        axis = np.concatenate([straight, end, -straight, -end])
        return axis, np.concatenate([side, np.pi / 2 - turns, -side, -np.pi / 2 - turns])

    def place(self, axis: np.ndarray, outward: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points at a depth under the outline, in the tile's (unwarped) frame."""
        radius = self.radius - depth
        along = axis + radius * np.cos(outward)
        across = radius * np.sin(outward) + self.bend * along**2
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return self.x + cosine * along - sine * across, self.y + sine * along + cosine * across


def _place_glands(look: dict[str, float], rng: np.random.Generator) -> list[Gland]:
    """Glands on a jittered lattice of bricks, turned by a random angle."""
    angle = rng.uniform(0, np.pi)
    step_along = 2 * (look["radius"] + look["half_length"]) + look["gap"]
    step_across = (2 * look["radius"] + look["gap"]) * (0.9 if look["half_length"] < 8 else 1.0)
    num_along, num_across = int(220 / step_along) + 2, int(220 / step_across) + 2
    offset = rng.uniform(-0.5, 0.5, 2)
    glands = []
    for row in range(-num_across, num_across + 1):
        stagger = 0.5 * (row % 2) + (rng.uniform(-0.3, 0.3) if look["half_length"] > 8 else 0.0)
        for column in range(-num_along, num_along + 1):
            jitter = rng.normal(0, look["jitter"], 2)
            along = (column + stagger + offset[0] + jitter[0]) * step_along
            across = (row + offset[1] + jitter[1]) * step_across
            size = np.clip(rng.lognormal(0, look["size_spread"]), 0.5, 1.6)
            gland = Gland(
                x=SIZE_PX / 2 + np.cos(angle) * along - np.sin(angle) * across,
                y=SIZE_PX / 2 + np.sin(angle) * along + np.cos(angle) * across,
                angle=angle + rng.normal(0, 0.10 + look["jitter"]),
                radius=look["radius"] * size,
                half_length=look["half_length"] * rng.uniform(0.55, 1.2),
                bend=look["bend"] * rng.normal(0, 1),
                phase=rng.uniform(0, 6),
            )
            reach = gland.radius + gland.half_length + 10
            if -reach < gland.x < SIZE_PX + reach and -reach < gland.y < SIZE_PX + reach:
                glands.append(gland)
    return glands


def jittered_grid(spacing: float, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) points that cover the tile, each moved from its node by `jitter` of the spacing (one sigma)."""
    ticks = np.arange(-spacing, SIZE_PX + 2 * spacing, spacing)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    return points + rng.normal(0, jitter * spacing, points.shape)
