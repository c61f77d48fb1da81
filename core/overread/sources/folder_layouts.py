"""Public datasets that are folders, known by the names of their files: what these tell besides the class."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from overread.sources.folder_levels import FolderTree
from overread.sources.folder_names import word_set

_SHARE = 0.95
"""The share of names that must match a layout's; people add files of their own."""


@dataclass(frozen=True, slots=True)
class FolderLayout:
    """How a public dataset names its files and folders."""

    title: str
    file: re.Pattern[str]
    """Matches the name of every file; its group `patient` is the patient."""
    classes: frozenset[str]
    """The names of the folders that are classes, in lower case."""
    finer: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Deeper folders that could be the classes instead: what they are, and their names in lower case."""

    def patient(self, image: str) -> str:
        """The patient that the name of an image tells; empty for another name."""
        match = self.file.fullmatch(image.rpartition("/")[2])
        return match["patient"] if match else ""


LAYOUTS = (
    FolderLayout(
        # Spanhol et al. 2016, doi:10.1109/TBME.2015.2496264: SOB_B_TA-14-4659-40-001.png, the slide is 14-4659.
        title="BreaKHis",
        file=re.compile(r"SOB_[BM]_[A-Z]+-(?P<patient>\d\d-\w+)-\d+-\d+\.\w+", re.IGNORECASE),
        classes=word_set("benign malignant"),
        finer={
            "the tumour types": word_set(
                "adenosis fibroadenoma phyllodes_tumor tubular_adenoma ductal_carcinoma lobular_carcinoma "
                "mucinous_carcinoma papillary_carcinoma"
            )
        },
    ),
    FolderLayout(
        # C-NMC 2019, doi:10.7937/tcia.2019.dc64i46r: UID_H12_3_1_hem.bmp is image 3, cell 1 of subject H12.
        title="C-NMC",
        file=re.compile(r"UID_(?P<patient>H?\d+)_\d+_\d+(?:_(?:all|hem))?\.\w+", re.IGNORECASE),
        classes=word_set("all hem"),
    ),
    FolderLayout(
        # Kermany et al. 2018, doi:10.17632/rscbjbr9sj: CNV-1016042-1.jpeg is image 1 of patient 1016042.
        title="Kermany's OCT",
        file=re.compile(r"(?:CNV|DME|DRUSEN|NORMAL)-(?P<patient>\d+)-\d+\.\w+", re.IGNORECASE),
        classes=word_set("cnv dme drusen normal"),
    ),
)


def find_layout(files: Sequence[str]) -> FolderLayout | None:
    """The layout that the names of the files follow; None for names of no known dataset. files: POSIX paths."""
    for layout in LAYOUTS:
        num_named = sum(bool(layout.patient(file)) for file in files)
        if files and num_named >= _SHARE * len(files):
            return layout
    return None


def layout_level(tree: FolderTree, names: frozenset[str]) -> int | None:
    """The level, counted from 0, of which all folders have these names (in lower case); None if there is none."""
    depth = 0
    while found := tree.names(depth):
        if {name.lower() for name in found} <= names:
            return depth
        depth += 1
    return None


def layout_message(layout: FolderLayout, tree: FolderTree, patients: Sequence[str] | None) -> str:
    """What the layout tells, for the user. patients: that of each image; None if they were not taken from the names."""
    message = f"the names are those of {layout.title}"
    if patients is not None:
        message += f": {len(set(patients) - {''})} patients were taken from them"
        if num_others := patients.count(""):
            message += f"; {num_others} files have other names, and no patient"
    for what, names in layout.finer.items():
        if (level := layout_level(tree, names)) is not None:
            message += f"; --label-folder {level + 1} takes {what} as classes"
    return message
