"""A decoded image, and how its file asks to display it: the window (DICOM windowing) and MONOCHROME1."""

from dataclasses import dataclass, replace

import numpy as np

from overread.errors import ImageError
from overread.images.memory_budget import reserve_memory

MIN_SIDE_PX = 8
MAX_PIXELS = 150_000_000
"""An image with more is refused as a decompression bomb; pillow's own limit is just above."""

_GREY_STRIP = 3 * 2**14
_WINDOW_STRIP = 2**22


@dataclass(frozen=True)
class PixelSpacing:
    """How far the centres of neighbouring pixels of an image lie apart."""

    row_mm: float
    """From one row to the next."""
    column_mm: float
    is_at_detector: bool
    """Measured on the detector of a projection: the body is smaller than its shadow (PS3.3 10.7.1.3)."""


@dataclass(frozen=True)
class DecodedImage:
    """An image at full bit depth and resolution, upright, with its display window."""

    pixels: np.ndarray
    """(H, W) uint8, uint16, int32 or float32, or (H, W, 3) uint8 RGB.

    Colour with equal channels everywhere is grey, (H, W): many radiographs are stored like this.
    DICOM: after the modality LUT, so in Hounsfield units for CT, and after a VOI LUT that is a table, since a table
    cannot be expressed as a window. float32 where the rescale slope is not a whole number.
    """
    is_dicom: bool = False
    window_center: float | None = None
    """In the units of `pixels`; None where the file names no window: see `window`."""
    window_width: float | None = None
    is_inverted: bool = False
    """The lowest value is white (MONOCHROME1): displayed values are inverted after the window."""
    voi_function: str = "LINEAR"
    """LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    is_padding: np.ndarray | None = None
    """(H, W) bool, of a grey image: pixels outside of what was imaged, which are black whatever the window. They count
    in no range: their value in `pixels` is one of the others'. None where there are none."""
    windows: tuple[tuple[float, float], ...] = ()
    """Centre and width of each window that a DICOM file offers, in the units of `pixels`; none where it offers one."""
    modality: str = ""
    """DICOM's code (PS3.3 C.7.3.1.1.1), such as CT; empty where the file names none."""
    spacing: "PixelSpacing | None" = None
    notes: tuple[str, ...] = ()
    """What its file asks for and is not done, or holds and is not read, for its owner. Names neither file nor tag
    value."""

    @property
    def is_color(self) -> bool:
        return self.pixels.ndim == 3

    def window(self) -> tuple[float, float]:
        """Centre and width of the initial window, in the units of `pixels`, width > 0.

        The file's own; without one, 0 to 255 for uint8, and the range of the values for any other type.
        """
        if self.window_center is not None and self.window_width is not None:
            return self.window_center, self.window_width
        low, high = self.value_range()
        if self.voi_function == "LINEAR":  # low becomes black and high white: PS3.3 C.11.2.1.2.1
            return (low + high + 1) / 2, high - low + 1
        return (low + high) / 2, (high - low) or 1.0

    def value_range(self) -> tuple[float, float]:
        """Lowest and highest value: 0 and 255 for uint8, else those that occur."""
        if self.pixels.dtype == np.uint8:
            return 0.0, 255.0
        return float(self.pixels.min()), float(self.pixels.max())

    def codes(self) -> tuple[np.ndarray, float, float]:
        """The grey values for a viewer: codes (H, W) uint16, scale and offset, value = code * scale + offset.

        Exact (scale 1) for integers that span less than 2**16; else rounded to one of 65536 steps. Where there is
        padding, its code is one more than the highest, and the values have one step less.
        The window in codes is ((center - offset) / scale, width / scale). Raises ValueError on colour.
        """
        if self.is_color:
            raise ValueError("a colour image has no grey values")
        low, high = float(self.pixels.min()), float(self.pixels.max())
        num_steps = 2**16 if self.is_padding is None else 2**16 - 1
        scale, offset = 1.0, low
        if np.issubdtype(self.pixels.dtype, np.integer) and high - low < num_steps:
            if low >= 0 and high < num_steps:
                offset = 0.0
            codes = (self.pixels - int(offset)).astype(np.uint16)
        else:
            scale = (high - low) / (num_steps - 1) or 1.0
            codes = np.rint((self.pixels.astype(np.float64) - low) / scale).astype(np.uint16)
        if self.is_padding is not None:
            codes[self.is_padding] = codes.max() + 1
        return codes, scale, offset


def check_size(width_px: int, height_px: int) -> None:
    """Raise ImageError for an image that is too small or a decompression bomb; else reserve memory for it."""
    if min(width_px, height_px) < MIN_SIDE_PX:
        raise ImageError(f"{width_px} x {height_px} px: too small (under {MIN_SIDE_PX} px a side)")
    if width_px * height_px > MAX_PIXELS:
        raise ImageError(f"{width_px} x {height_px} px: too large (over {MAX_PIXELS // 10**6} megapixels)")
    reserve_memory(width_px * height_px)


def check_frame(frame: int, num_frames: int) -> None:
    """Raise ImageError unless 1 <= frame <= num_frames."""
    if not 1 <= frame <= num_frames:
        raise ImageError(f"there is no frame {frame}: the file has {num_frames}")


def one_channel_if_grey(pixels: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8; (H, W, 3) becomes (H, W) where the channels are equal everywhere."""
    if pixels.ndim == 2:
        return pixels
    values = pixels.reshape(-1)
    for start in range(0, values.size, _GREY_STRIP):  # colour usually shows in the first strip
        strip = values[start : start + _GREY_STRIP]
        is_same = strip[1:] == strip[:-1]  # each value and the next: half the time of channel by channel
        is_same[2::3] = True  # blue and the next pixel's red
        if not is_same.all():
            return pixels
    return np.ascontiguousarray(pixels[..., 0])


def to_uint8(image: DecodedImage) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8 as the file asks to display it: its window, then MONOCHROME1's inversion; padding is
    black."""
    pixels = image.pixels
    if image.is_color:
        return pixels
    is_shown_as_stored = pixels.dtype == np.uint8 and image.window_center is None
    shown = pixels if is_shown_as_stored else _windowed(pixels, image)
    shown = 255 - shown if image.is_inverted else shown
    return shown if image.is_padding is None else np.where(image.is_padding, np.uint8(0), shown)


def _windowed(pixels: np.ndarray, image: DecodedImage) -> np.ndarray:
    """(H, W) uint8. Windowing takes eight bytes a pixel, hence a strip at a time."""
    center, width = image.window()
    image = replace(image, window_center=center, window_width=width)
    low, table = 0, None
    if np.issubdtype(pixels.dtype, np.integer) and int(pixels.max()) - int(pixels.min()) < 2**16:
        low = int(pixels.min())  # each value in the range is windowed once, then looked up
        table = window_to_uint8(np.arange(low, int(pixels.max()) + 1), image)
    shown = np.empty(pixels.shape, dtype=np.uint8)
    num_rows = max(_WINDOW_STRIP // pixels.shape[1], 1)
    for start in range(0, len(pixels), num_rows):
        strip = pixels[start : start + num_rows]
        shown[start : start + num_rows] = window_to_uint8(strip, image) if table is None else table[strip - low]
    return shown


def window_to_uint8(values: np.ndarray, image: DecodedImage) -> np.ndarray:
    """Values of any shape, in the units of `image.pixels`, through its window; not inverted."""
    center, width = image.window()
    values = values.astype(np.float64)
    match image.voi_function:
        case "SIGMOID":  # PS3.3 C.11.2.1.3.1
            shares = 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
        case "LINEAR_EXACT":  # PS3.3 C.11.2.1.3.2
            shares = (values - center) / width + 0.5
        case _:  # PS3.3 C.11.2.1.2.1; a width of 1 is a step, and what lies on it is black
            lowest = center - 0.5 - (width - 1) / 2
            shares = np.where(values <= lowest, 0, (values - lowest) / max(width - 1, 1e-9))
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
