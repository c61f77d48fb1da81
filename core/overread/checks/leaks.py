"""Leakage: names that reveal the label, and patients or slides on both sides of a split."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from overread.records import Finding

MIN_SHARE = 0.95
"""A part of the names reveals the label when guessing by it is right for this share of the samples ..."""
MIN_REPEATS = 5
"""... and each of its values occurs in this many names on average: otherwise it is only a number."""


def check_names(samples: pd.DataFrame) -> list[Finding]:
    """Whether a part of the file names, or the folder, reveals the label. samples: samples.csv.

    A folder that does is the usual layout, and no more than an info. A name that does is an error: every page, log and
    sort order that shows names would reveal the label.
    """
    labels = samples["given_label"].to_numpy()
    paths = [PurePosixPath(image) for image in samples["image"]]
    folders = _share_revealed(["/".join(path.parts[:-1]) for path in paths], labels)
    findings = []
    for place in range(-3, 4):
        share = _share_revealed([_part(path.stem, place) for path in paths], labels)
        if share >= MIN_SHARE:
            message = f"a part of the file names reveals the label of {share:.1%} of the samples: never show names"
            findings.append(Finding("label_in_name", "error", len(samples), message))
            break
    if folders >= MIN_SHARE:
        message = f"the folder reveals the label of {folders:.1%} of the samples"
        findings.append(Finding("label_in_folder", "info", len(samples), message))
    return findings


def check_splits(samples: pd.DataFrame) -> list[Finding]:
    """Patients and slides with samples on both sides of a split. samples: samples.csv."""
    findings = []
    for column in ("patient", "slide"):
        known = samples[samples[column] != ""]
        leaks = {name: split_leak(splits) for name, splits in known.groupby(column)["split"]}
        for leak in (TEST_LEAK, OTHER_LEAK):
            crossing = [name for name, found in leaks.items() if found == leak]
            if crossing:
                ids = known.loc[known[column].isin(crossing), "sample_id"].tolist()
                message = f"{len(crossing)} {column}s have samples {leak.where}"
                findings.append(Finding(f"{column}_{leak.kind}", leak.severity, len(crossing), message, tuple(ids)))
    return findings


@dataclass(frozen=True)
class Leak:
    """A way in which samples that belong together cross a split."""

    kind: str
    """How its findings are named, after what crosses the split."""
    severity: str
    where: str
    """Where the samples are, and what follows, for the finding's message."""


TEST_LEAK = Leak(
    "across_splits", "error", "both in the test split and outside it: accuracy on the test split will be overestimated"
)
OTHER_LEAK = Leak(
    "across_other_splits",
    "warning",
    "in more than one split other than test: accuracy on the validation split will be overestimated",
)


def split_leak(splits: Iterable[str]) -> Leak | None:
    """The leak of samples that belong together, by their splits.

    A sample without a split is trained on: together with the test split it is a leak, with another split it may be
    none.
    """
    found = set(splits)
    if "test" in found and len(found) > 1:
        return TEST_LEAK
    return OTHER_LEAK if len(found - {""}) > 1 else None


def _part(stem: str, place: int) -> str:
    """The run of letters or digits at that place of a name, counted from its end where it is below 0."""
    parts = re.findall(r"[A-Za-z]+|\d+", stem)
    return parts[place] if -len(parts) <= place < len(parts) else ""


def _share_revealed(values: list[str], labels: list[str]) -> float:
    """Share of the samples whose label is right when each value's most common label is guessed; 0 where there are too
    many values, or where always guessing the most common label does nearly as well."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for value, label in zip(values, labels, strict=True):
        counts[value][label] += 1
    if len(counts) < 2 or len(values) < MIN_REPEATS * len(counts):
        return 0.0
    share = sum(max(of_value.values()) for of_value in counts.values()) / len(values)
    commonest = max(pd.Series(labels).value_counts()) / len(values)
    return share if share - commonest > 0.5 * (1 - commonest) else 0.0
