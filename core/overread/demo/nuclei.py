"""The nuclei of a demo tile: their positions, orientations and haematoxylin uptake."""

import numpy as np

from overread.demo.glands import SIZE_PX, Tissue, jittered_grid
from overread.demo.texture import clip, smooth_noise


def draw_nuclei(tissue: Tissue, rng: np.random.Generator) -> np.ndarray:
    """Haematoxylin of all nuclei, (256, 256)."""
    slope_y, slope_x = np.gradient(tissue.distance)
    lists = [
        _lined_nuclei(tissue, slope_x, slope_y, rng),
        _scattered_nuclei(tissue, slope_x, slope_y, rng),
        _stromal_nuclei(tissue, slope_x, slope_y, rng),
    ]
    return _stamp(np.stack([np.concatenate(parts) for parts in zip(*lists, strict=True)]), rng)


def _lined_nuclei(
    tissue: Tissue, slope_x: np.ndarray, slope_y: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
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
        short = clip(depth - np.where(is_own, tissue.at(tissue.depth, x, y), -1), 0, 6)
        x, y = x - short * np.cos(heading), y - short * np.sin(heading)
    is_kept = is_own & (np.abs(tissue.at(tissue.depth, x, y) - depth) < 3) & (tissue.at(tissue.lumen_depth, x, y) < -2)
    is_kept &= rng.random(x.size) > 0.65 * look["scatter"]
    x, y = x[is_kept], y[is_kept]
    return _epithelial(look, x, y, np.arctan2(tissue.at(slope_y, x, y), tissue.at(slope_x, x, y)), rng)


def _scattered_nuclei(
    tissue: Tissue, slope_x: np.ndarray, slope_y: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Nuclei that have lost their place: anywhere in the epithelium."""
    look = tissue.look
    x, y = jittered_grid(look["nucleus_spacing"], 0.3, rng).T
    is_kept = (tissue.at(tissue.depth, x, y) > 2.5) & (tissue.at(tissue.lumen_depth, x, y) < -2.5)
    is_kept &= rng.random(x.size) < look["scatter"]
    x, y = x[is_kept], y[is_kept]
    angle = np.arctan2(tissue.at(slope_y, x, y), tissue.at(slope_x, x, y))
    return _epithelial(look, x, y, angle, rng)


def _epithelial(
    look: dict[str, float], x: np.ndarray, y: np.ndarray, angle: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
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


def _stromal_nuclei(
    tissue: Tissue, slope_x: np.ndarray, slope_y: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Round dark lymphocytes and plasma cells; slender fibroblasts that lie along the glands."""
    look = tissue.look
    x, y = jittered_grid(7.5, 0.36, rng).T
    crowd = 1 + 0.9 * tissue.at(smooth_noise(rng, 34, SIZE_PX, SIZE_PX), x, y)
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


def _stamp(nuclei: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ellipses with soft edges, the darkest on top; a vesicular nucleus is paler inside, with a nucleolus. nuclei: (7,
    M): x, y, angle, length, width, density, vesicular."""
    x, y, _, length, width, _, _ = nuclei
    margin = 24
    side = SIZE_PX + 2 * margin
    plane = np.zeros(side * side, np.float32)
    is_near = (x > -6) & (x < SIZE_PX + 5) & (y > -6) & (y < SIZE_PX + 5)
    is_small = np.maximum(length, width) < 4.0
    for half, is_chosen in ((5, is_near & is_small), (8, is_near & ~is_small)):
        flat, body = _stamps(nuclei[:, is_chosen].astype(np.float32)[:, :, None], half, side, margin, rng)
        np.maximum.at(plane, flat, body)
    return plane.reshape(side, side)[margin:-margin, margin:-margin]


def _stamps(
    nuclei: np.ndarray, half: int, side: int, margin: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Flat positions in a plane with a margin, and the haematoxylin there, of the squares around nuclei (7, M, 1)."""
    x, y, angle, length, width, density, vesicular = nuclei
    offset_y, offset_x = np.mgrid[-half : half + 1, -half : half + 1].reshape(2, 1, -1)
    column, row = np.floor(x), np.floor(y)
    delta_x, delta_y = offset_x.astype(np.float32) - (x - column), offset_y.astype(np.float32) - (y - row)
    cosine, sine = np.cos(angle), np.sin(angle)
    u = cosine * delta_x + sine * delta_y
    v = cosine * delta_y - sine * delta_x
    spot_u, spot_v = rng.uniform(-0.3, 0.3, (2, *x.shape)).astype(np.float32)
    spot = clip(1.6 - (u - spot_u * length) ** 2 - (v - spot_v * width) ** 2, 0, 1)
    square = (u / length) ** 2 + (v / width) ** 2
    body = clip((1 - np.sqrt(square)) * (width / np.float32(1.3)) + 0.5, 0, 1)
    body *= density * (1 - 0.75 * vesicular * (np.maximum(1 - square, 0) - spot))
    start = ((row + margin) * side + column + margin).astype(np.int64)
    return (start + offset_y * side + offset_x).ravel(), body.ravel()


def _unwarp(tissue: Tissue, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a point of the unwarped frame shows up in the tile: the fixed point of x = target - shift(x)."""
    target_x, target_y = x, y
    for _ in range(4):
        x, y = target_x - tissue.at(tissue.shift_x, x, y), target_y - tissue.at(tissue.shift_y, x, y)
    return x, y
