"""HDF5 files whose content may come from anywhere: opened, their arrays described and read.

h5py is imported where it is used: few need it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overread.errors import SourceError

MARK = b"\x89HDF\r\n\x1a\n"
"""What a file begins with (HDF5 File Format Specification, "Format Signature")."""
_MAX_CHUNK_BYTES = 2**30
_MOST_LISTED = 12
_DAMAGED = (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError)
"""What h5py raises for a damaged file."""


def is_hdf5(path: Path) -> bool:
    """Whether a file begins like HDF5."""
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


@contextmanager
def opened_hdf5(path: Path) -> Iterator[Any]:
    """An h5py.File. Raises SourceError if it is damaged, in the block too, or h5py is not installed."""
    try:
        import h5py
    except ImportError:
        raise SourceError(f"{path}: HDF5 needs the package h5py, which is not installed; pip install h5py") from None
    with path.open("rb"):  # for the error of a file that may not be read
        pass
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except _DAMAGED as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"{path}: is not an intact HDF5 file ({reason}); download it again") from error


def dataset_named(path: Path, file: Any, name: str) -> Any:
    """A dataset of an h5py.File. Raises SourceError if it is absent, or if reading it would open other files."""
    import h5py

    link = file.get(name, getlink=True)
    found = file.get(name) if isinstance(link, h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset):
        raise SourceError(f"{path}: this is HDF5 without a dataset {name!r}; it has {described(file)}")
    if found.external or found.is_virtual:
        raise SourceError(f"{path}: {name!r} has its content in other files, which are not read; store it in this one")
    size = found.dtype.itemsize
    for length in found.chunks or ():
        size *= length
    if size > _MAX_CHUNK_BYTES:
        raise SourceError(f"{path}: {name!r} is stored in chunks of {size} bytes; store it in smaller ones")
    return found


def described(file: Any) -> str:
    """The names, shapes and types of the datasets of an h5py.File; those of other files are left out."""
    import h5py

    found: list[str] = []

    def describe(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append(f"{name} ({item.dtype} {'x'.join(map(str, item.shape or ())) or 'single value'})")

    file.visititems(describe)
    more = f" and {len(found) - _MOST_LISTED} more" if len(found) > _MOST_LISTED else ""
    return f"{', '.join(found[:_MOST_LISTED])}{more}" if found else "no datasets"
