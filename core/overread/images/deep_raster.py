"""Reads what pillow does not: colour of 16 bits a channel, and TIFF of 64-bit real numbers; through OpenCV."""

from typing import BinaryIO

import numpy as np

from overread.errors import ImageError


def read_deep(file: BinaryIO) -> np.ndarray:
    """(H, W) or (H, W, 3), in the type that is stored, upright as a TIFF's own orientation says; transparent parts are
    black. `file` is at its beginning. Raises ImageError where OpenCV cannot decode it."""
    import cv2  # here, for a machine that trains from a filled cache needs none of it

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # its texts quote tags
    try:
        pixels = cv2.imdecode(np.frombuffer(file.read(), dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ImageError("the file is damaged")
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] == 4:
        pixels = (pixels[..., :3].astype(np.uint32) * pixels[..., 3:] // (2**16 - 1)).astype(np.uint16)
    return pixels[..., ::-1]  # OpenCV's colours are blue, green, red


def as_8_bits(color: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint16 to uint8, by the bits that its largest value needs: many such files hold 12 bits in 16."""
    num_bits = max(int(color.max()).bit_length(), 8)
    return (color >> (num_bits - 8)).astype(np.uint8)
