"""The error tree.

    OverreadError
    ├── UserError          the user must decide; a command ends with exit status 2
    │   ├── SourceError    a source folder or file is missing, empty or of no known format
    │   ├── ManifestError  a row, column or label of the source does not fit
    │   ├── ConfigError    a setting is out of its range
    │   ├── StudyError     a study is missing, exists already, is newer than this program or is busy
    │   └── LedgerError    a verdict or reading cannot be recorded as asked
    │       ├── LedgerBusyError    somebody else is writing; trying again later is right
    │       ├── ReadOnlyError      the study or its disk cannot be written
    │       └── StaleVerdictError  the reader has decided the sample elsewhere meanwhile
    └── ImageError         one image cannot be shown or used: its row goes to quarantine

Messages say what, where, what was found and what to do. An ImageError's message names neither file
nor path nor tag value: it becomes the reason in the quarantine, which a page may show.
"""


class OverreadError(Exception):
    """The root of every error that Overread raises on purpose."""


class UserError(OverreadError):
    """Something that the user must decide or mend."""


class SourceError(UserError):
    """A source folder or file is missing, empty or of no known format."""


class ManifestError(UserError):
    """A row, column or label of the source does not fit."""


class ConfigError(UserError):
    """A setting is out of its range."""


class StudyError(UserError):
    """A study is missing, exists already, is newer than this program or is busy."""


class LedgerError(UserError):
    """A verdict or reading cannot be recorded as asked."""


class LedgerBusyError(LedgerError):
    """The ledger is locked by somebody else; trying again later is right."""


class ReadOnlyError(LedgerError):
    """The ledger can be read and not written."""


class StaleVerdictError(LedgerError):
    """The reader's verdict on the sample is not the one that the page showed; nothing was recorded."""


class ImageError(OverreadError):
    """One image cannot be shown or used; the message is the reason, free of names and paths."""
