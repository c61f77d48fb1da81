"""What a source format declares: how it is recognised and read, and what its users can specify."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from overread.records import Source
from overread.sources.request import ImportRequest
from overread.sources.source_files import SourceFiles

OnBytes = Callable[[int, int], None]
"""Called with the bytes fetched and the bytes in total."""


@dataclass(frozen=True, slots=True)
class FormatOption:
    """A choice that a format leaves to its user, besides the columns: a flag of `import`, and a field of the form."""

    field: str
    """The field of ImportRequest that it sets (given_label, key, label_tag, labels), or label_column."""
    title: str
    """Of the field in the form."""
    whose: str
    """What has this option, as named in help and errors: CIFAR-N."""
    hint: str
    """What to give, as the flag's help puts it: `of WHOSE: HINT`."""
    explanation: str = ""
    """The field's tooltip in the form."""
    placeholder: str = ""
    choices: Callable[[ImportRequest], Sequence[str]] | None = None
    """The choices, given the answers so far (the source is empty until one is typed); with fewer than two the form does
    not ask. None: the user types. Raises UserError for a file that cannot be read."""
    is_file: bool = False
    """Whether the answer is a path, relative to the source."""
    implies_format: bool = False
    """Whether giving it implies the format, which then need not be recognised."""

    @property
    def flag(self) -> str:
        return f"--{self.field.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class LabelPlace:
    """One of the places where a format can have its labels, and what the user can then be asked."""

    title: str = ""
    """Needed if a format has several."""
    columns: tuple[str, ...] = ()
    """The kinds of columns that can be named, of `request.COLUMN_KINDS`."""
    options: tuple[FormatOption, ...] = ()
    """In the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Download:
    """How a format's datasets are downloaded by name."""

    prefix: str
    """What the name of a dataset begins with: `medmnist:`."""
    explanation: str
    """What can be typed, as the form puts it after "Or"."""
    fetch: Callable[[str, OnBytes | None], Path]
    """The dataset's file, downloaded if it is not there yet; called with its name, including the prefix."""


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """A source format; `registry.FORMATS` lists them all."""

    name: str
    """As in --format and `Source.format`."""
    title: str
    """As shown in the form."""
    recognise: Callable[[SourceFiles], bool]
    """Whether a source has this format; called if the user does not name one and no format of lower precedence
    recognised it. May raise the errors of `read`."""
    read: Callable[[SourceFiles], Source]
    """Raises SourceError, ManifestError or ConfigError, each with one line that says what to mend."""
    precedence: int
    """Formats are tried in ascending order: the more specific before the more general."""
    label_places: tuple[LabelPlace, ...] = (LabelPlace(),)
    looks_like: Callable[[Path], bool] = lambda _: False
    """Whether the form shows this format's fields for a path. A quick look; the import decides by itself."""
    no_column: str = ""
    """Why a column cannot be named; empty for the usual reason, that the format has no such column."""
    is_table: bool = False
    """Whether the labels file is a CSV."""
    is_file: bool = False
    """Whether the source is a single file, so that the folder that contains it is not part of it."""
    has_patient_tags: bool = False
    """Whether patients are taken from the images' DICOM headers if no column names them."""
    write_images: Callable[[Source, Path], Path] | None = None
    """If the images are arrays: writes them as files below a folder; see `array_images.write_arrays`."""
    download: Download | None = None
    """If datasets can be named instead of a path."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The kinds of columns that can be named, in any label place."""
        return tuple(dict.fromkeys(kind for place in self.label_places for kind in place.columns))

    @property
    def options(self) -> tuple[FormatOption, ...]:
        """The options of all label places."""
        return tuple(option for place in self.label_places for option in place.options)

    def takes(self, field: str) -> bool:
        """Whether one of the options is this field."""
        return any(option.field == field for option in self.options)
