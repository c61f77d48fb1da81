"""What the names of folders say: a split, a fold, a part, a patient, a study, or how images are stored; or a class."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of splits, and what they become here."""

SPLIT, FOLD, PART, PATIENT, STUDY, NUMBER = "splits", "folds", "parts", "patients", "studies", "numbers"
"""What folders may be named as that are no classes."""
_BEGINNING = re.compile(r"[^\d]*[^\d\s_.(-]")
"""Up to the first digit, without the signs before it."""


def word_set(words: str) -> frozenset[str]:
    """The words of a text, for lists that would be long in quotes."""
    return frozenset(words.split())


_OF_SETS = word_set("set sets data dataset image images img imgs split folder")
_PATTERNS = {
    FOLD: r"(?:cv|k)?[-_ ]?(?:fold|split)s?[-_ ]?\d+",
    PATIENT: r"(?:patient|pat|case|subject|subj|sub)s?[-_ ]?(?:no|nr|id)?[-_. ]?\d[\w.-]*",
    STUDY: r"(?:study|studies|series|visit|session|ses|exam|scan|sequence|seq)[-_ ]?\d+",
    PART: r"(?:[\w .-]*[-_ ])?(?:part|batch|chunk|shard|subset|set|image|img|folder|disk|volume|vol|center|centre|site|"
    r"hospital)s?[-_ ]?\d+(?:[-_ ]of[-_ ]\d+)?",
    # MIMIC-CXR's p10000032 and s50414267, TCGA's barcodes, DICOM UIDs, hashes.
    NUMBER: r"\d{3,}|[a-z]{1,2}[-_]?\d{2,}|TCGA-\w\w-\w{4}.*|[0-9.]{12,}|[0-9a-f]{16,}",
}
_KINDS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _PATTERNS.items()}
_STORED = re.compile(
    r"(?:jpeg)?images?(?:tr|ts)?|labels?(?:tr|ts)?|annotations?|descriptions?|segmentation(?:class|object)?|full|imgs?|"
    r"(?:\w+[ _-])?masks?|png|jpe?g|dicoms?|dcm|tiff?|raw|original|cropped|resized|augmented|\d+ ?x|"
    r"(?:hospital|cent(?:er|re)|site|scanner|vendor|device)[-_ ]?\w{1,2}|"
    r"left|right|l|r|od|os|cc|mlo|ap|pa|lateral|frontal|axial|coronal|sagittal|t1|t2|flair|t1ce|dwi|adc",
    re.IGNORECASE,
)
_SPLIT_WORDS = "|".join(SPLITS)
_WITH_CLASS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<split>{_SPLIT_WORDS})[-_. ]+(?P<label>.+)",
        rf"(?P<label>.+?)[-_. ]+(?P<split>{_SPLIT_WORDS})",
        rf"(?:{_PATTERNS[STUDY]})[-_. ]+(?P<label>[A-Za-z].*)",
    )
)
"""A folder that names a split or a study, and a class."""
_ENDING = re.compile(r"(?P<name>.*\d.*)[_-](?P<end>\d|[A-Za-z]+)")
_MOST_ENDINGS = 20
_COPY = re.compile(r"(.+?)(?:[-_ ]+(?:copy|kopie|backup)(?: ?\(\d+\)|[-_ ]?\d+)?| ?\(\d+\))", re.IGNORECASE)
_UNSORTED = frozenset(("all", "all images", "images", "imgs", "unsorted", "to sort", "tosort", "tmp", "temp", "backup"))
_READER = re.compile(
    r"(?:reader|rater|annotator|expert|radiologist|pathologist|observer)s?[-_ ]?\w{1,2}", re.IGNORECASE
)
_NUMBERED = re.compile(r".*\d{3}.*")
_CLASSES = word_set(
    "normal abnormal healthy diseased benign malignant positive negative pos neg yes no control cancer tumor tumour "
    "pneumonia covid present absent"
)


def split_of(folder: str) -> str:
    """train, val or test, if a folder is named for it (Training, test_set, train_images_1); else empty."""
    words = [word for word in re.split(r"[-_ .\d]+", folder.lower()) if word]
    named = {SPLITS[word] for word in words if word in SPLITS}
    is_all = all(word in SPLITS or word in _OF_SETS for word in words)
    return named.pop() if len(named) == 1 and is_all else ""


def printable(name: str) -> str:
    """The name as a CSV can hold it; if it is not valid UTF-8, another one, so that its row goes to the quarantine."""
    return name.encode("utf-8", "replace").decode("utf-8")


def class_in_name(file: str) -> str:
    """The beginning of a file's name up to its number: NORMAL of a/NORMAL-0012.png; empty if it has no number."""
    stem = Path(file).stem
    found = _BEGINNING.match(stem)
    return found[0].strip() if found and any(char.isdigit() for char in stem) else ""


def classes_at_ends(files: Iterable[str]) -> list[str]:
    """The classes of files whose names end in one after a number: 0 of CHNCXR_0001_0.png; none if not all do, or an
    end occurs once only, there are too many, or they number the images of a case."""
    found = [_ENDING.fullmatch(Path(file).stem) for file in files]
    ends = [match["end"] for match in found if match]
    counts = Counter(ends)
    is_number = len({match["name"] for match in found if match}) < len(ends)  # of the images of a case
    is_class = len(ends) == len(found) and 1 < len(counts) <= _MOST_ENDINGS and min(counts.values()) > 1
    return ends if is_class and not is_number else []


def classes_with_splits(folders: Collection[str]) -> dict[str, tuple[str, str]]:
    """The class and the split that each folder names (train_benign; study1_positive, of no split); empty unless all of
    them do so in the same way, for several classes, and for several splits if for any."""
    for pattern in _WITH_CLASS:
        found = {folder: pattern.fullmatch(folder.strip()) for folder in folders}
        named = {
            folder: (match["label"], match.groupdict().get("split", "")) for folder, match in found.items() if match
        }
        labels, splits = {label for label, _ in named.values()}, {SPLITS.get(s.lower(), "") for _, s in named.values()}
        if len(named) == len(found) and len(labels) > 1 and (splits == {""} or len(splits) > 1):
            return {folder: (label, SPLITS.get(split.lower(), "")) for folder, (label, split) in named.items()}
    return {}


def group_kind(folders: Collection[str]) -> str:
    """What the folders beside each other are named as, all of them: SPLIT, FOLD ...; empty if they may be classes."""
    kinds = {_kind(folder) for folder in folders}
    if len(kinds) == 1:
        return kinds.pop()
    return FOLD if kinds == {SPLIT, FOLD} else PART if kinds <= {SPLIT, FOLD, PART} else ""


def are_of_storage(folders: Collection[str]) -> bool:
    """Whether folders say only how images were made or stored, or in which set they are (images, 40X, left, fold_1)."""
    return group_kind(folders) in (SPLIT, FOLD, PART) or all(_STORED.fullmatch(folder) for folder in folders)


def copies_of(folders: Collection[str]) -> list[str]:
    """The folders that are named as copies of others among them: `normal - Copy` beside `normal`."""
    return sorted(folder for folder in folders if (match := _COPY.fullmatch(folder)) and match[1] in folders)


def unsorted_among(folders: Collection[str]) -> list[str]:
    """The folders that hold images of any class, by their names, among several others: `all`, `unsorted`.

    Of two folders, one may be called `all`: acute lymphoblastic leukaemia.
    """
    found = sorted(folder for folder in folders if re.sub(r"[-_ ]+", " ", folder.strip().lower()) in _UNSORTED)
    return found if len(folders) - len(found) > 1 else []


def are_readers(folders: Collection[str]) -> bool:
    """Whether folders are named for those who sorted the images in them (reader1, annotator B)."""
    return all(_READER.fullmatch(folder) for folder in folders)


def are_numbered(folders: Collection[str]) -> bool:
    """Whether folders below classes may be those of patients or slides, by the numbers in their names."""
    return group_kind(folders) in (STUDY, NUMBER) or all(_NUMBERED.fullmatch(folder) for folder in folders)


def is_class_word(folder: str) -> bool:
    """Whether a folder is named as classes often are (benign, healthy)."""
    return folder.strip().lower() in _CLASSES


def _kind(folder: str) -> str:
    if split_of(folder):
        return SPLIT
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(folder)), "")
