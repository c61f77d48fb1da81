"""What the browser asks of the routes, checked: nothing that it sends is trusted but the ticket's signature."""

import json
from dataclasses import dataclass
from typing import Any

from overread.errors import UserError
from overread.records import VerdictKind
from overread_app.components.verdict_words import MAX_NOTE_LENGTH

MAX_BYTES = 2**16
MAX_COUNT = 10
MAX_HAVE = 200
MAX_LATER = 1000
MAX_DECIDED = 60


class RequestError(UserError):
    """A request is not as the page makes it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The request's {name} is not valid. Reload the page.")


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


@dataclass(frozen=True, slots=True)
class DecidedRequest:
    """The reader's last verdicts."""

    after: int | None
    """Only those before this row of the ledger; None: from the newest."""
    count: int
    search: str
    """Part of a label, a verdict's name, a note or an id, in any case; empty: all."""


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """The undo of the verdict that is shown as the last."""

    shown_key: str
    key: str
    """New for each press."""


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


def verdict_request(content: bytes) -> VerdictRequest:
    fields = _fields(content)
    try:
        kind = VerdictKind(str(fields.get("kind")))
    except ValueError as error:
        raise RequestError("kind") from error
    note, elapsed_ms = fields.get("note", ""), fields.get("elapsed_ms")
    if not isinstance(note, str) or len(note) > MAX_NOTE_LENGTH:
        raise UserError(f"The note is longer than {MAX_NOTE_LENGTH} characters; please shorten it.")
    if not isinstance(elapsed_ms, int | float) or not 0 <= elapsed_ms < 2**53:
        raise RequestError("elapsed_ms")
    return VerdictRequest(
        sample_id=_text(fields, "sample_id"),
        shown=Shown(*(_text(fields, name, is_optional=True) for name in ("given", "other", "image"))),
        visit=_text(fields, "visit"),
        kind=kind,
        chosen_label=_text(fields, "chosen_label", is_optional=True),
        note=note.strip(),
        elapsed_ms=round(elapsed_ms),
        follows=_text(fields, "follows", is_optional=True),
    )


def undo_request(content: bytes) -> UndoRequest:
    fields = _fields(content)
    return UndoRequest(_text(fields, "shown_key"), _text(fields, "key"))


def _fields(content: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RequestError("body") from error
    if not isinstance(fields, dict):
        raise RequestError("body")
    return fields


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
