"""The tables of public datasets: what their columns and files say that names and content alone do not.

A new one is an entry of LAYOUTS. A table is recognised by its columns, whatever its file is called; columns of images,
of 0 and 1, and those with obvious names need no entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from overread.sources.request import ColumnNames


@dataclass(frozen=True, slots=True)
class Companion:
    """Another table of a dataset, which tells the patients."""

    file: str
    """Its name; it lies beside the first table."""
    image: str
    patient: str


@dataclass(frozen=True, slots=True)
class Layout:
    """How a public dataset's table is read. Columns are in lower case; empty: none, or one that is found without it."""

    name: str
    """Of the dataset, for messages."""
    columns: tuple[str, ...]
    """A table that has these columns, among others, has this layout."""
    image: str = ""
    label: str = ""
    patient: str = ""
    patient_pattern: str = ""
    """A regular expression whose group is the patient in a cell of the column `patient`, else in the image's path."""
    codes: tuple[str, ...] = ()
    """The names of the classes that the label's codes stand for, 0 first."""
    files: tuple[str, ...] = ()
    """The files that have the labels, where other files of the dataset have the same columns; empty: any."""
    split_lists: tuple[tuple[str, str], ...] = ()
    """Files beside the table that list the images of a split, each with the split."""
    companion: Companion | None = None

    def filled(self, columns: ColumnNames, header: Sequence[str]) -> ColumnNames:
        """The columns that the user named, and the layout's where the user named none. header: of the table."""
        titles = {_plain(title): title for title in header}
        known = {kind: titles.get(getattr(self, kind)) for kind in ("image", "label", "patient")}
        named = {field.name: getattr(columns, field.name) for field in fields(columns)}
        return ColumnNames(**{kind: value or known.get(kind, value) for kind, value in named.items()})


LAYOUTS = (
    Layout(
        "NIH ChestX-ray14",
        ("image index", "finding labels", "patient id"),
        image="image index",
        label="finding labels",
        patient="patient id",
        split_lists=(("train_val_list.txt", "train"), ("test_list.txt", "test")),
    ),
    Layout("CheXpert", ("path", "frontal/lateral", "ap/pa", "no finding"), patient_pattern=r"(?:^|/)(patient\d+)/"),
    Layout("PadChest", ("imageid", "imagedir", "labels"), image="imageid", label="labels", patient="patientid"),
    Layout("HAM10000", ("lesion_id", "image_id", "dx"), image="image_id", label="dx", patient="lesion_id"),
    Layout(
        "ISIC 2019",
        ("image", "mel", "nv", "bcc", "ak", "bkl", "df", "vasc", "scc"),
        companion=Companion("ISIC_2019_Training_Metadata.csv", image="image", patient="lesion_id"),
    ),
    Layout("ISIC 2020", ("image_name", "patient_id", "benign_malignant"), image="image_name", label="benign_malignant"),
    Layout(
        "APTOS 2019",
        ("id_code", "diagnosis"),
        image="id_code",
        label="diagnosis",
        codes=("No DR", "Mild", "Moderate", "Severe", "Proliferative DR"),
        files=("train.csv",),
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


def is_released(file: str, header: Sequence[str]) -> bool:
    """Whether a table is one that has the labels of a known dataset. file: its name."""
    layout = layout_of(header)
    return layout is not None and (not layout.files or file in layout.files)


def _plain(title: str) -> str:
    return " ".join(title.split()).casefold()
