"""What a format of sources says of itself: how it is recognised and read, and what may be asked of its user."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from overread.records import Source
from overread.sources.request import ImportRequest
from overread.sources.source_files import SourceFiles

OnBytes = Callable[[int, int], None]
"""Called with the bytes fetched and the bytes in all."""


@dataclass(frozen=True, slots=True)
class FormatOption:
    """One thing that a format lets its user say, beside the columns: a flag of `import`, and a field of the form."""

    field: str
    """Of ImportRequest, whose flag is made of it: given_label, key, label_tag, labels; or label_column."""
    title: str
    """Of the field in the form."""
    whose: str
    """What it is an option of, as help and refusals name it: CIFAR-N."""
    hint: str
    """What to give, for the help of the flag: `of CIFAR-N: aggre_label ...` ends in it."""
    explanation: str = ""
    """Shown beside the field in the form."""
    placeholder: str = ""
    choices: Callable[[ImportRequest], Sequence[str]] | None = None
    """What can be chosen, given what was answered before (a source is empty until one is typed); with fewer than two
    choices the form asks nothing. None: the user types. Raises UserError for a file that holds no choices."""
    is_file: bool = False
    """Whether a path is typed, as seen from the source."""
    is_telling: bool = False
    """Whether no other format has it: where it is given, the format need not be recognised."""

    @property
    def flag(self) -> str:
        return f"--{self.field.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class LabelPlace:
    """One of the places where a format's labels may stand, with what is asked of the user then."""

    title: str = ""
    """Needed where a format has several."""
    columns: tuple[str, ...] = ()
    """The kinds of columns that can be named, of `request.COLUMN_KINDS`."""
    options: tuple[FormatOption, ...] = ()
    """In the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Download:
    """How datasets of a format are fetched by their names."""

    prefix: str
    """What a source begins with that names one: `medmnist:`."""
    explanation: str
    """What may be typed, for the form."""
    fetch: Callable[[str, OnBytes | None], Path]
    """The file of the dataset that is named, prefix and all; fetched if it is not there yet."""


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """A format; `registry.FORMATS` lists them all."""

    name: str
    """As --format and `Source.format` have it."""
    title: str
    """As the form lists it."""
    recognise: Callable[[SourceFiles], bool]
    """Whether a source is of this format, where the user does not say. Asked after the formats of lower precedence;
    may raise the error that reading would."""
    read: Callable[[SourceFiles], Source]
    """Raises SourceError, ManifestError or ConfigError, each with one line that says what to mend."""
    precedence: int
    """Of recognition: the formats are asked in ascending order, the more particular before the more general."""
    label_places: tuple[LabelPlace, ...] = (LabelPlace(),)
    looks_like: Callable[[Path], bool] = lambda _: False
    """Whether the form shows this format's fields for a path that was typed: a glance, before the import decides."""
    no_column: str = ""
    """Why a column cannot be named, where more is to be said than that the format has no such column."""
    is_table: bool = False
    """Whether the labels file is a CSV."""
    is_file: bool = False
    """Whether a single file is the source, and not the folder that it lies in."""
    has_patient_tags: bool = False
    """Whether patients that no column names are looked for in the images' DICOM headers."""
    write_images: Callable[[Source, Path], Path] | None = None
    """Of a format whose images are arrays: writes them as files below a folder; see `array_images.write_arrays`."""
    download: Download | None = None
    """Of a format whose datasets may be named instead of a path."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The kinds of columns that can be named, wherever the labels stand."""
        return tuple(dict.fromkeys(kind for place in self.label_places for kind in place.columns))

    @property
    def options(self) -> tuple[FormatOption, ...]:
        """All options, wherever the labels stand."""
        return tuple(option for place in self.label_places for option in place.options)

    def takes(self, field: str) -> bool:
        """Whether one of the options is this field."""
        return any(option.field == field for option in self.options)
