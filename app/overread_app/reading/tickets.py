"""Tickets: what lets a browser read one run of one study under one reader's name, on any server of that study.

A ticket is text, content and signature, both in base64. It is signed under a key that is derived from the study's own,
so servers need nothing in common but the study.
"""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from overread.errors import ConfigError
from overread.review.queue_choice import QueueChoice
from overread_app.words.catalogue import language_of
from overread_app.words.worded_error import WordedError

LIFETIME_S = 12 * 3600
_STEP_S = LIFETIME_S // 2


class TicketError(WordedError):
    """A ticket is missing, expired, forged or another study's."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What its bearer may read. Issued by the Review page after it has checked the code of the reader's name."""

    study: str
    """The study's address (`session.study_address`), which reveals no path."""
    run: str
    """Empty: the samples are read without a model."""
    reader: str
    choice: QueueChoice
    expires_s: int
    """In seconds since 1970."""
    since: int = 0
    """How many verdicts the reader had given when the queue was chosen."""
    stamp: str = ""
    """Of what is shown (`room_stamp`): once that is replaced, the ticket is void."""
    language: str = "en"
    """In which the routes answer, one of the catalogue's."""


def expiry() -> int:
    """When a ticket of now expires, in seconds since 1970: in 6 to 12 hours, and the same for a while, so that a page
    that is drawn again has the same ticket."""
    return (int(time.time()) // _STEP_S + 2) * _STEP_S


def sign(ticket: Ticket, key: bytes) -> str:
    """The ticket as text. key: the study's own (`Study.key`)."""
    content = json.dumps(asdict(ticket), separators=(",", ":")).encode()
    return f"{_text(content)}.{_text(_signature(content, key))}"


def verify(text: str, key: bytes) -> Ticket:
    """The ticket of a text. Raises TicketError if it was not signed under the study's key, or has expired."""
    content, signature = _parts(text)
    if not hmac.compare_digest(signature, _signature(content, key)):
        raise TicketError("error.not_shown")  # the same as for a study that is not there
    try:
        fields = json.loads(content)
        ticket = Ticket(**fields | {"choice": QueueChoice(**fields["choice"])})
    except (TypeError, KeyError, ConfigError) as error:  # of a server of another version
        raise TicketError("error.other_version") from error
    if ticket.expires_s <= time.time():
        raise TicketError("error.expired")
    return ticket


def claimed_study(text: str) -> str:
    """The address of the study whose ticket a text claims to be: by that study's key it is then verified. Raises
    TicketError if the text is no ticket."""
    try:
        return str(_claims(text)["study"])
    except KeyError as error:
        raise TicketError("error.reload") from error


def claimed_language(text: str) -> str:
    """The language that a text claims, ticket or not: for telling its bearer why it is refused."""
    try:
        return language_of(str(_claims(text).get("language")))
    except TicketError:
        return language_of("")


def _claims(text: str) -> dict[str, Any]:
    """What a text says that nobody has verified. Raises TicketError if it is no ticket."""
    try:
        claims = json.loads(_parts(text)[0])
    except (ValueError, RecursionError) as error:
        raise TicketError("error.reload") from error
    if not isinstance(claims, dict):
        raise TicketError("error.reload")
    return claims


def _parts(text: str) -> tuple[bytes, bytes]:
    content, _, signature = text.partition(".")
    try:
        return base64.urlsafe_b64decode(content), base64.urlsafe_b64decode(signature)
    except ValueError as error:
        raise TicketError("error.reload") from error


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def _signature(content: bytes, key: bytes) -> bytes:
    own = hmac.digest(key, b"reading ticket", hashlib.sha256)
    return hmac.digest(own, content, hashlib.sha256)
