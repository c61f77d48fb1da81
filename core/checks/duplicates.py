"""Images that stand in a study more than once."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.records import Finding


def duplicate_groups(pixels: np.ndarray, keys: Sequence[str]) -> list[tuple[str, ...]]:
    """The ids of samples whose cached pixels are the same, to the bit.

    pixels: (N, H, W, C) uint8; keys: N sample ids in the same order. Returns groups of two or more.
    """
    groups = defaultdict(list)
    for key, image in zip(keys, pixels, strict=True):
        groups[hashlib.sha256(np.ascontiguousarray(image)).digest()].append(key)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def check_duplicates(samples: pd.DataFrame, groups: list[tuple[str, ...]]) -> list[Finding]:
    """Duplicates, those whose labels disagree, and those that cross a split. samples: samples.csv."""
    by_id = samples.set_index("sample_id")
    findings = []

    def add(kind: str, severity: str, chosen: list[tuple[str, ...]], what: str) -> None:
        ids = tuple(sample_id for group in chosen for sample_id in group)
        if ids:
            findings.append(Finding(kind, severity, len(ids), f"{len(ids)} images {what}", ids[:100]))

    present = [tuple(sample_id for sample_id in group if sample_id in by_id.index) for group in groups]
    present = [group for group in present if len(group) > 1]
    add("duplicate", "warning", present, "stand in the study more than once")
    for column, kind, what in (
        ("given_label", "duplicate_conflict", "stand in the study more than once, under different labels"),
        ("split", "duplicate_across_splits", "stand in more than one split"),
    ):
        add(kind, "error", [group for group in present if len(set(by_id.loc[list(group), column])) > 1], what)
    return findings
