"""The film on which a chest phantom is drawn: where the patient is placed on it, and how shapes become shadows."""

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFilter

from overread.demo.texture import smooth_noise


class Film:
    """One exposure. Shapes are given in the patient's frame: across and down.

    Across is measured from the midline in halves of the rib cage, positive on the patient's left (the film's
    right); down is measured in heights of the film. Layers are float32, of the film's size where their step is 1,
    `step` times smaller where it isn't: what has no sharp edge is drawn with step 2.
    """

    def __init__(self, height: int, width: int, breadth: float, rng: np.random.Generator) -> None:
        """height, width: px. breadth: half the rib cage, of the film's width. rng: where the patient stands."""
        self.height, self.width = height, width
        angle = rng.normal(0, 0.018)
        self._cosine, self._sine = np.cos(angle), np.sin(angle)
        self._zoom = rng.uniform(0.94, 1.04)
        self._half = breadth * width * self._zoom
        self._middle = np.array([width / 2, height / 2]) + rng.normal(0, (0.016 * width, 0.014 * height))

    def place(self, points: ArrayLike) -> np.ndarray:
        """Points (..., 2) of the patient's frame on the film, in px."""
        points = np.asarray(points, float)
        x, y = points[..., 0] * self._half, (points[..., 1] - 0.5) * self.height * self._zoom
        return np.stack([self._cosine * x - self._sine * y, self._sine * x + self._cosine * y], axis=-1) + self._middle

    def axes(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Across and down for every step-th px: the inverse of `place`."""
        y, x = np.mgrid[: self.height : step, : self.width : step].astype(np.float32)
        x, y = x - np.float32(self._middle[0]), y - np.float32(self._middle[1])
        across = (self._cosine * x + self._sine * y) / self._half
        down = (self._cosine * y - self._sine * x) / (self.height * self._zoom) + 0.5
        return across.astype(np.float32), down.astype(np.float32)

    def canvas(self, step: int = 1) -> "Canvas":
        """An empty layer to draw on, `step` times smaller than the film."""
        return Canvas(self, step)

    def depth(self, outlines: list[np.ndarray], blurs_px: tuple[float, ...]) -> np.ndarray:
        """Thickness in [0, 1] of rounded bodies: it rises from their outlines inwards as far as the widest blur.

        Returns a layer of step 2.
        """
        canvas = self.canvas(step=4)
        for outline in outlines:
            canvas.fill(outline, 255)
        blurred = [_floats(canvas.image.filter(ImageFilter.GaussianBlur(blur / 4))) for blur in blurs_px]
        return self.scaled_up(sum(blurred[1:], blurred[0]) / np.float32(len(blurs_px)), step=2)

    def scaled_up(self, layer: np.ndarray, step: int = 1) -> np.ndarray:
        """A coarser layer at the size of a step."""
        size = (-(-self.width // step), -(-self.height // step))
        image = Image.fromarray(np.ascontiguousarray(layer, np.float32))
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR))

    def without_detail(self, field: np.ndarray) -> np.ndarray:
        """A layer blurred by about 12 px."""
        size = (self.width // 8, self.height // 8)
        small = np.asarray(Image.fromarray(field).resize(size, Image.Resampling.BOX))
        padded = np.pad(small, 1, mode="edge")
        rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
        return self.scaled_up((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16)

    def noise(self, rng: np.random.Generator, scale_px: float, step: int = 1) -> np.ndarray:
        """Smooth noise for every step-th px, its blobs scale_px wide on the film."""
        return smooth_noise(rng, scale_px / step, -(-self.height // step), -(-self.width // step))


class Canvas:
    """A layer under the pencil; values are 0 to 255 while it is drawn."""

    def __init__(self, film: Film, step: int) -> None:
        self.film, self.step = film, step
        self.image = Image.new("L", (-(-film.width // step), -(-film.height // step)))
        self.draw = ImageDraw.Draw(self.image)

    def fill(self, outlines: ArrayLike, value: int) -> None:
        """Polygons (..., m, 2), all of m points."""
        for spots in self._spots(outlines):
            self.draw.polygon(spots, fill=value)

    def stroke(self, lines: ArrayLike, thickness_px: ArrayLike, value: ArrayLike) -> None:
        """Lines (..., m, 2); thickness in px of the film and value are of each line, or of all."""
        every = self._spots(lines)
        widths = np.broadcast_to(np.maximum(np.rint(np.divide(thickness_px, self.step)), 1), len(every)).astype(int)
        values = np.broadcast_to(value, len(every)).astype(int)
        for spots, width, shade in zip(every, widths.tolist(), values.tolist(), strict=True):
            self.draw.line(spots, fill=shade, width=width)

    def disc(self, centres: ArrayLike, radius_px: float, value: int) -> None:
        """Discs round centres (..., 2)."""
        radius = radius_px / self.step
        for x, y in (self.film.place(centres) / self.step).reshape(-1, 2).tolist():
            self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value)

    def tube(self, lines: ArrayLike, thickness_px: ArrayLike, values: tuple[int, int]) -> None:
        """Bones along lines (n, m, 2): a shaft, and its cortex, which is brighter. values: of shaft and cortex."""
        points = self.film.place(lines) / self.step
        ahead = np.gradient(points, axis=1)
        normal = np.stack([-ahead[..., 1], ahead[..., 0]], axis=-1) / np.linalg.norm(ahead, axis=-1, keepdims=True)
        reach = normal * (np.broadcast_to(thickness_px, len(points))[:, None, None] / 2 / self.step)
        for upper, lower in zip(_flat(points + reach), _flat((points - reach)[:, ::-1]), strict=True):
            self.draw.polygon(upper + lower, fill=values[0])
            for border in (upper, lower):
                self.draw.line(border, fill=values[1], width=2)

    def layer(self, blur_px: float) -> np.ndarray:
        """What was drawn, in [0, 1], at the canvas's own size. blur_px: on the film."""
        return _floats(self.image.filter(ImageFilter.BoxBlur(blur_px / self.step)))

    def _spots(self, points: ArrayLike) -> list[list[float]]:
        return _flat(self.film.place(points) / self.step)


def closed_curve(points: ArrayLike, num_between: int = 6) -> np.ndarray:
    """(n * num_between, 2): a smooth closed curve (Catmull and Rom's) through n points."""
    points = np.asarray(points, float)
    knots = np.stack([np.roll(points, shift, axis=0) for shift in (1, 0, -1, -2)])
    t = np.arange(num_between) / num_between
    weights = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    return np.einsum("kt,knc->ntc", np.array(weights) / 2, knots).reshape(-1, 2)


def _flat(points: np.ndarray) -> list[list[float]]:
    """Lines (..., m, 2) as Pillow wants them: x, y, x, y and so on, a list for each."""
    return points.reshape(-1, 2 * points.shape[-2]).tolist()


def _floats(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32) / np.float32(255)
