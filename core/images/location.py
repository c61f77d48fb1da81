"""Where an image is: a file, and which of its frames."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import ImageError

ABSENT = (-1, -1)
"""The stamp of what is not there: no file has it."""
_FRAME = re.compile(r"(.+)#(0|[1-9][0-9]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """One image of a source."""

    place: str
    """The path of a file."""
    frame: int | None = None
    """Of a file with several, the frame of that number, counted from 1 as DICOM does; None: the middle one."""

    @classmethod
    def of(cls, image: "Location | Path") -> "Location":
        """The location itself, or that of a plain file."""
        return image if isinstance(image, Location) else cls(str(image))

    @property
    def path(self) -> Path:
        return Path(self.place)

    @property
    def suffix(self) -> str:
        """The end of the file's name from its last point on: `.dcm`; empty where it has none."""
        return self.path.suffix

    def exists(self) -> bool:
        """Whether there is such a file. It may have fewer frames."""
        try:
            return self.path.is_file()
        except (OSError, ValueError):  # a name longer than the file system knows, or with a NUL
            return False

    def stamp(self) -> tuple[int, int]:
        """Size in bytes and time of change in ns: the same as long as the content is. ABSENT where there is none."""
        try:
            status = self.path.stat()
        except (OSError, ValueError):
            return ABSENT
        return status.st_size, status.st_mtime_ns

    def open(self) -> BinaryIO:
        """The file, to be read from its beginning. Raises ImageError where there is none, and OSError."""
        if not self.exists():
            raise ImageError("not a file" if self.path.exists() else "there is no such file")
        return self.path.open("rb")


def cut_frame(cell: str) -> tuple[str, int | None]:
    """A cell that ends in `#` and a number, as the file and the frame that it names; any other, and no frame."""
    match = _FRAME.fullmatch(cell)
    return (match[1], int(match[2])) if match else (cell, None)
