"""Images of the size of the cache that they are put into, and what may befall the cache."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from overread.images.cache.cached_row import row_checksum
from overread.images.cache.pixel_cache import open_cache

SIZE = 16


def write_images(folder: Path, num_images: int, *, seed: int = 0, is_color: bool = False) -> dict[str, Path]:
    """PNGs of the cache's size: their pixels come back unchanged."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    images = {}
    for index in range(num_images):
        path = folder / f"person{index}_virus.png"
        pixels = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels if is_color else pixels[..., 0]).save(path)
        images[f"key{index}"] = path
    return images


def read_pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def flip_bit(folder: Path, place: int) -> None:
    """Turn one bit in the pixels of a row."""
    (path,) = folder.glob("*.npy")
    content = bytearray(path.read_bytes())
    content[len(content) - (len(open_cache(folder).keys) - place) * SIZE**2 + 7] ^= 1
    path.write_bytes(content)


def decode_as_earlier(folder: Path, version: int) -> None:
    """Make a cache one of an earlier version, 1 or 2, that decoded every image inverted."""
    cache = open_cache(folder)
    pixels = 255 - np.asarray(cache.pixels)
    index = json.loads((folder / "index.json").read_text()) | {"version": version}
    np.save(folder / index["pixels"], pixels)
    del index["notes"]
    index["checksums"] = [row_checksum(key, row) for key, row in zip(cache.keys, pixels, strict=True)]
    if version == 1:
        del index["sha256"], index["checksums"]
        index["stamps"] = [stamp[:2] for stamp in index["stamps"]]
    (folder / "index.json").write_text(json.dumps(index))
