"""The tables of public datasets: which of their columns say what. A new one is an entry of LAYOUTS.

A table is recognised by its columns, whatever its file is called.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from overread.sources.request import ColumnNames

_ISIC_2019 = ("mel", "nv", "bcc", "ak", "bkl", "df", "vasc", "scc", "unk")


@dataclass(frozen=True, slots=True)
class Companion:
    """Another table of the dataset, which tells the patients."""

    file: str
    """Its name; it lies beside the first table."""
    image: str
    patient: str


@dataclass(frozen=True, slots=True)
class Layout:
    """How a public dataset's table is read. Columns are named in lower case; empty: the table has no such column."""

    name: str
    """Of the dataset, for messages."""
    columns: tuple[str, ...]
    """A table that has these columns, among others, has this layout."""
    image: str
    label: str = ""
    """Empty: the labels are in columns of 0 and 1."""
    label_columns: tuple[str, ...] = ()
    """Columns of 0 and 1, exactly one of which is 1 in each row."""
    described_by: tuple[str, ...] = ()
    """The columns that are no findings, of a table whose other columns are one finding each: 1, 0, -1 or blank."""
    patient: str = ""
    patient_pattern: str = ""
    """A regular expression whose group is the patient in a cell of the column `patient`, else in the image's path."""
    reader: str = ""
    codes: tuple[str, ...] = ()
    """The names of the classes that the label's codes stand for, 0 first."""
    tables: tuple[str, ...] = ()
    """The files that have the labels, where other files have the same columns; all of them are read. Empty: any."""
    split_lists: tuple[tuple[str, str], ...] = ()
    """Files beside the table that list the images of a split, each with the split."""
    companion: Companion | None = None

    @property
    def has_findings(self) -> bool:
        """Whether the table has a column for each finding, several of which may be in one image."""
        return bool(self.described_by)

    def column_names(self, header: Sequence[str]) -> ColumnNames:
        """The table's own names of the columns."""
        titles = {_plain(title): title for title in header}
        return ColumnNames(
            image=titles.get(self.image),
            label=titles.get(self.label),
            patient=titles.get(self.patient),
            reader=titles.get(self.reader),
        )

    def indicator_columns(self, header: Sequence[str]) -> tuple[str, ...]:
        """The table's own names of its columns of 0 and 1; empty if its labels are in one column."""
        if self.has_findings:
            return tuple(title for title in header if _plain(title) and _plain(title) not in self.described_by)
        return tuple(title for title in header if _plain(title) in self.label_columns)


LAYOUTS = (
    Layout(
        "NIH ChestX-ray14",
        ("image index", "finding labels", "patient id"),
        image="image index",
        label="finding labels",
        patient="patient id",
        split_lists=(("train_val_list.txt", "train"), ("test_list.txt", "test")),
    ),
    Layout(
        "CheXpert",
        ("path", "frontal/lateral", "ap/pa", "no finding", "support devices"),
        image="path",
        described_by=("path", "sex", "age", "frontal/lateral", "ap/pa"),
        patient_pattern=r"(?:^|/)(patient\d+)/",
        tables=("train.csv", "valid.csv", "test.csv"),
    ),
    Layout(
        "PadChest",
        ("imageid", "imagedir", "labels", "patientid"),
        image="imageid",
        label="labels",
        patient="patientid",
    ),
    Layout(
        "VinBigData",
        ("image_id", "class_name", "class_id", "rad_id"),
        image="image_id",
        label="class_name",
        reader="rad_id",
    ),
    Layout("HAM10000", ("lesion_id", "image_id", "dx", "dx_type"), image="image_id", label="dx", patient="lesion_id"),
    Layout(
        "ISIC 2019",
        ("image", *_ISIC_2019),
        image="image",
        label_columns=_ISIC_2019,
        companion=Companion("ISIC_2019_Training_Metadata.csv", image="image", patient="lesion_id"),
    ),
    Layout(
        "ISIC 2020",
        ("image_name", "patient_id", "benign_malignant"),
        image="image_name",
        label="benign_malignant",
        patient="patient_id",
    ),
    Layout(
        "APTOS 2019",
        ("id_code", "diagnosis"),
        image="id_code",
        label="diagnosis",
        codes=("No DR", "Mild", "Moderate", "Severe", "Proliferative DR"),
        tables=("train.csv",),
    ),
    Layout(
        "C-NMC",
        ("patient_id", "new_names", "labels"),
        image="new_names",
        label="labels",
        patient="patient_id",
        patient_pattern=r"(UID_H?\d+)_",
        codes=("hem", "all"),
    ),
)


def layout_of(header: Sequence[str]) -> Layout | None:
    """The layout of a table with these columns; None if it is no known dataset's."""
    titles = {_plain(title) for title in header}
    return next((layout for layout in LAYOUTS if titles.issuperset(layout.columns)), None)


def _plain(title: str) -> str:
    return " ".join(title.split()).casefold()
