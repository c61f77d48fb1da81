"""What the routes of reading answer when they do not do what they were asked: the status, and why, in the reader's
language."""

from starlette.responses import JSONResponse, Response

from overread.errors import (
    ImageError,
    LedgerFaultError,
    NotAllowedError,
    StaleReadingError,
    StaleVerdictError,
    UserError,
)
from overread_app.boundary import error_text
from overread_app.reading.open_rooms import RunReplacedError
from overread_app.reading.packets import Json
from overread_app.reading.tickets import TicketError
from overread_app.sign_in.gate import NOT_KEPT
from overread_app.words.catalogue import Words
from overread_app.words.worded_error import WordedError, reader_text

_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (TicketError, 401),
    (NotAllowedError, 403),
    (ImageError, 404),
    (StaleVerdictError, 409),
    (StaleReadingError, 409),
    (RunReplacedError, 409),
    (LedgerFaultError, 503),
    (UserError, 422),
    (Exception, 500),
)
"""The first that fits. The browser sends again what ended in 401, 500 or 503, and what a new ticket may open."""


class SampleChangedError(WordedError, StaleVerdictError):
    """The study has another image of the sample by now, or another label, than the page showed."""

    def __init__(self) -> None:
        super().__init__("error.changed")


class NotUndoneError(WordedError, StaleVerdictError):
    """The verdict to be undone is not the reader's last one any more."""


def refused(error: Exception, words: Words) -> Response:
    """The response to a request that ended in an error."""
    status = next(status for kind, status in _STATUSES if isinstance(error, kind))
    if isinstance(error, ImageError):
        message = words("error.image", reason=reader_text(error, words) or str(error))
    else:
        message = error_text(error, words)
    answer: Json = {"message": message}
    if isinstance(error, SampleChangedError | StaleReadingError):
        answer["isChanged"] = True  # the page shows the sample again
    if isinstance(error, RunReplacedError):
        answer["isReplaced"] = True  # it gets a new ticket, and sends again
    return JSONResponse(answer, status_code=status, headers=NOT_KEPT)
