"""Uploads: datasets that owners send through the browser, each one archive, until it is imported or removed.

One lies in `OVERREAD_HOME/.uploads/ID/`: who sends it (`begun.json`), and the archive, which is `arriving` until all of
it is there. The name that the file has on its owner's computer is neither sent nor stored: it may be a patient's.
Nothing here opens the archive. An import does, in a process of its own, with the checks of `sources/archives.py`.
"""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import lock_descriptor

from overread.errors import UploadError
from overread.files import sync_folder, write_atomically
from overread.review.roles import Action, Actor
from overread.sources.archives import size_text, usable_bytes

FOLDER = ".uploads"
"""In the folder of the studies, whose own names begin with no dot."""
PIECE_BYTES = 8_000_000
"""The most that is taken at once."""
IDLE_S = 3600
"""After so long without a piece, an upload that is not complete is removed."""
_ARRIVING, _BEGUN, _WHOLE = "arriving", "begun.json", "upload"
_ID = re.compile("[0-9a-f]{16}")
_MARKS = (
    (0, b"PK\x03\x04", ".zip"),
    (0, b"PK\x05\x06", ".zip"),  # an empty one
    (257, b"ustar", ".tar"),
    (0, b"\x1f\x8b", ".tar.gz"),
    (0, b"BZh", ".tar.bz2"),
    (0, b"\xfd7zXZ", ".tar.xz"),
)
"""Where a file of a kind has which bytes."""
_GONE = "This upload is not there any more: it was removed, or nothing came for an hour. Choose the file again."
_NO_ARCHIVE = (
    "This is not a zip or tar archive, or it is damaged, so it was not kept. Choose another archive, a folder, or the "
    "files themselves."
)


@dataclass(frozen=True, slots=True)
class Upload:
    """One that is complete."""

    id: str
    path: Path
    """Of the archive."""
    size_bytes: int
    by: str
    """The account that sent it."""
    ended: datetime
    """When its last piece came."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """The uploads of a server, for one owner. Raises NotAllowedError for anybody else.

    All owners see all uploads that are complete, and may import or remove them; pieces come from who began alone.
    """

    folder: Path
    max_bytes: int
    """Of one upload."""
    actor: Actor

    def __post_init__(self) -> None:
        self.actor.require(Action.MANAGE)

    def begin(self, size_bytes: int) -> str:
        """Make place for an archive of that size; its id. Raises UploadError where it is empty, or too large for the
        limit or the disk."""
        if size_bytes <= 0:
            raise UploadError("The file is empty. Choose another one.")
        if size_bytes > self.max_bytes:
            raise UploadError(
                f"This is {size_text(size_bytes)}, and at most {size_text(self.max_bytes)} may be uploaded at once. "
                "Ask whoever runs the server to raise the limit, or to import the dataset from a folder there."
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_idle()
        awaited_bytes = sum(self._awaited_bytes(place) for place in self.folder.iterdir())
        self._check_free(size_bytes + awaited_bytes)
        upload_id = secrets.token_hex(8)
        place = self.folder / upload_id
        with _full_disk_reported():
            place.mkdir(mode=0o700)
            write_atomically(place / _BEGUN, json.dumps({"by": self.actor.name, "size_bytes": size_bytes}))
            os.close(os.open(place / _ARRIVING, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return upload_id

    def append(self, upload_id: str, start: int, content: bytes) -> int:
        """Write a piece that begins at this byte of the archive; returns how many bytes are there.

        Where these are not `start`, or another piece is being written, nothing is: the sender goes on from what is
        there. Raises UploadError where the upload is gone, the piece is too large, or the disk is full.
        """
        place, size_bytes = self._own(upload_id)
        if len(content) > PIECE_BYTES or start + len(content) > size_bytes:
            raise UploadError("More was sent than was announced; nothing of it was kept. Choose the file again.")
        self._check_free(len(content), is_final=False)
        try:
            descriptor = os.open(place / _ARRIVING, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        except FileNotFoundError as error:
            raise UploadError(_GONE) from error
        try:
            is_alone = lock_descriptor(descriptor, blocking=False)
            there = os.fstat(descriptor).st_size
            if not is_alone or there != start:
                return there
            with _full_disk_reported():
                try:
                    written = os.write(descriptor, content)
                except OSError:
                    os.ftruncate(descriptor, there)
                    raise
            return there + written
        finally:
            os.close(descriptor)

    def finish(self, upload_id: str) -> Upload:
        """Keep an upload that is complete. Raises UploadError where it is not, or is no archive: then it is removed."""
        if found := self.find(upload_id):
            return found
        place, size_bytes = self._own(upload_id)
        arriving = place / _ARRIVING
        num_bytes = arriving.stat().st_size
        if num_bytes != size_bytes:
            raise UploadError(f"Only {size_text(num_bytes)} of {size_text(size_bytes)} arrived.", is_final=False)
        with arriving.open("rb") as file:
            start = file.read(512)
            os.fsync(file.fileno())
        suffix = next((suffix for at, mark, suffix in _MARKS if start[at:].startswith(mark)), "")
        if not suffix:
            self.remove(upload_id)
            raise UploadError(_NO_ARCHIVE)
        arriving.rename(place / f"{_WHOLE}{suffix}")
        sync_folder(place)
        return next(found for found in self.waiting() if found.id == upload_id)

    def waiting(self) -> list[Upload]:
        """Those that are complete, the newest first; what was not completed for an hour is removed."""
        self._remove_idle()
        found = []
        for whole in self.folder.glob(f"*/{_WHOLE}.*") if self.folder.is_dir() else ():
            begun = _begun(whole.parent)
            if begun is not None and _ID.fullmatch(whole.parent.name):
                state = whole.stat()
                ended = datetime.fromtimestamp(state.st_mtime, UTC)
                found.append(Upload(whole.parent.name, whole, state.st_size, begun[0], ended))
        return sorted(found, key=lambda upload: (upload.ended, upload.id), reverse=True)

    def find(self, upload_id: str) -> Upload | None:
        """The complete upload of that id."""
        return next((upload for upload in self.waiting() if upload.id == upload_id), None)

    def remove(self, upload_id: str) -> None:
        """Delete an upload, complete or not; no error if it is gone."""
        if _ID.fullmatch(upload_id):
            shutil.rmtree(self.folder / upload_id, ignore_errors=True)

    def _own(self, upload_id: str) -> tuple[Path, int]:
        """The folder and the announced size of an upload that this owner began and that is not complete. Raises
        UploadError."""
        place = self.folder / upload_id
        begun = _begun(place) if _ID.fullmatch(upload_id) and (place / _ARRIVING).is_file() else None
        if begun is None or begun[0] != self.actor.name:
            raise UploadError(_GONE)
        return place, begun[1]

    def _awaited_bytes(self, place: Path) -> int:
        """How much of an upload is still to come."""
        begun, arriving = _begun(place), place / _ARRIVING
        return begun[1] - arriving.stat().st_size if begun and arriving.is_file() else 0

    def _check_free(self, num_bytes: int, *, is_final: bool = True) -> None:
        free_bytes = usable_bytes(self.folder)
        if num_bytes > free_bytes:
            raise UploadError(
                f"The server's disk is too full: {size_text(free_bytes)} may still be used. Remove uploads "
                "that nobody needs, or ask whoever runs the server to free some space; then try again.",
                is_final=is_final,
            )

    def _remove_idle(self) -> None:
        for arriving in self.folder.glob(f"*/{_ARRIVING}") if self.folder.is_dir() else ():
            with suppress(FileNotFoundError):  # it was just completed or removed
                if time.time() - arriving.stat().st_mtime > IDLE_S:
                    self.remove(arriving.parent.name)


def _begun(place: Path) -> tuple[str, int] | None:
    """Who sends an upload, and its size; None where that is not there."""
    try:
        fields = json.loads((place / _BEGUN).read_text(encoding="utf-8"))
        return str(fields["by"]), int(fields["size_bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _full_disk_reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UploadError(
            f"The server could not write the upload ({error.strerror}). What arrived before is kept; ask whoever runs "
            "the server, then try again.",
            is_final=False,
        ) from error
