"""An image as the square tile that the cache holds."""

import numpy as np
from PIL import Image

from overread.images.decoded_image import DecodedImage, to_uint8


def square_tile(image: DecodedImage, size_px: int) -> np.ndarray:
    """(H, W, C) uint8, H = W = size_px: as `to_uint8` shows it, its aspect ratio kept, centred on black.

    C is 1 for a grey image, else 3. Larger images are reduced by averaging areas, smaller ones enlarged.
    """
    shown = to_uint8(image)
    height, width = shown.shape[:2]
    scale = size_px / max(height, width)
    new_width, new_height = max(round(width * scale), 1), max(round(height * scale), 1)
    if (new_width, new_height) != (width, height):
        # Pillow widens its filters by the scale; Hamming is as sharp as bicubic there, at half the cost.
        resampling = Image.Resampling.HAMMING if scale < 1 else Image.Resampling.BICUBIC
        shown = np.asarray(Image.fromarray(shown).resize((new_width, new_height), resampling, reducing_gap=2.0))
    if shown.ndim == 2:
        shown = shown[..., None]
    if new_width == new_height:
        return shown
    tile = np.zeros((size_px, size_px, shown.shape[2]), dtype=np.uint8)
    top, left = (size_px - new_height) // 2, (size_px - new_width) // 2
    tile[top : top + new_height, left : left + new_width] = shown
    return tile
