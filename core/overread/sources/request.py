"""What a user asks an import to read: the source, its labels file, and how both are understood."""

from dataclasses import dataclass, fields, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """The columns of a labels file that the user named; the others are guessed by their names, or done without."""

    image: str | None = None
    label: str | None = None
    patient: str | None = None
    slide: str | None = None
    split: str | None = None
    raters: tuple[str, ...] = ()
    """One for each rater whose labels stand beside the given one."""

    @property
    def named(self) -> tuple[str, ...]:
        """The kinds that were named: image, label, patient, slide, split, raters."""
        return tuple(kind for kind in COLUMN_KINDS if getattr(self, kind))


COLUMN_KINDS = tuple(field.name for field in fields(ColumnNames))
NO_COLUMNS = ColumnNames()


def column_flag(kind: str) -> str:
    """The flag that names a column of this kind: --image-column, --rater-column."""
    return f"--{kind.removesuffix('s')}-column"


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A source and how to read it, as the flags of `import` say it. `source.check_request` checks what fits what."""

    source: Path | str
    """A folder (one per class, Chaoyang's release, CIFAR's batches, an export of FiftyOne or Label Studio, or one with
    a labels file), a labels file itself, MedMNIST's .npz file, or the URL of a CSV."""
    format: str | None = None
    """The name of one of `registry.FORMATS`; without it the format is recognised."""
    labels: Path | str | None = None
    """A labels file, as seen from here or from the source; the images in it are relative to the source. CIFAR-N's."""
    columns: ColumnNames = NO_COLUMNS
    """Of CIFAR-100 the column of the label is coarse_labels or fine_labels."""
    given_label: str | None = None
    """The label to audit where the source holds several: of Chaoyang label, label_A, label_B or label_C; of CIFAR-N
    aggre_label, worse_label, random_label1 and so on."""
    key: str | None = None
    """The DICOM tag by which the labels file names the images, or name; see `keyed_tree.KEYS`."""
    label_tag: str | None = None
    """The DICOM tag that holds the labels, where there is no labels file: a keyword, or (gggg,eeee)."""
    frames: str = "middle"
    """Of DICOM files with several frames: middle, or all of them, each a sample."""
    classes: tuple[str, ...] = ()
    """The only labels allowed, in their order, each NAME or CODE=NAME; without them, every label is a class."""
    within: tuple[Path, ...] = ()
    """Folders outside of which nothing is read; without them, anything is."""

    def with_answer(self, field: str, value: str) -> "ImportRequest":
        """The request with one of its fields set, or, where it ends in `_column`, one of its columns'."""
        kind = field.removesuffix("_column")
        if kind == field:
            return replace(self, **{field: value})
        return replace(self, columns=replace(self.columns, **{kind: value}))
