"""What the browser asks of the routes, checked: nothing that it sends is trusted but the ticket's signature."""

import json
from dataclasses import dataclass
from typing import Any

from overread.records import Grade, VerdictKind
from overread.review.row_rules import FINDINGS
from overread_app.components.verdict_words import MAX_NOTE_LENGTH
from overread_app.words.worded_error import WordedError

MAX_BYTES = 2**16
MAX_COUNT = 10
MAX_HAVE = 200
MAX_LATER = 1000
MAX_DECIDED = 60
MAX_TILES = 1000
MAX_BULK = 200
"""Samples in one request; a larger bulk is sent in several."""


class RequestError(WordedError):
    """A request is not as the page makes it."""

    def __init__(self, name: str) -> None:
        super().__init__("error.request", name=name)


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """The next samples."""

    have: frozenset[str]
    """The ids that the browser has already."""
    count: int
    first: str | None
    """The sample to begin with, whatever the order, if `follows` is still the key of its standing verdict."""
    follows: str | None
    """Empty: it is not decided. None: whatever stands; it is opened again."""
    later: tuple[str, ...]
    """The ids of the samples that the reader has put off, the earliest first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page showed of a sample."""

    given: str
    """The label beside the image; `other`: the second one, empty for none."""
    other: str
    image: str
    """The version of the image (`Room.image_version`)."""


@dataclass(frozen=True, slots=True)
class VerdictRequest:
    """A verdict on a sample that was shown."""

    sample_id: str
    shown: Shown
    visit: str
    """New for each showing."""
    kind: VerdictKind
    chosen_label: str
    note: str
    elapsed_ms: int
    follows: str
    grade: str
    """One of `Grade`, or empty."""


@dataclass(frozen=True, slots=True)
class ReadingRequest:
    """A reader's own label for a sample of which they saw the image alone."""

    sample_id: str
    visit: str
    label: str
    """Empty where there is a finding."""
    finding: VerdictKind | None
    elapsed_ms: int
    image: str
    """As in `Shown`."""


@dataclass(frozen=True, slots=True)
class DecidedRequest:
    """The reader's last verdicts."""

    after: int | None
    """Only those before this one of the reader's own verdicts, by number; None: from the newest."""
    count: int
    search: str
    """Part of a label, a verdict's name, a note or an id, in any case; empty: all."""


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """The undo of the verdict that is shown as the last."""

    shown_key: str
    key: str
    """New for each press."""


@dataclass(frozen=True, slots=True)
class TilesRequest:
    """Samples of the gallery, by their places in the order or by their ids."""

    start: int
    count: int
    ids: tuple[str, ...]
    """If not empty, these."""
    has_images: bool


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """One verdict on several samples."""

    bulk: str
    """New for each one that was confirmed."""
    kind: VerdictKind
    """accept: each its likely label. reject: each its given label. relabel: the chosen one."""
    chosen_label: str
    follows: dict[str, str]
    """Sample id to the key of the verdict that stood when it was shown; empty: none."""


def queue_request(content: bytes) -> QueueRequest:
    """Raises RequestError, as do the others."""
    fields = _fields(content)
    return QueueRequest(
        have=frozenset(_texts(fields, "have", limit=MAX_HAVE)),
        count=_count(fields, limit=MAX_COUNT),
        first=None if fields.get("first") is None else _text(fields, "first"),
        follows=None if fields.get("follows", "") is None else _text(fields, "follows", is_optional=True),
        later=tuple(dict.fromkeys(_texts(fields, "later", limit=MAX_LATER))),
    )


def decided_request(content: bytes) -> DecidedRequest:
    fields = _fields(content)
    after = fields.get("after")
    if not (after is None or (type(after) is int and 0 <= after < 2**63)):
        raise RequestError("after")
    search = _text(fields, "search", is_optional=True)
    return DecidedRequest(after, _count(fields, limit=MAX_DECIDED), search.strip())


def reading_request(content: bytes) -> ReadingRequest:
    fields = _fields(content)
    finding = None if fields.get("finding") is None else _kind(fields, "finding")
    if finding not in (None, *FINDINGS):
        raise RequestError("finding")
    return ReadingRequest(
        sample_id=_text(fields, "sample_id"),
        visit=_text(fields, "visit"),
        label=_text(fields, "label", is_optional=finding is not None),
        finding=finding,
        elapsed_ms=_elapsed_ms(fields),
        image=_text(fields, "image", is_optional=True),
    )


def verdict_request(content: bytes) -> VerdictRequest:
    fields = _fields(content)
    note = fields.get("note", "")
    if not isinstance(note, str) or len(note) > MAX_NOTE_LENGTH:
        raise WordedError("error.note", number=MAX_NOTE_LENGTH)
    grade = _text(fields, "grade", is_optional=True)
    if grade not in ("", *Grade):
        raise RequestError("grade")
    return VerdictRequest(
        sample_id=_text(fields, "sample_id"),
        shown=Shown(*(_text(fields, name, is_optional=True) for name in ("given", "other", "image"))),
        visit=_text(fields, "visit"),
        kind=_kind(fields, "kind"),
        chosen_label=_text(fields, "chosen_label", is_optional=True),
        note=note.strip(),
        elapsed_ms=_elapsed_ms(fields),
        follows=_text(fields, "follows", is_optional=True),
        grade=grade,
    )


def undo_request(content: bytes) -> UndoRequest:
    fields = _fields(content)
    return UndoRequest(_text(fields, "shown_key"), _text(fields, "key"))


def tiles_request(content: bytes) -> TilesRequest:
    fields = _fields(content)
    start = fields.get("start", 0)
    if type(start) is not int or not 0 <= start < 2**53:
        raise RequestError("start")
    ids = tuple(dict.fromkeys(_texts(fields, "ids", limit=MAX_TILES)))
    return TilesRequest(start, _count(fields, limit=MAX_TILES), ids, bool(fields.get("images")))


def bulk_request(content: bytes) -> BulkRequest:
    fields = _fields(content)
    kinds = (VerdictKind.ACCEPT, VerdictKind.REJECT, VerdictKind.RELABEL)
    kind = next((kind for kind in kinds if kind.value == fields.get("kind")), None)
    if kind is None:
        raise RequestError("kind")
    follows = fields.get("follows")
    if not isinstance(follows, dict) or not 0 < len(follows) <= MAX_BULK:
        raise RequestError("follows")
    if not all(isinstance(key, str) for key in follows.values()):
        raise RequestError("follows")
    chosen_label = _text(fields, "chosen_label", is_optional=kind is not VerdictKind.RELABEL)
    return BulkRequest(_text(fields, "bulk"), kind, chosen_label, follows)


def undo_bulk_request(content: bytes) -> str:
    """The name of the bulk to undo."""
    return _text(_fields(content), "name")


def _fields(content: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RequestError("body") from error
    if not isinstance(fields, dict):
        raise RequestError("body")
    return fields


def _kind(fields: dict[str, Any], name: str) -> VerdictKind:
    try:
        return VerdictKind(str(fields.get(name)))
    except ValueError as error:
        raise RequestError(name) from error


def _elapsed_ms(fields: dict[str, Any]) -> int:
    elapsed_ms = fields.get("elapsed_ms")
    if not isinstance(elapsed_ms, int | float) or not 0 <= elapsed_ms < 2**53:
        raise RequestError("elapsed_ms")
    return round(elapsed_ms)


def _count(fields: dict[str, Any], *, limit: int) -> int:
    count = fields.get("count", 1)
    if type(count) is not int or not 0 <= count <= limit:
        raise RequestError("count")
    return count


def _texts(fields: dict[str, Any], name: str, *, limit: int) -> list[str]:
    values = fields.get(name, [])
    if not isinstance(values, list) or len(values) > limit or not all(isinstance(one, str) for one in values):
        raise RequestError(name)
    return values


def _text(fields: dict[str, Any], name: str, *, is_optional: bool = False) -> str:
    """is_optional: it may be empty or absent. A class may have a name of any length; so has the text."""
    value = fields.get(name, "")
    if not isinstance(value, str) or not (value or is_optional):
        raise RequestError(name)
    return value
