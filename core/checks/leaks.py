"""What gives the label, or the test set, away."""

import re
from collections import defaultdict
from pathlib import PurePosixPath

import pandas as pd

from core.records import Finding

MIN_SHARE = 0.95
"""A part of the names tells the label when guessing by it is right for this share of the samples ..."""
MIN_REPEATS = 5
"""... and each of its values stands in so many names on average: otherwise it is only a number."""


def check_names(samples: pd.DataFrame) -> list[Finding]:
    """Whether a part of the file names, or the folder, tells the label. samples: samples.csv.

    A folder that tells it is how a folder per class is made, and worth no more than a word; the name itself
    telling it gives the answer away on every page, log and sort order that shows names.
    """
    labels = samples["given_label"].to_numpy()
    paths = [PurePosixPath(image) for image in samples["image"]]
    folders = _share_told(["/".join(path.parts[:-1]) for path in paths], labels)
    findings = []
    for place in range(-3, 4):
        told = _share_told([_part(path.stem, place) for path in paths], labels)
        if told >= MIN_SHARE:
            message = f"a part of the file names tells the label for {told:.1%} of the samples: never show names"
            findings.append(Finding("label_in_name", "error", len(samples), message))
            break
    if folders >= MIN_SHARE:
        message = f"the folder tells the label for {folders:.1%} of the samples"
        findings.append(Finding("label_in_folder", "info", len(samples), message))
    return findings


def check_splits(samples: pd.DataFrame) -> list[Finding]:
    """Patients and slides with samples in more than one split. samples: samples.csv."""
    findings = []
    for column in ("patient", "slide"):
        known = samples[samples[column] != ""]
        num_splits = known.groupby(column)["split"].nunique()
        crossing = num_splits.index[num_splits > 1]
        if len(crossing):
            ids = known.loc[known[column].isin(crossing), "sample_id"].tolist()
            message = (
                f"{len(crossing)} {column}s have samples in more than one split: accuracy on the test part flatters"
            )
            findings.append(Finding(f"{column}_across_splits", "error", len(crossing), message, tuple(ids[:100])))
    return findings


def _part(stem: str, place: int) -> str:
    """One run of letters or digits of a name, counted from its start or, below 0, from its end."""
    parts = re.findall(r"[A-Za-z]+|\d+", stem)
    return parts[place] if -len(parts) <= place < len(parts) else ""


def _share_told(values: list[str], labels: list[str]) -> float:
    """Share of the samples that get the right label by guessing each value's commonest one; 0 where the
    values are too many, or where always guessing the commonest label of all does nearly as well."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for value, label in zip(values, labels, strict=True):
        counts[value][label] += 1
    if len(counts) < 2 or len(values) < MIN_REPEATS * len(counts):
        return 0.0
    share = sum(max(of_value.values()) for of_value in counts.values()) / len(values)
    commonest = max(pd.Series(labels).value_counts()) / len(values)
    return share if share - commonest > 0.5 * (1 - commonest) else 0.0
