"""The array of a pixel cache while it is being written, and the disk space for it."""

import os
import secrets
import shutil
from pathlib import Path

import numpy as np

from overread.errors import StudyError
from overread.files import file_mode

_BLOCK_BYTES = 2**22
"""Rows are written in blocks of this size: one call per row would take as long as decoding a small image."""


class RowFile:
    """A .npy file that is written row by row: grey until the first colour image, then with three channels.

    It is not memory-mapped: a full disk raises OSError here, and would kill the process by SIGBUS there.
    """

    def __init__(self, folder: Path, size_px: int, max_rows: int) -> None:
        self.folder, self.size_px, self.max_rows = folder, size_px, max_rows
        self.num_rows, self.channels = 0, 1
        self._open()

    def __enter__(self) -> "RowFile":
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

    def finalize(self) -> None:
        """Write the actual number of rows into the header, and flush everything to the disk."""
        self._file.flush()
        self._file.seek(0)
        self._write_header(self.num_rows)
        self.sync()

    def sync(self) -> None:
        """Flush the appended rows to the disk."""
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
        require_space(self.folder, size_in_bytes(self.max_rows, self.size_px, 3))
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


def size_in_bytes(num_images: int, size_px: int, channels: int) -> int:
    """Bytes that so many square images take."""
    return num_images * size_px * size_px * channels


def require_space(folder: Path, num_bytes: int) -> None:
    """Raise StudyError where the folder's disk has less space than that."""
    if shutil.disk_usage(folder).free < num_bytes:
        raise no_space(folder, num_bytes)


def no_space(folder: Path, num_bytes: int) -> StudyError:
    """The error for a disk that is too full for an array of that size."""
    free = shutil.disk_usage(folder).free
    return StudyError(
        f"{folder}: not enough disk space for the pixel cache: it takes up to {num_bytes:,} bytes, and {free:,} are "
        "free; free some space, or import with a smaller image size"
    )
