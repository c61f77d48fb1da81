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
    """The sample to begin with, whatever the order, unless it is decided."""


@dataclass(frozen=True, slots=True)
class VerdictRequest:
    """A verdict on a sample that was shown."""

    sample_id: str
    visit: str
    """New for each showing."""
    kind: VerdictKind
    chosen_label: str
    note: str
    elapsed_ms: int
    follows: str


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """The undo of the verdict that is shown as the last."""

    shown_key: str
    key: str
    """New for each press."""


def queue_request(content: bytes) -> QueueRequest:
    """Raises RequestError, as do the other two."""
    fields = _fields(content)
    have, count, first = fields.get("have", []), fields.get("count", 1), fields.get("first")
    if not isinstance(have, list) or len(have) > MAX_HAVE or not all(isinstance(one, str) for one in have):
        raise RequestError("have")
    if type(count) is not int or not 0 <= count <= MAX_COUNT:
        raise RequestError("count")
    return QueueRequest(frozenset(have), count, None if first is None else _text(fields, "first"))


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


def _text(fields: dict[str, Any], name: str, *, is_optional: bool = False) -> str:
    """is_optional: it may be empty or absent. A class may have a name of any length; so has the text."""
    value = fields.get(name, "")
    if not isinstance(value, str) or not (value or is_optional):
        raise RequestError(name)
    return value
