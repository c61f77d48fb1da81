"""Decodes images in several threads, keeping their order; images already in a cache are copied from it."""

import os
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from overread.errors import ImageError
from overread.images.cache.cached_row import CachedRow
from overread.images.cache.partial_build import Partial
from overread.images.cache.pixel_cache import PixelCache
from overread.images.cache.tile import square_tile
from overread.images.decoding import read_image
from overread.images.downloads import Downloads
from overread.images.file_hashes import FileHashes
from overread.images.location import Location
from overread.images.memory_budget import MemoryBudget
from overread.images.remote import ABSENT, NUM_CONNECTIONS
from overread.images.remote_listing import look_up

BATCH_SIZE = 8
"""Images that one task decodes; at most two tasks per thread wait, which bounds the memory."""
_PIXELS_AT_ONCE = 48_000_000
"""About ten bytes each while they are decoded; a larger image is decoded alone."""


@dataclass(frozen=True)
class DecodeResult:
    """What became of one image."""

    key: str
    stamp: tuple[int, ...]
    """Of its file; see `CachedRow`."""
    tile: np.ndarray | None = None
    """(H, W, C) uint8; None where the image cannot be read."""
    fault: str = ""
    """Why it cannot be read."""
    sha256: str = ""
    notes: tuple[str, ...] = ()
    source: np.ndarray | None = None
    """The array that held it already; None where it was decoded."""


KnownImages = dict[str, list[tuple[CachedRow, np.ndarray, int]]]
"""Key to the images that are decoded already: what is known of each, the array that holds it, and its row there."""


def known_images(*caches: PixelCache | Partial | None) -> KnownImages:
    """The images that these caches hold, those whose file's hash is known."""
    known: KnownImages = defaultdict(list)
    for cache in caches:
        if cache is None:
            continue
        for place, row in enumerate(cache.rows):
            if row.sha256:  # else a change of the content could not be noticed
                known[row.key].append((row, cache.pixels, place))
    return known


def decode_images(images: Mapping[str, Location], size_px: int, known: KnownImages) -> Iterator[DecodeResult]:
    """The images in their order, (size_px, size_px, C) each, decoded by as many threads as there are cores (the
    decoders release the GIL). One that is known, from a file with the same content, is not decoded again."""
    found = look_up([location.place for location in images.values() if location.is_remote])
    hashes = FileHashes()

    def stamp_of(location: Location) -> tuple[int, ...]:
        return found[location.place].stamp if location.is_remote else location.stamp()

    def known_tile(key: str, stamp: tuple[int, ...], *, sha256: str = "") -> DecodeResult | None:
        """The tile of a file with this stamp, or this hash, if it is known."""
        for row, pixels, place in known.get(key, ()):
            is_same = row.sha256 == sha256 if sha256 else row.stamp == stamp != ABSENT
            if is_same and row.is_whole(pixels[place]):
                tile = np.array(pixels[place])
                return DecodeResult(key, stamp, tile, sha256=row.sha256, notes=row.notes, source=pixels)
        return None

    def decode(key: str, location: Location) -> DecodeResult:
        stamp = stamp_of(location)
        if result := known_tile(key, stamp):
            return result
        try:
            if not location.is_remote:
                return read(key, stamp, location, location.place)
            if fault := found[location.place].fault:
                return DecodeResult(key, stamp, fault=fault)
            with downloads.local(location.place) as path:
                return read(key, stamp, Location(path, location.frame), location.place)
        except ImageError as error:
            return DecodeResult(key, stamp, fault=str(error))

    def read(key: str, stamp: tuple[int, ...], location: Location, place: str) -> DecodeResult:
        sha256 = hashes.of(place, location.place)
        if result := known_tile(key, stamp, sha256=sha256):
            return result
        with budget.for_one_image():
            image = read_image(location, at_least_px=size_px, stop=stop)
            return DecodeResult(key, stamp, square_tile(image, size_px), sha256=sha256, notes=image.notes)

    def decode_batch(batch: list[tuple[str, Location]]) -> list[DecodeResult]:
        return [decode(key, location) for key, location in batch if not stop.is_set()]

    items = list(images.items())
    remote = [
        location.place for key, location in items if location.is_remote and known_tile(key, stamp_of(location)) is None
    ]
    stop = threading.Event()
    downloads = Downloads(remote, stop)
    budget = MemoryBudget(_PIXELS_AT_ONCE)
    num_threads = max(min(os.cpu_count() or 1, 32), NUM_CONNECTIONS if remote else 1)
    waiting: deque[Future[list[DecodeResult]]] = deque()
    executor = ThreadPoolExecutor(num_threads, thread_name_prefix="decode")
    try:
        for start in range(0, len(items), BATCH_SIZE):
            waiting.append(executor.submit(decode_batch, items[start : start + BATCH_SIZE]))
            if len(waiting) > 2 * num_threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        stop.set()  # where all are decoded, nothing waits for it
        executor.shutdown(wait=True, cancel_futures=True)
