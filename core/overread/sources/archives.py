"""Unpacks zip and tar archives of a dataset, which may come from anywhere: nothing outside one folder is written.

Absolute names, names that lead out, links, devices, encrypted and repeated members are refused, and so is what unpacks
to far more than the archive's own size, would fill the disk, or takes much memory to list. What no format reads (hidden
files, macOS's resource forks) is left out.
"""

import lzma
import os
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, cast

from overread.errors import SourceError
from overread.sources.source_format import OnBytes

_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_NOT_READ = {b"Rar!": "a RAR", b"7z\xbc\xaf\x27\x1c": "a 7-Zip", b"\x28\xb5\x2f\xfd": "a Zstandard"}
_MAC_ARCHIVE = "__MACOSX"
_DRIVE = re.compile("[A-Za-z]:")
_MOST_FILES = 3_000_000
_BOMB_RATIO = 200
"""Deflate reaches 1000 on zeros; images, uncompressed ones included, stay far below this."""
_BOMB_BYTES = 2**30
"""Less than this does no harm, whatever its ratio."""
_KEPT_FREE_BYTES = 10**9
"""Or the twentieth part of a small disk."""
_DEEPEST = 64
"""Folders in folders: each is an entry of the disk's, and they count as no file."""
_MOST_LISTED_BYTES = 2**28
"""Of a zip's list of members, which is read at once."""
_MOST_HEADER_BYTES = 2**24
"""Of a tar's long names and other attributes, read at once; compression makes gigabytes of next to nothing."""
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OverflowError, RecursionError)
"""What zipfile and tarfile raise for a damaged file, besides OSError for a damaged gzip or bzip2 stream."""
_UNPACK = "unpack it yourself, and give the folder"


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive."""

    path: PurePosixPath
    size_bytes: int
    copy_of: PurePosixPath | None
    """Of a hard link: the earlier member that has its content."""
    open: Callable[[], IO[bytes] | None]


class _Measured:
    """A file that is never read in large parts, whatever its headers ask for."""

    def __init__(self, file: IO[bytes], most_bytes: int, *, error: type[Exception]) -> None:
        self.file = file
        self.most_bytes = most_bytes
        self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def read(self, size: int = -1) -> bytes:
        """Raises the error where more is asked for, or where there is more up to the end."""
        content = self.file.read(min(size, self.most_bytes) if size >= 0 else self.most_bytes + 1)
        if max(size, len(content)) > self.most_bytes:
            raise self.error("it has too long a header")
        return content


class _Tar(tarfile.TarFile):
    """One whose headers are limited in size, unpacked."""

    def __init__(self, name: str | None, mode: Literal["r"], fileobj: IO[bytes], **options: Any) -> None:
        measured = _Measured(fileobj, _MOST_HEADER_BYTES, error=tarfile.ReadError)
        super().__init__(name, mode, cast(IO[bytes], measured), **options)


def is_archive(path: Path) -> bool:
    """Whether a file is an archive that is unpacked: a zip or tar, but no .npz file or spreadsheet, which are zips too.

    A file that is named like one counts, too: `unpack` says what is wrong. Raises SourceError for other archives.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(512)
    for mark, kind in _NOT_READ.items():
        if start.startswith(mark):
            found = f"this is {kind} archive: unpack it first, and give the folder"
            raise SourceError(f"{path}: {found}", public=f"{found[0].upper()}{found[1:]}.")
    is_named = path.name.lower().endswith(_SUFFIXES)
    if start.startswith(b"PK"):
        return is_named or (zipfile.is_zipfile(path) and not _is_other_zip(path))
    return is_named or ((start[257:262] == b"ustar" or start.startswith(_COMPRESSED)) and _is_tar(path))


def is_named_archive(path: Path) -> bool:
    """Whether a file's name is that of an archive, of whatever kind."""
    return path.name.lower().endswith((*_SUFFIXES, ".7z", ".rar", ".zst"))


def unpack(path: Path, folder: Path, *, is_private: bool, on_progress: OnBytes | None = None) -> None:
    """Unpack an archive into a folder, which is made; it is unpacked completely or not at all.

    is_private: whether only the owner may read what is written; otherwise the umask decides. on_progress: called with
    the bytes written and in total.
    Raises SourceError, saying what to do, for an archive that is damaged, encrypted, empty, or not safe to unpack, and
    if the disk is too full.
    """
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)  # what a killed process left
    try:
        with _reported(path), _members(path) as found:
            members = list(_checked(path, found, making.parent))
            if not members:
                raise _refusal(path, "holds no files; check that it is the right archive")
            making.mkdir(mode=0o700 if is_private else 0o777)
            total_bytes, num_bytes = sum(member.size_bytes for member in members), 0
            for member in members:
                _write(path, member, making, is_private=is_private)
                num_bytes += member.size_bytes
                if on_progress:
                    on_progress(num_bytes, total_bytes)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _is_tar(path: Path) -> bool:
    try:
        with path.open("rb") as file, _Tar.open(fileobj=file):
            return True
    except (*_DAMAGED, OSError):  # compressed, and damaged or no tar
        return False


def _is_other_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (*_DAMAGED, OSError):
        return True
    return not names or "[Content_Types].xml" in names or "mimetype" in names or all(n.endswith(".npy") for n in names)


@contextmanager
def _members(path: Path) -> Iterator[Iterator[_Member]]:
    # A tar that holds a zip ends like a zip.
    if zipfile.is_zipfile(path) and not _is_tar(path):
        with path.open("rb") as file:
            measured = _Measured(file, _MOST_LISTED_BYTES, error=zipfile.BadZipFile)
            with zipfile.ZipFile(cast(IO[bytes], measured)) as archive:
                yield _zip_members(path, archive)
    else:
        with path.open("rb") as file, _Tar.open(fileobj=file, errorlevel=1) as tar:
            yield _tar_members(path, tar)


def _zip_members(path: Path, archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        kind = (info.external_attr >> 16) & 0o170000
        if kind not in (0, 0o100000, 0o040000):
            raise _unsafe(path, info.filename, "is a link or a device")
        if info.flag_bits & 0x1:
            raise _refusal(path, "is encrypted; unpack it with its password, and give the folder")
        if not info.is_dir() and (name := _inner_path(path, _zip_name(info))):
            yield _Member(name, info.file_size, None, lambda info=info: archive.open(info))  # type: ignore[misc]


def _zip_name(info: zipfile.ZipInfo) -> str:
    """A member's name: many programs write UTF-8 without its flag, which zipfile then takes for code page 437."""
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _tar_members(path: Path, archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        name = _inner_path(path, info.name)
        if info.isdir() or name is None:
            continue
        target = _inner_path(path, info.linkname) if info.islnk() else None
        if not info.isreg() and target is None:
            raise _unsafe(path, info.name, "is a link or a device")
        yield _Member(name, info.size, target, lambda info=info: archive.extractfile(info))  # type: ignore[misc]
    # A damaged header looks like the end to tarfile; the true one is a block of zeros (POSIX ustar).
    file = archive.fileobj
    assert file is not None
    file.seek(archive.offset)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it ends in the middle")


def _inner_path(path: Path, name: str) -> PurePosixPath | None:
    """Where a member goes in the folder; None if it is left out. Raises SourceError if it would lead out."""
    inner = PurePosixPath(name.replace("\\", "/"))
    if inner.is_absolute() or ".." in inner.parts or _DRIVE.match(name) or "\0" in name:
        raise _unsafe(path, name, "leads out of the folder")
    is_hidden = any(part.startswith(".") or part == _MAC_ARCHIVE for part in inner.parts)
    return None if is_hidden or not inner.parts else inner


def _checked(path: Path, members: Iterator[_Member], place: Path) -> Iterator[_Member]:
    """The members, as long as they are neither too many nor too large, and none repeats another's name."""
    seen: set[PurePosixPath] = set()
    own_bytes, free_bytes, total_bytes = path.stat().st_size, usable_bytes(place), 0
    for member in members:
        if member.path in seen:
            raise _refusal(path, f"holds {str(member.path)!r} twice; {_UNPACK}", f"holds a file twice; {_UNPACK}")
        if len(member.path.parts) > _DEEPEST:
            raise _refusal(path, f"holds more than {_DEEPEST} folders in each other; {_UNPACK}")
        if member.copy_of is not None and member.copy_of not in seen:
            raise _unsafe(path, str(member.path), "is a link to nothing before it")
        seen.add(member.path)
        total_bytes += member.size_bytes
        if len(seen) > _MOST_FILES:
            raise _refusal(path, f"holds more than {_MOST_FILES} files; {_UNPACK}")
        if total_bytes > max(_BOMB_BYTES, _BOMB_RATIO * own_bytes):
            found = f"unpacks to more than {_BOMB_RATIO} times its size ({size_text(own_bytes)}), as zip bombs do"
            raise _refusal(path, f"{found}; if you trust it, {_UNPACK}")
        if total_bytes > free_bytes:
            found = f"unpacks to more than the {size_text(free_bytes)} that are free"
            mend = "free some space, or unpack it on another disk, and give the folder"
            raise _refusal(path, f"{found} in {place}; {mend}", f"{found}; {mend}")
        yield member


def _write(path: Path, member: _Member, folder: Path, *, is_private: bool) -> None:
    place = folder / member.path
    for parent in reversed(member.path.parents):
        (folder / parent).mkdir(mode=0o700 if is_private else 0o777, exist_ok=True)
    if member.copy_of is not None:
        shutil.copyfile(folder / member.copy_of, place)
        return
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_private else 0o666)
    with os.fdopen(descriptor, "wb") as target, member.open() or _absent(path, member) as content:
        shutil.copyfileobj(content, target, 2**20)
        if target.tell() != member.size_bytes:
            found = "is truncated; download the archive again"
            raise _refusal(path, f"{str(member.path)!r} {found}", found)


def _absent(path: Path, member: _Member) -> IO[bytes]:
    raise SourceError(f"{path}: {str(member.path)!r} has no content; {_UNPACK}")


def _unsafe(path: Path, name: str, why: str) -> SourceError:
    return _refusal(path, f"{name!r} in it {why}; {_UNPACK}", f"is not safe to unpack (a name {why}); {_UNPACK}")


def _refusal(path: Path, found: str, public: str = "") -> SourceError:
    """public: where what was found quotes a name."""
    return SourceError(f"{path}: {found}", public=f"The archive {public or found}.")


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Raise SourceError for whatever zipfile, tarfile and the disk raise."""
    try:
        yield
    except NotImplementedError as error:
        raise _refusal(path, f"is compressed in a way that is not read ({error}); {_UNPACK}") from error
    except UnicodeError as error:
        raise _refusal(path, f"holds names in an unknown encoding; {_UNPACK}") from error
    except _DAMAGED as error:
        if "multiple disks" in str(error):
            raise _refusal(path, f"is one of several parts of an archive; join them, and {_UNPACK}") from error
        reason = "" if "\n" in str(error) else f" ({error})"  # tarfile lists why it is of no kind that it knows
        found = "is not an intact zip or tar archive"
        raise _refusal(path, f"{found}{reason}; download it again", f"{found}; download it again") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise _refusal(path, f"holds names that this disk cannot tell apart; {_UNPACK}") from error
    except OSError as error:
        if error.errno is None:  # gzip and bz2 have no other error
            raise _refusal(path, f"is not an intact archive ({error}); download it again") from error
        raise _refusal(path, f"cannot be unpacked ({error.strerror}); {_UNPACK}") from error


def usable_bytes(place: Path) -> int:
    """How much may be written to the disk of a folder: a little stays free, for the ledger and everything else."""
    usage = shutil.disk_usage(place)
    return max(0, usage.free - min(_KEPT_FREE_BYTES, usage.total // 20))


def size_text(num_bytes: int) -> str:
    """A number of bytes in words."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e8 else f"{num_bytes / 1e6:.1f} MB"
