"""What follows where a source does not give patients: whether names or folders let them be guessed."""

import re
from collections import Counter
from pathlib import PurePosixPath

import pandas as pd

from overread.records import Finding
from overread.sources.folder_names import NUMBER, PATIENT, group_kind

_MATCHING_SHARE = 0.95
"""A guess takes a patient from this share of the samples or more ..."""
_SHARED = 0.5
"""... of which this share or more is not alone in its group ..."""
_GROUPS_PER_CLASS = 2
"""... and there are more than so many groups per class: otherwise it may be a class that the names tell."""
_NAME = re.compile(
    r"(.*?\d.*?)(?:[\W_]+(?:\d+|left|right|l|r|od|os|cc|mlo|ap|pa|lat|lateral|frontal))+[\W_]*",
    re.IGNORECASE | re.DOTALL,
)
"""A name with a number of its own, followed by numbers or views of the image."""
_REMEDY = (
    "give their column or folder when importing (--patient-column, --patient-folder), or images of one patient may be "
    "both trained on and scored"
)


def check_unknown_patients(samples: pd.DataFrame) -> list[Finding]:
    """Samples without a patient and slide, and whether they can be guessed. samples: samples.csv.

    A guess is a warning, as it may be wrong. Without one, unknown patients are an info if there are splits to check.
    """
    unknown = samples[(samples["patient"] == "") & (samples["slide"] == "")]
    if unknown.empty:
        return []
    images, labels = unknown["image"], unknown["given_label"]
    by_folder = [_in_folders(image, label) for image, label in zip(images, labels, strict=True)]
    for what, guesses in (("folders", by_folder), ("file names", [_in_name(image) for image in images])):
        if _are_patients(guesses, num_classes=labels.nunique()):
            return [_guessed(what, unknown.assign(guess=guesses))]
    if len(unknown) < len(samples) or samples["split"].nunique() < 2:
        return []
    message = (
        "patients and slides are not known, so whether one of them is in several splits cannot be checked; "
        "give their columns when importing"
    )
    return [Finding("groups_unknown", "info", len(samples), message)]


def _guessed(what: str, unknown: pd.DataFrame) -> Finding:
    named = unknown[unknown["guess"] != ""]
    num_splits = named.groupby("guess")["split"].nunique()
    crossing = num_splits.index[num_splits > 1]
    message = f"{len(unknown):,} samples have no patient, but {what} suggest {len(num_splits):,} patients"
    if len(crossing):
        message += f", {len(crossing):,} of whom are in several splits"
    ids = tuple(named.loc[named["guess"].isin(crossing), "sample_id"])
    return Finding("patients_guessed", "warning", len(unknown), f"{message}; {_REMEDY}", ids)


def _are_patients(guesses: list[str], *, num_classes: int) -> bool:
    sizes = Counter(guess for guess in guesses if guess)
    num_shared = sum(size for size in sizes.values() if size > 1)
    return (
        sizes.total() >= _MATCHING_SHARE * len(guesses)
        and num_shared >= _SHARED * len(guesses)
        and len(sizes) > _GROUPS_PER_CLASS * num_classes
    )


def _in_folders(image: str, label: str) -> str:
    """The folder that is named as patients are; of several, the longest (p10000032 in p10); empty if there is none."""
    folders = [folder for folder in PurePosixPath(image).parts[:-1] if folder != label]
    return max((folder for folder in folders if group_kind([folder]) in (PATIENT, NUMBER)), key=len, default="")


def _in_name(image: str) -> str:
    """The name without the number or view of the image: IM-0031 of IM-0031-0002.png, 10 of 10_left.png."""
    found = _NAME.fullmatch(PurePosixPath(image).stem)
    return found[1] if found else ""
