"""Made pictures with detail of many sizes, as keypoints need it, and what may be done to one."""

import numpy as np
from PIL import Image, ImageFilter

SIDE_PX = 160


def made_picture(seed: int, *, side_px: int = SIDE_PX) -> Image.Image:
    """Discs of all sizes and shades on a pink ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side_px, :side_px]
    pixels = np.full((side_px, side_px, 3), (230, 200, 215), float)
    for _ in range(90):
        radius = rng.uniform(2, 12)
        is_inside = np.hypot(y - rng.uniform(0, side_px), (x - rng.uniform(0, side_px)) * rng.uniform(1, 2)) < radius
        pixels[is_inside] = rng.uniform((60, 30, 90), (220, 160, 220))
    return Image.fromarray(pixels.astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))


def turned(picture: Image.Image, degrees: float, zoom: float) -> Image.Image:
    """Turned about its centre and zoomed in, so that no corner shows."""
    side = picture.width
    cut = side / zoom
    box = [(side - cut) / 2, (side - cut) / 2, (side + cut) / 2, (side + cut) / 2]
    return picture.rotate(degrees, Image.Resampling.BICUBIC).resize((side, side), Image.Resampling.BICUBIC, box)
