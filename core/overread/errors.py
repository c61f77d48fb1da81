"""The error tree.

    OverreadError
    ├── UserError          the user must decide; a command ends with exit status 2
    │   ├── SourceError    a source folder or file is missing, empty or of no known format
    │   ├── ManifestError  a row, column or label of the source does not fit
    │   ├── ConfigError    a setting is out of its range
    │   ├── StudyError     a study is missing, exists already, is newer than this program or is busy
    │   │   ├── MissingImagesError  images of a study can no longer be read
    │   │   └── TooFewRatersError  fewer than two people labelled the samples of a study
    │   ├── UploadError    a dataset that is sent through the browser cannot be taken
    │   ├── AccountError   an account is missing, there already or cannot be what was asked
    │   ├── SignInError    a name, password or session is not right, or too many were tried
    │   ├── NotAllowedError  the signed-in person's role, or their studies, do not allow it
    │   └── LedgerError    a verdict or reading cannot be recorded as asked
    │       ├── LedgerFaultError   the ledger is damaged, incomplete or missing; mended, it takes what it refused
    │       │   ├── LedgerBusyError  somebody else is writing, or the server is away; trying again later is right
    │       │   ├── LedgerFullError  its disk is full
    │       │   └── ReadOnlyError    the study or its disk cannot be written
    │       ├── StaleVerdictError  the sample was decided elsewhere or updated meanwhile
    │       └── StaleReadingError  the reader has seen the sample before: a reading is not blind any more
    └── ImageError         one image cannot be shown or used: its row goes to quarantine

Messages say what, where, what was found and what to do; what a page may say of one that quotes a file that is not yet
a study's is its `public`. An ImageError's message names neither file nor path nor tag value: it becomes the reason in
the quarantine, which a page may show.
"""

import re
from typing import ClassVar

from overread.records import Question

_ROW = re.compile(r"[^:'\"]*? (rows? \d+(?: and \d+)?): ")


class OverreadError(Exception):
    """The root of every error that Overread raises on purpose."""


class UserError(OverreadError):
    """Something that the user must decide or mend."""

    gist: ClassVar[str] = ""
    """What is said in public of every error of the class whose message may quote a source; empty: it quotes none."""

    def __init__(self, message: str = "", *, public: str = "", question: Question | None = None) -> None:
        """public: what a page says, where there is more to say than the gist; it quotes no file's content.
        question: what would settle it, where its answers can be listed."""
        super().__init__(message)
        self._public = public
        self.question = question

    @property
    def public(self) -> str:
        """The message without what it quotes of a file's content: for a page, where the file is no study's yet."""
        if self._public or not self.gist:
            return self._public or str(self)
        row = _ROW.match(str(self))
        return f"{row[1].capitalize()}: {self.gist[0].lower()}{self.gist[1:]}" if row else self.gist


class SourceError(UserError):
    """A source folder or file is missing, empty or of no known format."""

    gist = (
        "The source cannot be read as a dataset. Check that it has the chosen format, that its files are intact, and "
        "that the labels file is given if there are several."
    )


class ManifestError(UserError):
    """A row, column or label of the source does not fit."""

    gist = (
        "The columns, rows or labels of the source are not as expected. Check that the image and label columns are "
        "right, that each row has a cell for each column, and that there are at least two classes."
    )


class ConfigError(UserError):
    """A setting is out of its range."""

    gist = "The settings do not match the source. Check the format, the label to audit, the tag and the columns."


class StudyError(UserError):
    """A study is missing, exists already, is newer than this program or is busy."""


class MissingImagesError(StudyError):
    """Images of a study can no longer be read."""


class TooFewRatersError(StudyError):
    """Fewer than two people labelled the samples of a study."""


class UploadError(UserError):
    """A dataset that is sent through the browser cannot be taken."""

    def __init__(self, message: str, *, is_final: bool = True) -> None:
        """is_final: whether the upload is over; otherwise it may go on from what has arrived."""
        super().__init__(message)
        self.is_final = is_final


class AccountError(UserError):
    """An account is missing, there already, or cannot be what was asked."""


class SignInError(UserError):
    """A name, a password or a session is not right, or too many were tried."""

    def __init__(self, message: str, *, wait_s: int = 0) -> None:
        """wait_s: how long to wait before the next attempt; 0: it may be made now."""
        super().__init__(message)
        self.wait_s = wait_s


class NotAllowedError(UserError):
    """What the signed-in person's role, or the list of their studies, does not allow."""


class LedgerError(UserError):
    """A verdict or reading cannot be recorded as asked."""


class LedgerFaultError(LedgerError):
    """It is not what is to be recorded that is wrong, but the ledger: once that is mended, it takes the same row."""


class LedgerBusyError(LedgerFaultError):
    """The ledger is locked by somebody else, or its server cannot be reached; trying again later is right."""


class LedgerFullError(LedgerFaultError):
    """The ledger's disk is full."""


class ReadOnlyError(LedgerFaultError):
    """The ledger can be read and not written."""


class StaleVerdictError(LedgerError):
    """The reader's verdict on the sample, its label or its image is not the one that the page showed; nothing was
    recorded."""


class StaleReadingError(LedgerError):
    """The reader has read or decided the sample before, so that a reading is not blind; nothing was recorded."""


class ImageError(OverreadError):
    """One image cannot be shown or used; the message is the reason, free of names and paths."""
