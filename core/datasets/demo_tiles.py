"""H&E-like tiles of colonic mucosa, drawn by code: one number says how far a tile is from normal to adenocarcinoma.

Everything is drawn as the optical density of two stains (Ruifrok and Johnston 2001): haematoxylin for
nuclei, eosin for cytoplasm and stroma. Lengths are in px; a tile is 256 px, about 250 micrometres.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

CLASSES = ("normal", "serrated", "adenocarcinoma", "adenoma")
"""Index is the code in Chaoyang's JSON files."""
SPECTRUM = ("normal", "serrated", "adenoma", "adenocarcinoma")
"""The classes in the order in which they blend: position 0 is a typical normal tile, 3 a typical adenocarcinoma."""
SIZE_PX = 256

# Rows are the stains (haematoxylin, eosin), columns red, green and blue.
_RUIFROK = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]])
_MACENKO = np.array([[0.563, 0.720, 0.406], [0.216, 0.801, 0.558]])  # the reference vectors of Macenko et al. 2009

# What a typical tile of each class looks like, in the order of SPECTRUM; between them it is interpolated.
_LOOKS = {
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
    "cribriform": (0.0, 0.0, 0.0, 0.6),
    "debris": (0.02, 0.04, 0.08, 0.7),
}


@dataclass(frozen=True)
class SlideLook:
    """How one slide was stained and scanned."""

    stains: np.ndarray
    """(2, 3): rows haematoxylin and eosin, columns red, green, blue; optical density per unit of stain."""
    strength: np.ndarray
    """(2,): how strongly each stain took."""
    light: np.ndarray
    """(3,): the bare light in [0, 255]."""
    blur_px: float


def slide_look(rng: np.random.Generator) -> SlideLook:
    """The look of a slide: stain vectors between two published references, strengths, light, focus."""
    stains = _RUIFROK + rng.uniform(0.25, 0.9) * (_MACENKO - _RUIFROK) + rng.normal(0, 0.012, (2, 3))
    return SlideLook(
        stains=np.clip(stains, 0.02, None) / np.linalg.norm(stains, axis=1, keepdims=True),
        strength=np.array([rng.uniform(0.85, 1.2), rng.uniform(0.75, 1.2)]),
        light=rng.uniform(232, 250) + rng.normal(0, 2.5, 3),
        blur_px=rng.uniform(0.35, 0.75),
    )


def draw_tile(position: float, slide: SlideLook, rng: np.random.Generator) -> np.ndarray:
    """One tile at a position in [0, 3] of SPECTRUM. Returns (256, 256, 3) uint8."""
    look = {name: float(np.interp(position, range(4), values)) for name, values in _LOOKS.items()}
    tissue = _Tissue(look, rng)
    haematoxylin, eosin = _stain(tissue, rng)
    # exp of natural logarithms is faster than a power of ten
    stains = (-np.log(10) * slide.strength[:, None] * slide.stains).astype(np.float32)
    density = np.stack([haematoxylin, eosin], axis=-1)
    intensity = np.exp(density @ stains) * slide.light.astype(np.float32)
    intensity *= (1 - 0.02 * _smooth_noise(rng, 120))[..., None]
    intensity += 2.5 * _grain(rng)
    picture = Image.fromarray(_clip(intensity, 0, 255).astype(np.uint8))
    near, far = np.exp(-0.5 / slide.blur_px**2), np.exp(-1.0 / slide.blur_px**2)
    return np.asarray(picture.filter(ImageFilter.Kernel((3, 3), (far, near, far, near, 1, near, far, near, far))))


class _Tissue:
    """The geometry of a tile: for every pixel, how deep it lies in which gland."""

    def __init__(self, look: dict[str, float], rng: np.random.Generator) -> None:
        self.look = look
        y, x = np.mgrid[:SIZE_PX, :SIZE_PX].astype(np.float32)
        amplitude = look["warp"]
        self.shift_x = amplitude * _smooth_noise(rng, 52) + 0.3 * amplitude * _smooth_noise(rng, 20)
        self.shift_y = amplitude * _smooth_noise(rng, 52) + 0.3 * amplitude * _smooth_noise(rng, 20)
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
        self.height = look["height"] * (1 + 0.14 * _smooth_noise(rng, 18)) * _clip(self.girth / look["radius"], 0.6, 1.25)
        if look["tuft"] < 0.3:
            return self.depth - self.height
        # Rounded tufts with sharp clefts between them, counted along the lumen.
        way = self.arc - self.turn * (self.girth - self.radial)
        tuft = np.sqrt(np.abs(np.sin(np.pi / 12 * way + _smooth_noise(rng, 30))))
        self.height += look["tuft"] * (1 + 0.3 * _smooth_noise(rng, 40)) * (tuft - 0.7)
        return ndimage.uniform_filter(self.depth - self.height, 4)

    def _pierce(self, rng: np.random.Generator) -> None:
        """Cribriform glands: round holes punched through a sheet of cells."""
        holes = np.full(self.depth.shape, -50.0, np.float32)
        y, x = np.mgrid[:SIZE_PX, :SIZE_PX].astype(np.float32)
        for hole_x, hole_y in _jittered_grid(26, 0.33, rng):
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
        return field[_clip(y, 0, SIZE_PX - 1).astype(int), _clip(x, 0, SIZE_PX - 1).astype(int)]


@dataclass(frozen=True)
class _Gland:
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
        over = along - _clip(along, -self.half_length, self.half_length)
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


def _place_glands(look: dict[str, float], rng: np.random.Generator) -> list[_Gland]:
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
            gland = _Gland(
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


def _stain(tissue: _Tissue, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Amounts of haematoxylin and eosin, each (256, 256)."""
    look = tissue.look
    inside = _edge(tissue.depth, 1.0)
    lumen = _edge(tissue.lumen_depth, 0.9) * inside
    cell = inside * (1 - lumen)
    grain = _grain(rng)[..., 0]
    mottle = _smooth_noise(rng, 5)
    cloud = _smooth_noise(rng, 40)

    # Stroma: loose lamina propria, or the dense wavy collagen that a carcinoma calls up around its glands.
    waves = np.sin(0.75 * tissue.distance + 5.0 * _smooth_noise(rng, 26) + 1.2 * mottle)
    desmoplasia = look["desmoplasia"]
    stroma_eosin = 0.27 + 0.05 * mottle + 0.03 * cloud + desmoplasia * (0.09 + 0.09 * waves)
    stroma_eosin *= _clip(1 + 0.32 * (1 - 0.7 * desmoplasia) * _smooth_noise(rng, 9), 0.2, 1.4)
    stroma_haematoxylin = 0.07 + 0.03 * mottle

    # Epithelium: cytoplasm, a goblet of mucin in some cells, a brush border, the basement membrane.
    goblet = _goblets(tissue, rng) * cell
    foam = look["foam"] * _smooth_noise(rng, 3.2)
    border = np.abs(tissue.arc / 4.5 - np.rint(tissue.arc / 4.5))  # 0.5 on the borders between cells
    cytoplasm_eosin = look["eosinophilia"] * (0.92 + 0.16 * foam + 0.10 * cloud + 0.5 * _clip(border - 0.3, 0, 1))
    cytoplasm_haematoxylin = look["basophilia"] * (1 + 0.25 * cloud)
    cytoplasm_eosin = cytoplasm_eosin * (1 - 0.82 * goblet)
    cytoplasm_haematoxylin = cytoplasm_haematoxylin * (1 - goblet) + 0.075 * goblet
    brush = np.exp(-((tissue.lumen_depth + 1.5) ** 2) / 2.5) * cell
    membrane = np.exp(-((tissue.distance - 1.0) ** 2) / 2.0)

    # Lumen: empty, a veil of mucin, or necrotic debris.
    debris = look["debris"] * _clip(_smooth_noise(rng, 10) + 0.8 * mottle - 0.2, 0, 3)
    lumen_eosin = 0.03 + 0.10 * debris + 0.02 * cloud
    lumen_haematoxylin = 0.025 + 0.09 * debris

    eosin = (1 - inside) * stroma_eosin + cell * cytoplasm_eosin + lumen * lumen_eosin
    eosin += 0.10 * brush + 0.12 * membrane
    haematoxylin = (1 - inside) * stroma_haematoxylin + cell * cytoplasm_haematoxylin + lumen * lumen_haematoxylin
    haematoxylin += 0.05 * brush

    nuclei = _nuclei(tissue, rng)
    cover = np.minimum(1.3 * nuclei, 1)
    chromatin = _smooth_noise(rng, 2.2)
    haematoxylin = haematoxylin * (1 - 0.8 * cover) + nuclei * (1 + 0.13 * chromatin)
    eosin = eosin * (1 - 0.4 * cover)
    return _clip(haematoxylin, 0, 1.5), _clip(eosin + 0.012 * grain, 0, 1.5)


def _goblets(tissue: _Tissue, rng: np.random.Generator) -> np.ndarray:
    """Where mucin fills goblet cells, in [0, 1]. A cell is a step of the way along the basement membrane."""
    cells = (tissue.arc - 0.35 * tissue.look["radius"] * tissue.turn) / np.float32(7.5)
    cell = np.floor(cells)
    chance = rng.random(4096).astype(np.float32)
    key = (cell.astype(np.int32) * 31 + tissue.owner * 517) & 4095
    size = chance[(key * 7 + 3) & 4095]
    relative = tissue.depth / np.maximum(tissue.height, 6)
    along = (relative - 0.60 - 0.14 * (size - 0.5)) / (0.24 + 0.10 * size)
    across = (cells - cell - 0.5) / (0.36 + 0.10 * size)
    across /= 0.8 + 0.35 * _clip(relative, 0, 1)  # a goblet tapers towards its foot
    filled = _edge(1 - np.sqrt(along * along + across * across), 0.16) * _clip((tissue.radial - 6) / 5, 0, 1)
    return np.where(chance[key] < tissue.look["goblet"], filled, 0)


def _nuclei(tissue: _Tissue, rng: np.random.Generator) -> np.ndarray:
    """Haematoxylin of all nuclei, (256, 256)."""
    slope_y, slope_x = np.gradient(tissue.distance)
    lists = [
        _lined_nuclei(tissue, slope_x, slope_y, rng),
        _scattered_nuclei(tissue, slope_x, slope_y, rng),
        _stromal_nuclei(tissue, slope_x, slope_y, rng),
    ]
    return _stamp(*(np.concatenate(parts) for parts in zip(*lists, strict=True)), rng)


def _lined_nuclei(tissue: _Tissue, slope_x, slope_y, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Nuclei in rows along the basement membrane, across it: one row where all is well, several in dysplasia."""
    look = tissue.look
    spacing = look["nucleus_spacing"] / look["num_rows"]
    outlines = [gland.outline(spacing) for gland in tissue.glands]
    sizes = [axis.size for axis, _ in outlines]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    axis, outward = (np.concatenate(parts) for parts in zip(*outlines, strict=True))
    row = rng.random(axis.size) ** 1.6 * (look["num_rows"] - 1)
    depth = look["nucleus_length"] * (1 + 1.05 * row + look["nucleus_spread"] * rng.normal(0, 1, axis.size))
    depth = np.maximum(depth, look["nucleus_length"] * 0.9) + 1.0
    outward = outward + rng.normal(0, 0.06, axis.size)
    placed = np.empty((2, axis.size))
    first = 0
    for gland, size in zip(tissue.glands, sizes, strict=True):
        part = slice(first, first + size)
        placed[:, part] = gland.place(axis[part], outward[part], depth[part])
        first += size
    x, y = _unwarp(tissue, *placed)
    heading = outward + np.array([gland.angle for gland in tissue.glands])[owner]
    for _ in range(5):  # where a neighbour presses the gland in, its nuclei move inwards to the new outline
        is_own = tissue.at(tissue.owner, x, y) == owner
        short = _clip(depth - np.where(is_own, tissue.at(tissue.depth, x, y), -1), 0, 6)
        x, y = x - short * np.cos(heading), y - short * np.sin(heading)
    is_kept = is_own & (np.abs(tissue.at(tissue.depth, x, y) - depth) < 3) & (tissue.at(tissue.lumen_depth, x, y) < -2)
    is_kept &= rng.random(x.size) > max(0.0, look["fusion"])
    x, y = x[is_kept], y[is_kept]
    return _epithelial(look, x, y, np.arctan2(tissue.at(slope_y, x, y), tissue.at(slope_x, x, y)), rng)


def _scattered_nuclei(tissue: _Tissue, slope_x, slope_y, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Nuclei that have lost their place: anywhere in the epithelium."""
    look = tissue.look
    x, y = _jittered_grid(look["nucleus_spacing"], 0.3, rng).T
    is_kept = (tissue.at(tissue.depth, x, y) > 2.5) & (tissue.at(tissue.lumen_depth, x, y) < -2.5)
    is_kept &= rng.random(x.size) < max(0.0, look["fusion"]) * 1.5
    x, y = x[is_kept], y[is_kept]
    angle = np.arctan2(tissue.at(slope_y, x, y), tissue.at(slope_x, x, y))
    return _epithelial(look, x, y, angle, rng)


def _epithelial(look, x, y, angle, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    disorder = look["disorder"]
    spread = 0.10 + 0.20 * min(disorder, 1)
    size = rng.lognormal(0, spread, x.size)
    return (
        x,
        y,
        angle + rng.normal(0, disorder, x.size),
        np.clip(look["nucleus_length"] * size * rng.lognormal(0, 0.08, x.size), 1.8, 7.2),
        np.clip(look["nucleus_width"] * size, 1.4, 6.0),
        look["nucleus_density"] * rng.normal(1, 0.10 + 0.06 * min(disorder, 1), x.size),
        np.clip(rng.normal(look["vesicular"], 0.2, x.size), 0, 0.85),
    )


def _stromal_nuclei(tissue: _Tissue, slope_x, slope_y, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Round dark lymphocytes and plasma cells; slender fibroblasts that lie along the glands."""
    look = tissue.look
    x, y = _jittered_grid(7.5, 0.36, rng).T
    crowd = 1 + 0.9 * tissue.at(_smooth_noise(rng, 34), x, y)
    kind = rng.random(x.size)
    is_outside = tissue.at(tissue.distance, x, y) > 3.0
    is_lymphocyte = is_outside & (kind < look["lymphocytes"] * crowd)
    is_fibroblast = is_outside & ~is_lymphocyte & (kind > 1 - look["fibroblasts"])
    is_kept = is_lymphocyte | is_fibroblast
    x, y, is_fibroblast = x[is_kept], y[is_kept], is_fibroblast[is_kept]
    angle = np.arctan2(tissue.at(slope_y, x, y), tissue.at(slope_x, x, y)) + np.pi / 2 + rng.normal(0, 0.3, x.size)
    return (
        x,
        y,
        angle,
        np.where(is_fibroblast, rng.uniform(4.5, 7.2, x.size), rng.uniform(2.2, 3.1, x.size)),
        np.where(is_fibroblast, rng.uniform(1.0, 1.6, x.size), rng.uniform(2.0, 2.7, x.size)),
        np.where(is_fibroblast, 0.55, 0.78) * rng.normal(1, 0.10, x.size),
        np.full(x.size, 0.1),
    )


def _stamp(x, y, angle, length, width, density, vesicular, rng: np.random.Generator) -> np.ndarray:
    """Ellipses with soft edges, the darkest on top; a vesicular nucleus is paler inside, with a nucleolus."""
    margin = 24
    side = SIZE_PX + 2 * margin
    plane = np.zeros(side * side, np.float32)
    is_near = (x > -6) & (x < SIZE_PX + 5) & (y > -6) & (y < SIZE_PX + 5)
    is_small = np.maximum(length, width) < 4.0
    for half, is_chosen in ((5, is_near & is_small), (8, is_near & ~is_small)):
        flat, body = _stamps(
            *(v[is_chosen].astype(np.float32)[:, None] for v in (x, y, angle, length, width, density, vesicular)),
            half,
            side,
            margin,
            rng,
        )
        np.maximum.at(plane, flat, body)
    return plane.reshape(side, side)[margin:-margin, margin:-margin]


def _stamps(x, y, angle, length, width, density, vesicular, half, side, margin, rng) -> tuple[np.ndarray, np.ndarray]:
    """Flat positions in a plane with a margin, and the haematoxylin there, of the squares around nuclei."""
    offset_y, offset_x = np.mgrid[-half : half + 1, -half : half + 1].reshape(2, 1, -1)
    column, row = np.floor(x), np.floor(y)
    delta_x, delta_y = offset_x.astype(np.float32) - (x - column), offset_y.astype(np.float32) - (y - row)
    cosine, sine = np.cos(angle), np.sin(angle)
    u = cosine * delta_x + sine * delta_y
    v = cosine * delta_y - sine * delta_x
    spot_u, spot_v = rng.uniform(-0.3, 0.3, (2, *x.shape)).astype(np.float32)
    spot = _clip(1.6 - (u - spot_u * length) ** 2 - (v - spot_v * width) ** 2, 0, 1)
    square = (u / length) ** 2 + (v / width) ** 2
    body = _clip((1 - np.sqrt(square)) * (width / np.float32(1.3)) + 0.5, 0, 1)
    body *= density * (1 - 0.75 * vesicular * (np.maximum(1 - square, 0) - spot))
    start = ((row + margin) * side + column + margin).astype(np.int64)
    return (start + offset_y * side + offset_x).ravel(), body.ravel()


def _unwarp(tissue: _Tissue, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a point of the unwarped frame shows up in the tile: the fixed point of x = target - shift(x)."""
    target_x, target_y = x, y
    for _ in range(4):
        x, y = target_x - tissue.at(tissue.shift_x, x, y), target_y - tissue.at(tissue.shift_y, x, y)
    return x, y


def _jittered_grid(spacing: float, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) points that cover the tile, each moved from its node by `jitter` of the spacing (one sigma)."""
    ticks = np.arange(-spacing, SIZE_PX + 2 * spacing, spacing)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    return points + rng.normal(0, jitter * spacing, points.shape)


def _smooth_noise(rng: np.random.Generator, scale_px: float) -> np.ndarray:
    """(256, 256) float32 noise of mean 0 and standard deviation near 1 whose blobs are about scale_px wide."""
    num = int(SIZE_PX / scale_px) + 3
    coarse = Image.fromarray(rng.standard_normal((num, num), np.float32))
    box = tuple(np.array([1, 1, 1 + SIZE_PX / scale_px, 1 + SIZE_PX / scale_px]))
    return np.asarray(coarse.resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC, box=box))


def _grain(rng: np.random.Generator) -> np.ndarray:
    """(256, 256, 3) float32 white noise of standard deviation 1, cut at random from a sheet that is made once."""
    row, column = rng.integers(0, SIZE_PX, 2)
    return _grain_sheet()[row : row + SIZE_PX, column : column + SIZE_PX]


@cache
def _grain_sheet() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2 * SIZE_PX, 2 * SIZE_PX, 3), np.float32)


def _edge(field: np.ndarray, width: float) -> np.ndarray:
    """0 below, 1 above, a ramp of ±width around 0."""
    return _clip(0.5 + field / np.float32(2 * width), 0, 1)


def _clip(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.minimum(np.maximum(values, low), high)  # np.clip takes several times as long on small arrays
