"""Builds the pixel cache, completely or not at all; images that are already decoded are not decoded again."""

import errno
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from overread.errors import StudyError
from overread.files import file_lock, make_folder, sync_folder, write_atomically
from overread.images.cache.cached_row import CachedRow, row_checksum, rows_index
from overread.images.cache.parallel_decoding import BATCH_SIZE, decode_images, known_images
from overread.images.cache.partial_build import PARTIAL, Checkpoints, Partial, open_partial, partial_array
from overread.images.cache.pixel_cache import CACHE_VERSION, INDEX, PixelCache, open_cache
from overread.images.cache.row_file import RowFile, no_space, require_space, size_in_bytes
from overread.images.location import Location

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def build_cache(
    folder: Path,
    images: Mapping[str, Location | Path],
    *,
    size_px: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Decode images into the cache, in parallel; images that it holds, from files with the same content, are kept.

    images: by key (opaque: it is written into the index). The cache then holds the readable ones, in this order.
    on_progress: called with the number of images done and of all, from this thread.
    Returns the faults, key to reason. If anything is raised, or the process is killed, the cache is unchanged; what an
    interrupted build had decoded, the next one does not decode again (partial_build.py).
    Raises StudyError where the disk is too full, or another process is building this cache.
    """
    make_folder(folder)
    with _build_lock(folder):
        old = _open_if_usable(folder, size_px)
        _remove_leftovers(folder)
        partial = open_partial(folder, size_px, CACHE_VERSION)
        try:
            locations = {key: Location.of(image) for key, image in images.items()}
            faults = _build(
                folder, locations, size_px, old, partial, on_progress or (lambda num_done, num_images: None)
            )
            (folder / PARTIAL).unlink(missing_ok=True)
            return faults
        except OSError as error:
            if error.errno in _NO_SPACE:
                (folder / PARTIAL).unlink(missing_ok=True)  # its array takes space
                raise no_space(folder, size_in_bytes(len(images), size_px, 3)) from error
            raise
        finally:
            _remove_leftovers(folder)


def _build(
    folder: Path,
    images: Mapping[str, Location],
    size_px: int,
    old: PixelCache | None,
    partial: Partial | None,
    on_progress: Callable[[int, int], None],
) -> dict[str, str]:
    channels = old.channels if old is not None else 1
    require_space(folder, size_in_bytes(len(images), size_px, channels))
    faults: dict[str, str] = {}
    cached: list[CachedRow] = []
    is_old: list[bool] = []
    rows = RowFile(folder, size_px, len(images))
    checkpoints = Checkpoints(folder, size_px, CACHE_VERSION, len(partial.rows) if partial is not None else 0)
    with rows:
        for num_done, result in enumerate(decode_images(images, size_px, known_images(old, partial)), start=1):
            if result.tile is None:
                faults[result.key] = result.fault
            else:
                rows.append(result.tile)
                checksum = row_checksum(result.key, result.tile)
                cached.append(CachedRow(result.key, result.stamp, result.sha256, checksum, result.notes))
                is_old.append(old is not None and result.source is old.pixels)
            if num_done % BATCH_SIZE == 0 or num_done == len(images):
                if checkpoints.is_due(rows.num_rows):
                    rows.sync()
                    checkpoints.write(rows.path.name, rows.data_start, rows.channels, cached)
                on_progress(num_done, len(images))
        same = old if old and all(is_old) and tuple(row.key for row in cached) == old.keys else None
        if same and tuple(cached) == same.rows:
            return faults  # nothing is new: the old files stay
        rows.finalize()
    array = json.loads((folder / INDEX).read_text(encoding="utf-8"))["pixels"] if same else rows.path.name
    channels = same.channels if same else rows.channels
    fixed = {"version": CACHE_VERSION, "size_px": size_px, "channels": channels, "pixels": array}
    write_atomically(folder / INDEX, json.dumps(fixed | rows_index(cached)))
    sync_folder(folder)
    return faults


def _open_if_usable(folder: Path, size_px: int) -> PixelCache | None:
    try:
        cache = open_cache(folder)
    except StudyError:
        return None
    return cache if (cache.size_px, cache.version) == (size_px, CACHE_VERSION) else None


def _remove_leftovers(folder: Path) -> None:
    """Remove arrays that neither the index nor a checkpoint names, and temporary files."""
    try:
        named = json.loads((folder / INDEX).read_text(encoding="utf-8"))["pixels"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        named = None
    referenced = (named, partial_array(folder))
    temporary = [*folder.glob(f"{INDEX}.tmp"), *folder.glob(f".{INDEX}.*.tmp"), *folder.glob(f".{PARTIAL}.*.tmp")]
    for path in [*folder.glob("pixels-*.npy"), *temporary]:
        if path.name not in referenced:
            path.unlink(missing_ok=True)


@contextmanager
def _build_lock(folder: Path) -> Iterator[None]:
    """Held by the one process that builds the cache. Raises StudyError if another process does."""
    try:
        lock = file_lock(folder / ".lock").acquire(blocking=False)
    except Timeout as error:
        raise StudyError(f"{folder}: another import of this study is running; wait until it ends") from error
    with lock:
        yield
