"""Exact duplicates: images that are in a study more than once."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from overread.checks.leaks import OTHER_LEAK, TEST_LEAK, split_leak
from overread.records import Finding


def exact_duplicate_groups(pixels: np.ndarray, keys: Sequence[str]) -> list[tuple[str, ...]]:
    """The ids of samples whose cached pixels are identical.

    pixels: (N, H, W, C) uint8; keys: N sample ids in the same order. Returns groups of two or more.
    """
    groups = defaultdict(list)
    for key, image in zip(keys, pixels, strict=True):
        groups[hashlib.sha256(np.ascontiguousarray(image).data).digest()].append(key)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def check_duplicates(
    samples: pd.DataFrame,
    groups: list[tuple[str, ...]],
    *,
    kind: str = "duplicate",
    what: str = "are exact duplicates",
) -> list[Finding]:
    """Duplicates, those with different labels, and those that cross a split.

    samples: samples.csv; groups: duplicate groups of sample ids; kind: how the findings are named: `kind`,
    `kind`_conflict, `kind`_across_splits, `kind`_across_other_splits; what: what the messages say of such images.
    """
    by_id = samples.set_index("sample_id")
    findings = []

    def add(name: str, severity: str, chosen: list[tuple[str, ...]], message: str) -> None:
        if chosen:
            ids = tuple(sample_id for group in chosen for sample_id in group)
            findings.append(Finding(name, severity, len(ids), f"{len(ids):,} images {message}", ids, tuple(chosen)))

    present = [tuple(sample_id for sample_id in group if sample_id in by_id.index) for group in groups]
    present = [group for group in present if len(group) > 1]
    num_groups = "1 group" if len(present) == 1 else f"{len(present):,} groups"
    add(kind, "warning", present, f"{what}, in {num_groups}: keep each group in one split")
    conflicting = [group for group in present if len(set(by_id.loc[list(group), "given_label"])) > 1]
    add(f"{kind}_conflict", "error", conflicting, f"{what} with different labels: at least one of them is wrong")
    leaks = [split_leak(by_id.loc[list(group), "split"]) for group in present]
    for leak in (TEST_LEAK, OTHER_LEAK):
        crossing = [group for group, found in zip(present, leaks, strict=True) if found == leak]
        add(f"{kind}_{leak.kind}", leak.severity, crossing, f"{what} {leak.where}")
    return findings
