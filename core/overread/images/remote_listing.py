"""Looks up remote files: whether they exist, their size, and what identifies their content."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from overread.images.remote import (
    ABSENT,
    FORBIDDEN,
    MAX_BYTES,
    MISSING,
    NUM_CONNECTIONS,
    TOO_LARGE,
    fault_of,
    file_system,
    host_of,
    is_server_fault,
    is_web,
    name_in_storage,
)
from overread.images.timeouts import LISTING_S, LOOK_UP_S, result_of

_FEW = 8
"""Up to this many files in a folder of object storage are looked up one by one; more by listing the folder."""
_TAGS = ("ETag", "etag", "md5Hash", "Last-Modified", "LastModified", "last_modified", "updated")
"""The storages' names for what distinguishes contents of the same size."""


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """What a storage says about one file."""

    num_bytes: int = 0
    stamp: tuple[int, ...] = ABSENT
    """Size in bytes, and a number that changes with the content; ABSENT where the storage does not provide it."""
    fault: str = ""
    """Why the file cannot be downloaded; empty where it can."""


def look_up(places: Collection[str]) -> dict[str, RemoteEntry]:
    """The files at these URLs, by URL.

    One listing per folder of object storage, or one request per file where they are few or on a web server. A server
    that cannot be reached, or is too slow, is asked once.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for place in dict.fromkeys(places):
        folders[place.rpartition("/")[0]].append(place)
    unreachable: dict[str, str] = {}
    found: dict[str, RemoteEntry] = {}
    stop = threading.Event()
    with ThreadPoolExecutor(NUM_CONNECTIONS, thread_name_prefix="look up") as threads:
        try:
            many = [files for folder, files in folders.items() if len(files) > _FEW and not is_web(folder)]
            for listed in threads.map(lambda files: _listed(files, unreachable, stop), many):
                found |= listed
            rest = [place for files in folders.values() for place in files if place not in found]
            found |= zip(rest, threads.map(lambda place: _asked(place, unreachable, stop), rest), strict=True)
        finally:
            stop.set()
    return found


def _listed(places: list[str], unreachable: dict[str, str], stop: threading.Event) -> dict[str, RemoteEntry]:
    """The files of one folder; empty where the folder may not be listed."""
    files = file_system(places[0])
    names = {place: files._strip_protocol(place) for place in places}
    try:
        listing = files._ls(names[places[0]].rpartition("/")[0], detail=True)
        entries = result_of(listing, files.loop, max_seconds=lambda: LISTING_S, stop=stop)
    except Exception as error:  # each storage has exceptions of its own
        reason = fault_of(error)
        if reason == FORBIDDEN:  # single files may still be open to everyone
            return {}
        if is_server_fault(error, reason):
            unreachable[host_of(places[0])] = reason
        return dict.fromkeys(places, RemoteEntry(fault=reason))
    by_name = {entry["name"]: entry for entry in entries if entry["type"] == "file"}
    return {
        place: _found(by_name[name]) if name in by_name else RemoteEntry(fault=MISSING) for place, name in names.items()
    }


def _asked(place: str, unreachable: dict[str, str], stop: threading.Event) -> RemoteEntry:
    host = host_of(place)
    if host in unreachable:
        return RemoteEntry(fault=unreachable[host])
    files = file_system(place)
    try:
        asking = files._info(name_in_storage(files, place))
        entry = result_of(asking, files.loop, max_seconds=lambda: LOOK_UP_S, stop=stop)
    except Exception as error:  # each storage has exceptions of its own
        # fsspec calls whatever happens on the web a missing file, and keeps what it was as the cause.
        reason = fault_of(error.__cause__ if is_web(place) and error.__cause__ else error)
        if is_server_fault(error, reason):
            unreachable[host] = reason
        return RemoteEntry(fault=reason)
    return _found(entry) if entry["type"] == "file" else RemoteEntry(fault=MISSING)


def _found(entry: dict[str, Any]) -> RemoteEntry:
    num_bytes = int(entry.get("size") or 0)
    tag = next((str(entry[name]) for name in _TAGS if entry.get(name)), "")
    if num_bytes > MAX_BYTES:
        return RemoteEntry(num_bytes, fault=TOO_LARGE)
    number = int.from_bytes(hashlib.sha256(tag.encode()).digest()[:6])
    return RemoteEntry(num_bytes, (num_bytes, number) if tag else ABSENT)
