"""H&E-like synthetic tiles of colonic mucosa: one number sets how far a tile is from normal to adenocarcinoma.

Everything is drawn as the optical density of two stains (Ruifrok and Johnston 2001): haematoxylin for
nuclei, eosin for cytoplasm and stroma.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from overread.demo.glands import LOOKS, SIZE_PX, Tissue
from overread.demo.nuclei import draw_nuclei
from overread.demo.texture import clip, edge, grain, smooth_noise

SPECTRUM = ("normal", "serrated", "adenoma", "adenocarcinoma")
"""The classes in the order in which they blend: position 0 is a typical normal tile, 3 a typical adenocarcinoma."""

# Rows are the stains (haematoxylin, eosin), columns red, green and blue.
_RUIFROK = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]])
_MACENKO = np.array([[0.563, 0.720, 0.406], [0.216, 0.801, 0.558]])  # the reference vectors of Macenko et al. 2009


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


def make_slide_look(rng: np.random.Generator) -> SlideLook:
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
    look = {name: float(np.interp(position, range(4), values)) for name, values in LOOKS.items()}
    tissue = Tissue(look, rng)
    haematoxylin, eosin = _stain(tissue, rng)
    # exp of natural logarithms is faster than a power of ten
    stains = (-np.log(10) * slide.strength[:, None] * slide.stains).astype(np.float32)
    density = np.stack([haematoxylin, eosin], axis=-1)
    intensity = np.exp(density @ stains) * slide.light.astype(np.float32)
    intensity *= (1 - 0.02 * smooth_noise(rng, 120, SIZE_PX, SIZE_PX))[..., None]
    intensity += 2.5 * np.stack([grain(rng, SIZE_PX, SIZE_PX) for _ in range(3)], axis=-1)
    image = Image.fromarray(clip(intensity, 0, 255).astype(np.uint8))
    near, far = np.exp(-0.5 / slide.blur_px**2), np.exp(-1.0 / slide.blur_px**2)
    return np.asarray(image.filter(ImageFilter.Kernel((3, 3), (far, near, far, near, 1, near, far, near, far))))


def _stain(tissue: Tissue, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Amounts of haematoxylin and eosin, each (256, 256)."""
    look = tissue.look
    inside = edge(tissue.depth, 1.0)
    lumen = edge(tissue.lumen_depth, 0.9) * inside
    cell = inside * (1 - lumen)
    mottle = smooth_noise(rng, 5, SIZE_PX, SIZE_PX)
    cloud = smooth_noise(rng, 40, SIZE_PX, SIZE_PX)

    # Stroma: loose lamina propria, or the dense wavy collagen that a carcinoma calls up around its glands.
    waves = np.sin(0.75 * tissue.distance + 5.0 * smooth_noise(rng, 26, SIZE_PX, SIZE_PX) + 1.2 * mottle)
    desmoplasia = look["desmoplasia"]
    stroma_eosin = 0.27 + 0.05 * mottle + 0.03 * cloud + desmoplasia * (0.09 + 0.09 * waves)
    stroma_eosin *= clip(1 + 0.24 * (1 - 0.6 * desmoplasia) * smooth_noise(rng, 9, SIZE_PX, SIZE_PX), 0.2, 1.4)
    stroma_haematoxylin = 0.07 + 0.03 * mottle

    # Epithelium: cytoplasm, a goblet of mucin in some cells, a brush border, the basement membrane.
    goblet = _goblets(tissue, rng) * cell
    foam = look["foam"] * smooth_noise(rng, 3.2, SIZE_PX, SIZE_PX)
    border = np.abs(tissue.arc / 4.5 - np.rint(tissue.arc / 4.5))  # 0.5 on the borders between cells
    cytoplasm_eosin = look["eosinophilia"] * (0.92 + 0.16 * foam + 0.10 * cloud + 0.5 * clip(border - 0.3, 0, 1))
    cytoplasm_haematoxylin = look["basophilia"] * (1 + 0.25 * cloud)
    cytoplasm_eosin = cytoplasm_eosin * (1 - 0.82 * goblet)
    cytoplasm_haematoxylin = cytoplasm_haematoxylin * (1 - goblet) + 0.075 * goblet
    brush = np.exp(-((tissue.lumen_depth + 1.5) ** 2) / 2.5) * cell
    membrane = np.exp(-((tissue.distance - 1.0) ** 2) / 2.0)

    # Lumen: empty, a veil of mucin, or necrotic debris.
    debris = look["debris"] * clip(smooth_noise(rng, 10, SIZE_PX, SIZE_PX) + 0.8 * mottle - 0.2, 0, 3)
    lumen_eosin = 0.03 + 0.10 * debris + 0.02 * cloud
    lumen_haematoxylin = 0.025 + 0.09 * debris

    eosin = (1 - inside) * stroma_eosin + cell * cytoplasm_eosin + lumen * lumen_eosin
    eosin += 0.10 * brush + 0.12 * membrane
    haematoxylin = (1 - inside) * stroma_haematoxylin + cell * cytoplasm_haematoxylin + lumen * lumen_haematoxylin
    haematoxylin += 0.05 * brush

    nuclei = draw_nuclei(tissue, rng)
    cover = np.minimum(1.3 * nuclei, 1)
    chromatin = smooth_noise(rng, 2.2, SIZE_PX, SIZE_PX)
    haematoxylin = haematoxylin * (1 - 0.8 * cover) + nuclei * (1 + 0.13 * chromatin)
    eosin = eosin * (1 - 0.4 * cover)
    return clip(haematoxylin, 0, 1.5), clip(eosin + 0.012 * grain(rng, SIZE_PX, SIZE_PX), 0, 1.5)


def _goblets(tissue: Tissue, rng: np.random.Generator) -> np.ndarray:
    """Where mucin fills goblet cells, in [0, 1]. A cell is a step of the way along the basement membrane."""
    cells = (tissue.arc - 0.35 * tissue.look["radius"] * tissue.turn) / np.float32(7.5)
    cell = np.floor(cells)
    chance = rng.random(4096).astype(np.float32)
    key = (cell.astype(np.int32) * 31 + tissue.owner * 517) & 4095
    size = chance[(key * 7 + 3) & 4095]
    relative = tissue.depth / np.maximum(tissue.height, 6)
    along = (relative - 0.60 - 0.14 * (size - 0.5)) / (0.24 + 0.10 * size)
    across = (cells - cell - 0.5) / (0.36 + 0.10 * size)
    across /= 0.8 + 0.35 * clip(relative, 0, 1)  # a goblet tapers towards its foot
    filled = edge(1 - np.sqrt(along * along + across * across), 0.16) * clip((tissue.radial - 6) / 5, 0, 1)
    return np.where(chance[key] < tissue.look["goblet"], filled, 0)
