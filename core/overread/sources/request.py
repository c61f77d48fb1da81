"""What an import is asked to read: the source, its labels file, and how to interpret them."""

from dataclasses import dataclass, fields, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """The columns of a labels file that the user named; others are recognised by their names, or not used."""

    image: str | None = None
    label: str | None = None
    patient: str | None = None
    slide: str | None = None
    split: str | None = None
    reader: str | None = None
    """Who gave the label, in a table that has a row for each reader of an image."""
    raters: tuple[str, ...] = ()
    """Columns of individual raters' labels, in addition to the label under audit."""

    @property
    def named(self) -> tuple[str, ...]:
        """The kinds that were named, of COLUMN_KINDS."""
        return tuple(kind for kind in COLUMN_KINDS if getattr(self, kind))


COLUMN_KINDS = tuple(field.name for field in fields(ColumnNames))
NO_COLUMNS = ColumnNames()


def column_flag(kind: str) -> str:
    """The flag that names a column of this kind: --image-column, --rater-column ..."""
    return f"--{kind.removesuffix('s')}-column"


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A source and how to read it, as given by the flags of `import`. `source.check_request` validates it."""

    source: Path | str
    """A folder, a file, or the URL of a CSV; core/docs/formats.md describes what each format expects."""
    format: str | None = None
    """The name of one of `registry.FORMATS`; None: the format is recognised."""
    labels: Path | str | None = None
    """A labels file, relative to here or to the source; image paths in it are relative to the source."""
    columns: ColumnNames = NO_COLUMNS
    given_label: str | None = None
    """The label to audit, if the format has several: label_A of Chaoyang, aggre_label of CIFAR-N ..."""
    key: str | None = None
    """What the labels file identifies DICOM files by: one of `keyed_tree.KEYS`."""
    label_tag: str | None = None
    """The DICOM tag that holds the labels, if there is no labels file: a keyword, or (gggg,eeee)."""
    frames: str = "middle"
    """Which frames of a DICOM file become samples: middle or all."""
    classes: tuple[str, ...] = ()
    """The labels allowed, in order, each NAME or CODE=NAME; empty: every label is a class."""
    label_columns: tuple[str, ...] = ()
    """Columns that hold 0 or 1 for one class each: their names are the classes."""
    finding: str | None = None
    """Where an image has several findings: the one to audit, as present or absent."""
    no_labels: tuple[str, ...] = ()
    """Cells that say that there is no label, such as -1.0."""
    doubts: tuple[str, ...] = ()
    """What cells in doubt (-1, and empty ones) are: positive, negative or own-class, or CELL=one of these."""
    label_folder: int | None = None
    """Of a folder per class: which folder of an image's path is its class, counted from 1 at the source."""
    patient_folder: int | None = None
    """As label_folder: which is the patient."""
    follow_links: bool = False
    """Whether links that lead out of the source are followed."""
    keep_masks: bool = False
    """Whether masks, overlays and thumbnails beside images are samples too."""
    archive: Path | None = None
    """What the source was unpacked from; set by `studies.unpacking`, as is `unpacked`."""
    unpacked: Path | None = None
    """The folder that the archive was unpacked into."""
    within: tuple[Path, ...] = ()
    """Folders outside which nothing is read; empty: no restriction."""

    def with_answer(self, field: str, value: str) -> "ImportRequest":
        """The request with one field set: its own, or, if the name ends in `_column`, one of its columns."""
        kind = field.removesuffix("_column")
        if kind == field:
            return replace(self, **{field: value})  # type: ignore[arg-type]  # field is the name of one that is text
        return replace(self, columns=replace(self.columns, **{kind: value}))  # type: ignore[arg-type]
