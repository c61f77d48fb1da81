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

from overread.errors import ConfigError, UserError
from overread.review.queue_choice import QueueChoice

LIFETIME_S = 12 * 3600
_STEP_S = LIFETIME_S // 2


class TicketError(UserError):
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
    protocol: str
    """Of `Verdict`."""
    expires_s: int
    """In seconds since 1970."""
    since: int = 0
    """The ledger's newest row when the queue was chosen."""
    stamp: str = ""
    """Of the run's scores and the study's classes (`room_stamp`): once these are replaced, the ticket is void."""


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
        raise TicketError("This page does not belong to the study. Reload the page.")
    try:
        fields = json.loads(content)
        ticket = Ticket(**fields | {"choice": QueueChoice(**fields["choice"])})
    except (TypeError, KeyError, ConfigError) as error:  # of a server of another version
        raise TicketError("Overread was updated. Reload the page.") from error
    if ticket.expires_s <= time.time():
        raise TicketError("This page was open for too long. Reload the page.")
    return ticket


def claimed_study(text: str) -> str:
    """The address of the study whose ticket a text claims to be: by that study's key it is then verified. Raises
    TicketError if the text is no ticket."""
    try:
        return str(json.loads(_parts(text)[0])["study"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TicketError("Reload the page.") from error


def _parts(text: str) -> tuple[bytes, bytes]:
    content, _, signature = text.partition(".")
    try:
        return base64.urlsafe_b64decode(content), base64.urlsafe_b64decode(signature)
    except ValueError as error:
        raise TicketError("Reload the page.") from error


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def _signature(content: bytes, key: bytes) -> bytes:
    own = hmac.digest(key, b"reading ticket", hashlib.sha256)
    return hmac.digest(own, content, hashlib.sha256)
