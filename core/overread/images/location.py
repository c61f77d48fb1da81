"""Where an image is: a local file or a URL, and a frame of it."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from overread.errors import ImageError
from overread.images.remote import ABSENT, is_remote
from overread.images.remote_file import open_remote

_FRAME = re.compile(r"(.+)#(0|[1-9][0-9]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """One image of a source."""

    place: str
    """The path of a file, or a URL."""
    frame: int | None = None
    """Of a file with several, the number of the frame, counted from 1 as in DICOM; None: the middle one."""

    @classmethod
    def of(cls, image: "Location | Path") -> "Location":
        """The location itself, or that of a plain file."""
        return image if isinstance(image, Location) else cls(str(image))

    @property
    def is_remote(self) -> bool:
        return is_remote(self.place)

    @property
    def path(self) -> Path:
        """The path of a local file."""
        return Path(self.place)

    @property
    def suffix(self) -> str:
        """The end of the file's name from its last point on: `.dcm`; empty where it has none."""
        return PurePosixPath(urlsplit(self.place).path if self.is_remote else self.place).suffix

    def exists(self) -> bool:
        """Whether there is such a file, though perhaps with fewer frames. A remote file is assumed to exist until it is
        opened or looked up."""
        try:
            return self.is_remote or self.path.is_file()
        except (OSError, ValueError):  # a name longer than the file system knows, or with a NUL
            return False

    def stamp(self) -> tuple[int, ...]:
        """Size in bytes, mtime and ctime in ns, and inode: unchanged as long as nobody writes or replaces the file.
        ABSENT for a missing file and for a remote one (see `remote_listing.look_up`)."""
        try:
            status = self.path.stat()
        except (OSError, ValueError):
            return ABSENT
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino

    def open(self, *, first_bytes: int | None = None) -> BinaryIO:
        """The open file, at its beginning. Raises ImageError where it is missing or cannot be downloaded, and OSError.

        first_bytes: where given, only these are needed, and only these are downloaded of a remote file.
        """
        if self.is_remote:
            return cast(BinaryIO, open_remote(self.place, first_bytes=first_bytes))
        if not self.exists():
            raise ImageError("not a file" if self.path.exists() else "no such file")
        return self.path.open("rb")


def split_frame(cell: str) -> tuple[str, int | None]:
    """The file and the frame that a cell names: one that ends in `#` and a number; any other cell names no frame."""
    match = _FRAME.fullmatch(cell)
    return (match[1], int(match[2])) if match else (cell, None)
