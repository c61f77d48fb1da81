"""The pixel cache: every image of a study decoded once, as one memory-mapped uint8 array.

    FOLDER/index.json      keys in order, each file's stamp and SHA-256, each row's checksum; size, channels, and the
                           array's file name
    FOLDER/pixels-*.npy    (N, H, W, C) uint8

The index is renamed into place last and names the array that belongs to it: a process killed before that
leaves the old pair whole, and the next build removes what was written besides. The index holds no file names.
"""

import errno
import json
import os
import secrets
import shutil
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from overread.errors import ImageError, StudyError
from overread.files import file_mode, make_folder, sync_folder, write_atomically
from overread.images.cache.cached_row import CachedRow, read_rows, row_checksum, rows_index
from overread.images.cache.partial_build import PARTIAL, Checkpoints, Partial, open_partial, partial_array
from overread.images.cache.tile import square_tile
from overread.images.decoding import read_picture
from overread.images.downloads import Downloads
from overread.images.file_hashes import FileHashes
from overread.images.location import Location
from overread.images.memory_budget import Room
from overread.images.remote import ABSENT, NUM_CONNECTIONS
from overread.images.remote_listing import look_up

CACHE_VERSION = 2
"""Version 1, without hashes and checksums, is still read, but built anew: the cache holds nothing that the images
don't."""
INDEX = "index.json"
_BATCH = 8
"""Images that one task decodes; two tasks a thread wait at most, which bounds the memory."""
_PIXELS_AT_ONCE = 48_000_000
"""Some ten bytes each while they are decoded; a larger image is decoded while no other one is."""
_BLOCK_BYTES = 2**22
"""Rows are written in blocks of this size: a call for each row costs as much as decoding a small one."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class PixelCache:
    """The images of a study at training size."""

    keys: tuple[str, ...]
    """N keys; `pixels[i]` is the image of `keys[i]`."""
    pixels: np.ndarray
    """(N, H, W, C) uint8 memory map; C is 1 where every image is grey, else 3. Copy-on-write: writable, and
    what is written never reaches the disk."""
    size_px: int
    rows: tuple[CachedRow, ...]
    """Of each of the keys, what its file was when it was decoded."""
    folder: Path = Path()

    @property
    def channels(self) -> int:
        return self.pixels.shape[3]

    def image(self, key: str) -> np.ndarray:
        """(H, W, C) uint8: the image of a key. Raises StudyError if it is not there, or not as it was written."""
        try:
            place = self.keys.index(key)
        except ValueError:
            raise StudyError(f"{self.folder}: the image is not in the pixel cache; run `import --update`") from None
        self._check([place])
        return np.asarray(self.pixels[place])

    def verify(self) -> None:
        """Raise StudyError if a row is not as it was written. Reads all of the pixels."""
        self._check(range(len(self.keys)))

    def _check(self, places: Iterable[int]) -> None:
        num_damaged = sum(not self.rows[place].is_whole(self.pixels[place]) for place in places)
        if num_damaged:
            raise StudyError(
                f"{self.folder}: the pixel cache is damaged ({num_damaged} of {len(self.keys)} images); delete the "
                "folder and run `python -m core import ... --update`, which decodes the images again"
            )


def open_cache(folder: Path) -> PixelCache:
    """Open a study's cache. Raises StudyError if there is none, or it is not whole; its rows are not looked at."""
    if not (folder / INDEX).is_file():
        raise StudyError(f"{folder}: there is no pixel cache; make it with `python -m core import ... --update`")
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if index["version"] not in (1, CACHE_VERSION):
            raise ValueError(f"version {index['version']}, this program writes {CACHE_VERSION}")
        rows, size_px = read_rows(index), int(index["size_px"])
        pixels = np.load(folder / Path(index["pixels"]).name, mmap_mode="c", allow_pickle=False)
        expected = (len(rows), size_px, size_px, int(index["channels"]))
        if pixels.shape != expected or pixels.dtype != np.uint8:
            raise ValueError(f"an array of {pixels.shape}, the index tells of {expected}")
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StudyError(
            f"{folder}: the pixel cache is not whole ({error}); make it anew with `python -m core import ... --update`"
        ) from error
    return PixelCache(tuple(row.key for row in rows), pixels, size_px, rows, folder)


def build_cache(
    folder: Path,
    images: Mapping[str, Location | Path],
    *,
    size_px: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Decode images into the cache, in parallel; those it holds, from files with the same content, are kept.

    images: key (opaque: it stands in the index) to the image. The cache then holds the good ones, in this order.
    on_progress: called with the number of images done and of all, from this thread.
    Returns the faults, key to reason. All or nothing: whatever is raised, and whenever the process dies, the
    cache is as before; what an interrupted build had decoded, the next one does not decode again (partial.py).
    Raises StudyError where the disk has no room, or another build of this cache goes on.
    """
    make_folder(folder)
    with _build_lock(folder):
        old = _open_if_whole(folder, size_px)
        _remove_strays(folder)
        partial = open_partial(folder, size_px, CACHE_VERSION)
        try:
            images = {key: Location.of(image) for key, image in images.items()}
            faults = _build(folder, images, size_px, old, partial, on_progress or (lambda num_done, num_images: None))
            (folder / PARTIAL).unlink(missing_ok=True)
            return faults
        except OSError as error:
            if error.errno in _NO_ROOM:
                (folder / PARTIAL).unlink(missing_ok=True)  # its array takes room
                raise _no_room(folder, _num_bytes(len(images), size_px, 3)) from error
            raise
        finally:
            _remove_strays(folder)


def _build(
    folder: Path,
    images: Mapping[str, Location],
    size_px: int,
    old: PixelCache | None,
    partial: Partial | None,
    on_progress: Callable[[int, int], None],
) -> dict[str, str]:
    channels = old.channels if old is not None else 1
    _require_room(folder, _num_bytes(len(images), size_px, channels))
    faults: dict[str, str] = {}
    told: list[CachedRow] = []
    is_old: list[bool] = []
    rows = _RowFile(folder, size_px, len(images))
    checkpoints = Checkpoints(folder, size_px, CACHE_VERSION, len(partial.rows) if partial is not None else 0)
    with rows:
        for num_done, result in enumerate(_decoded(images, size_px, _known(old, partial)), start=1):
            if isinstance(result.outcome, str):
                faults[result.key] = result.outcome
            else:
                rows.append(result.outcome)
                checksum = row_checksum(result.key, result.outcome)
                told.append(CachedRow(result.key, result.stamp, result.sha256, checksum))
                is_old.append(old is not None and result.kept_from is old.pixels)
            if num_done % _BATCH == 0 or num_done == len(images):
                if checkpoints.is_due(rows.num_rows):
                    rows.sync()
                    checkpoints.write(rows.path.name, rows.data_start, rows.channels, told)
                on_progress(num_done, len(images))
        is_same = old is not None and all(is_old) and tuple(row.key for row in told) == old.keys
        if is_same and tuple(told) == old.rows:
            return faults  # nothing is new: the old files stay
        rows.finish()
    array = json.loads((folder / INDEX).read_text(encoding="utf-8"))["pixels"] if is_same else rows.path.name
    channels = old.channels if is_same else rows.channels
    fixed = {"version": CACHE_VERSION, "size_px": size_px, "channels": channels, "pixels": array}
    write_atomically(folder / INDEX, json.dumps(fixed | rows_index(told)))
    sync_folder(folder)
    return faults


@dataclass(frozen=True)
class _Result:
    key: str
    stamp: tuple[int, ...]
    outcome: np.ndarray | str
    """(H, W, C) uint8, or the reason why there is none."""
    sha256: str = ""
    kept_from: np.ndarray | None = None
    """The array that held it already."""


_Known = dict[str, list[tuple[CachedRow, np.ndarray, int]]]
"""Key to what is known of an image that is decoded already, the arrays that hold it, and its places there."""


def _known(*caches: PixelCache | Partial | None) -> _Known:
    known: _Known = defaultdict(list)
    for cache in caches:
        for place, row in enumerate(cache.rows if cache is not None else ()):
            if row.sha256:  # else there is nothing to tell another content by
                known[row.key].append((row, cache.pixels, place))
    return known


def _decoded(images: Mapping[str, Location], size_px: int, known: _Known) -> Iterator[_Result]:
    """The images in their order, decoded by as many threads as there are cores (the decoders release the GIL)."""
    found = look_up([location.place for location in images.values() if location.is_remote])
    hashes = FileHashes()

    def stamp_of(location: Location) -> tuple[int, ...]:
        return found[location.place].stamp if location.is_remote else location.stamp()

    def kept(key: str, stamp: tuple[int, ...], *, sha256: str = "") -> _Result | None:
        """What is decoded already of a file with this stamp, or this hash."""
        for row, pixels, place in known.get(key, ()):
            is_same = row.sha256 == sha256 if sha256 else row.stamp == stamp != ABSENT
            if is_same and row.is_whole(pixels[place]):
                return _Result(key, stamp, np.array(pixels[place]), row.sha256, pixels)
        return None

    def decode(key: str, location: Location) -> _Result:
        stamp = stamp_of(location)
        if result := kept(key, stamp):
            return result
        try:
            if not location.is_remote:
                return read(key, stamp, location, location.place)
            if fault := found[location.place].fault:
                return _Result(key, stamp, fault)
            with downloads.local(location.place) as path:
                return read(key, stamp, Location(path, location.frame), location.place)
        except ImageError as error:
            return _Result(key, stamp, str(error))

    def read(key: str, stamp: tuple[int, ...], location: Location, place: str) -> _Result:
        sha256 = hashes.of(place, location.place)
        return kept(key, stamp, sha256=sha256) or _Result(key, stamp, tile_of(location), sha256)

    def tile_of(location: Location) -> np.ndarray:
        with room.shared():
            return square_tile(read_picture(location, at_least_px=size_px, stop=stop), size_px)

    def decode_batch(batch: list[tuple[str, Location]]) -> list[_Result]:
        return [decode(key, location) for key, location in batch if not stop.is_set()]

    items = list(images.items())
    remote = [location.place for key, location in items if location.is_remote and kept(key, stamp_of(location)) is None]
    stop = threading.Event()
    downloads = Downloads(remote, stop)
    room = Room(_PIXELS_AT_ONCE)
    num_threads = max(min(os.cpu_count() or 1, 32), NUM_CONNECTIONS if remote else 1)
    waiting: deque[Future[list[_Result]]] = deque()
    executor = ThreadPoolExecutor(num_threads, thread_name_prefix="decode")
    try:
        for start in range(0, len(items), _BATCH):
            waiting.append(executor.submit(decode_batch, items[start : start + _BATCH]))
            if len(waiting) > 2 * num_threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        stop.set()  # where all are decoded, nothing waits for it
        executor.shutdown(wait=True, cancel_futures=True)


class _RowFile:
    """A .npy written from front to back: grey until the first colour image, then with three channels.

    Written and not mapped, for a full disk is an OSError here, and a kill by SIGBUS in a memory map.
    """

    def __init__(self, folder: Path, size_px: int, max_rows: int) -> None:
        self.folder, self.size_px, self.max_rows = folder, size_px, max_rows
        self.num_rows, self.channels = 0, 1
        self._open()

    def __enter__(self) -> "_RowFile":
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def append(self, row: np.ndarray) -> None:
        """row: (H, W, 1 or 3) uint8."""
        if row.shape[2] > self.channels:
            self._promote()
        if row.shape[2] < self.channels:
            row = np.broadcast_to(row, (self.size_px, self.size_px, self.channels))
        self._file.write(np.ascontiguousarray(row).data)
        self.num_rows += 1

    def finish(self) -> None:
        """Put the true number of rows into the header, and everything on the disk."""
        self._file.flush()
        self._file.seek(0)
        self._write_header(self.num_rows)
        self.sync()

    def sync(self) -> None:
        """Put what was appended on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def _open(self) -> None:
        self.path = self.folder / f"pixels-{secrets.token_hex(4)}.npy"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file_mode(self.folder))
        self._file = os.fdopen(descriptor, "wb", buffering=_BLOCK_BYTES)
        self._write_header(self.max_rows)
        self.data_start = self._file.tell()

    def _write_header(self, num_rows: int) -> None:
        # numpy leaves room in the header for the first axis to change its length in place
        shape = (num_rows, self.size_px, self.size_px, self.channels)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def _promote(self) -> None:
        _require_room(self.folder, _num_bytes(self.max_rows, self.size_px, 3))
        self._file.close()
        grey_path, data_start, num_grey = self.path, self.data_start, self.num_rows
        self.num_rows, self.channels = 0, 3
        self._open()
        shape = (self.size_px, self.size_px, 1)
        with grey_path.open("rb") as grey:
            grey.seek(data_start)
            for _ in range(num_grey):
                self.append(np.frombuffer(grey.read(self.size_px**2), dtype=np.uint8).reshape(shape))
        grey_path.unlink()


def _open_if_whole(folder: Path, size_px: int) -> PixelCache | None:
    try:
        cache = open_cache(folder)
    except StudyError:
        return None
    return cache if cache.size_px == size_px else None


def _remove_strays(folder: Path) -> None:
    """Remove arrays that neither the index nor a checkpoint names, and an index that was never put into place."""
    try:
        named = json.loads((folder / INDEX).read_text(encoding="utf-8"))["pixels"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        named = None
    kept = (named, partial_array(folder))
    temporary = [*folder.glob(f"{INDEX}.tmp"), *folder.glob(f".{INDEX}.*.tmp"), *folder.glob(f".{PARTIAL}.*.tmp")]
    for path in [*folder.glob("pixels-*.npy"), *temporary]:
        if path.name not in kept:
            path.unlink(missing_ok=True)


@contextmanager
def _build_lock(folder: Path) -> Iterator[None]:
    """Held by the one process that builds the cache. Raises StudyError if another process does."""
    try:
        lock = FileLock(folder / ".lock", mode=file_mode(folder)).acquire(blocking=False)
    except Timeout as error:
        raise StudyError(f"{folder}: another import of this study is under way; wait for it to end") from error
    with lock:
        yield


def _num_bytes(num_images: int, size_px: int, channels: int) -> int:
    return num_images * size_px * size_px * channels


def _require_room(folder: Path, num_bytes: int) -> None:
    if shutil.disk_usage(folder).free < num_bytes:
        raise _no_room(folder, num_bytes)


def _no_room(folder: Path, num_bytes: int) -> StudyError:
    free = shutil.disk_usage(folder).free
    return StudyError(
        f"{folder}: the disk has no room for the pixel cache: it takes up to {num_bytes:,} bytes, {free:,} are free; "
        "free some, or import with a smaller image size"
    )
