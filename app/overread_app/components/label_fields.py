"""The form fields for how labels are read that no format declares: findings, cells in doubt, folders, classes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import streamlit as st


class Kind(Enum):
    """What is typed or chosen in a field."""

    TEXT = auto()
    CELLS = auto()
    """Several texts, each given with the flag."""
    LIST = auto()
    """Several texts, given with the flag once, separated by commas."""
    FOLDER = auto()
    """Which folder of a path, counted from 1."""
    SWITCH = auto()
    CHOICE = auto()
    SIZE = auto()
    """In pixels."""


@dataclass(frozen=True, slots=True)
class LabelField:
    """A field of the form, and the flag of `import` that takes its answer."""

    flag: str
    title: str
    kind: Kind
    explanation: str
    placeholder: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Answers, and what the list shows for them; the first is what an import does without the flag."""
    part: str = ""
    """Of a flag that two fields answer: what tells their names apart."""

    @property
    def name(self) -> str:
        """As in the keys of fields."""
        return "_".join(filter(None, (self.flag.removeprefix("--").replace("-", "_"), self.part)))


FIELDS = (
    LabelField(
        "--finding",
        "Finding",
        Kind.TEXT,
        "If an image can have several findings, the one to audit: each image is then present or absent.",
        placeholder="none",
    ),
    LabelField(
        "--label-columns",
        "One column per class",
        Kind.LIST,
        "Columns that hold 0 or 1: their names are the classes.",
        placeholder="none",
    ),
    LabelField(
        "--no-label",
        "Cells without a label",
        Kind.CELLS,
        "Cells of the label column that say that there is no label, such as -1.0 or unknown.",
        placeholder="none",
    ),
    LabelField(
        "--as",
        "Uncertain cells (-1)",
        Kind.CHOICE,
        "What they mean, where a column holds 1 or 0 for a finding.",
        choices=(("", "left out"), ("negative", "absent"), ("positive", "present"), ("own-class", "own class")),
    ),
    LabelField(
        "--as",
        "Empty cells",
        Kind.CHOICE,
        "What they mean, where a column holds 1 or 0 for a finding.",
        choices=(("", "left out"), ("blank=negative", "absent"), ("blank=positive", "present")),
        part="blank",
    ),
    LabelField(
        "--classes",
        "Classes",
        Kind.LIST,
        "The labels allowed, in order; or names for codes, such as 0=normal and 1=pneumonia. Without an answer every "
        "label is a class.",
        placeholder="every label",
    ),
    LabelField(
        "--critical-class",
        "Critical classes",
        Kind.CELLS,
        "Their images are changed one at a time, never many at once in the Gallery.",
        placeholder="none",
    ),
    LabelField(
        "--frames",
        "Frames of DICOM files",
        Kind.CHOICE,
        "Which images of a file that has several.",
        choices=(("middle", "the middle one"), ("all", "all, each an image")),
    ),
    LabelField(
        "--label-folder",
        "Folder that names the class",
        Kind.FOLDER,
        "In an image's path below the source, which folder is its class: 1 is the first.",
        placeholder="automatic",
    ),
    LabelField(
        "--patient-folder",
        "Folder that names the patient",
        Kind.FOLDER,
        "In an image's path below the source, which folder is its patient. Only a keyed hash is stored.",
        placeholder="none",
    ),
    LabelField(
        "--image-size",
        "Small copies, in pixels",
        Kind.SIZE,
        "Their width and height. Training sees only these copies.",
    ),
    LabelField(
        "--follow-links",
        "Follow links that lead out of the folder",
        Kind.SWITCH,
        "Only to places that this app may read.",
    ),
    LabelField(
        "--keep-masks",
        "Keep masks, overlays and thumbnails",
        Kind.SWITCH,
        "Without it, such files beside the images are left out.",
    ),
)
_DEFAULT_SIZE_PX, _MIN_SIZE_PX, _MAX_SIZE_PX = 224, 32, 1024


def ask_label_fields(*, key: str, asked: Collection[str], columns: Sequence[str]) -> list[str]:
    """Options of `import` for those fields that were filled in.

    key: what the fields' keys begin with; asked: flags that the form asks for elsewhere; columns: those of the labels
    file, as far as they are known.
    """
    arguments = []
    fields = [field for field in FIELDS if field.flag not in asked]
    wide = [field for field in fields if field.kind is not Kind.SWITCH]
    for start in range(0, len(wide), 3):
        for place, field in zip(st.columns(3), wide[start : start + 3], strict=False):
            with place:
                arguments += ask_field(field, key=f"{key}_{field.name}", columns=columns)
    for field in fields:
        if field.kind is Kind.SWITCH:
            arguments += ask_field(field, key=f"{key}_{field.name}")
    return arguments


def ask_field(field: LabelField, *, key: str, columns: Sequence[str] = ()) -> list[str]:
    """The flag with the answer; nothing where there is none, or where it is what an import does anyway."""
    title, explanation, placeholder = field.title, field.explanation, field.placeholder
    match field.kind:
        case Kind.TEXT:
            text = st.text_input(title, key=key, help=explanation, placeholder=placeholder).strip()
            return [field.flag, text] if text else []
        case Kind.CELLS | Kind.LIST:
            known = columns if field.name == "label_columns" else ()
            texts = st.multiselect(
                title, known, key=key, help=explanation, placeholder=placeholder, accept_new_options=True
            )
            if field.kind is Kind.LIST:
                return [field.flag, ",".join(texts)] if texts else []
            return [part for text in texts for part in (field.flag, text)]
        case Kind.FOLDER:
            number = st.number_input(
                title, key=key, help=explanation, placeholder=placeholder, min_value=1, step=1, value=None
            )
            return [field.flag, str(number)] if number else []
        case Kind.SIZE:
            size_px = st.number_input(
                title, key=key, help=explanation, min_value=_MIN_SIZE_PX, max_value=_MAX_SIZE_PX, value=_DEFAULT_SIZE_PX
            )
            return [field.flag, str(size_px)] if size_px != _DEFAULT_SIZE_PX else []
        case Kind.SWITCH:
            return [field.flag] if st.checkbox(title, key=key, help=explanation) else []
        case Kind.CHOICE:
            titles = dict(field.choices)
            choice = st.selectbox(title, list(titles), key=key, help=explanation, format_func=titles.__getitem__)
            return [field.flag, choice] if choice != field.choices[0][0] else []
