"""Errors whose messages are in the catalogue, so that a reader gets them in their language."""

from overread.errors import (
    LedgerBusyError,
    LedgerFullError,
    ReadOnlyError,
    StaleReadingError,
    StaleVerdictError,
    UserError,
)
from overread_app.words.catalogue import ENGLISH, Words

_OF_CORE = {
    LedgerBusyError: "error.busy",
    LedgerFullError: "error.full",
    ReadOnlyError: "error.read_only",
    StaleVerdictError: "error.stale_verdict",
    StaleReadingError: "error.stale_reading",
}
"""Errors of `overread` that a reader may meet without anything being wrong with the study."""


class WordedError(UserError):
    """Its message is a text of the catalogue."""

    def __init__(self, key: str, **values: str | int) -> None:
        super().__init__(ENGLISH(key, **values))
        self.key = key
        self.values = values


def reader_text(error: Exception, words: Words) -> str:
    """What a reader is told of an error; empty where the catalogue does not have it."""
    if isinstance(error, WordedError):
        return words(error.key, **error.values)
    return next((words(key) for kind, key in _OF_CORE.items() if isinstance(error, kind)), "")
