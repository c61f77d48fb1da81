"""Which samples belong together: those of one patient or one slide, and duplicate images."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from overread.detection.linked_groups import ALONE, linked_groups
from overread.files import write_atomically
from overread.images.cache.pixel_cache import PixelCache
from overread.studies.study import Study
from overread.studies.text_table import read_text_table, write_text_table

DuplicateGroups = Sequence[Sequence[str]]
"""Groups of two or more sample ids whose images are duplicates or near-duplicates; no id is in two of them."""
_COLUMNS = ["sample_id", "group"]


def sample_groups(samples: pd.DataFrame, duplicates: DuplicateGroups = ()) -> np.ndarray:
    """(N,) int64: equal for samples that a patient, a slide or a duplicate group links, directly or through others.

    samples: samples.csv; a sample that nothing links is a group of its own. The numbers follow the ids, whatever the
    order of the rows.
    """
    ids = samples["sample_id"].to_numpy(dtype=str)
    links = [duplicate_group_numbers(ids, duplicates)]
    for column in ("patient", "slide"):
        names = samples[column].to_numpy(dtype=str)
        links.append(np.where(names == "", ALONE, np.unique(names, return_inverse=True)[1]))
    linked = linked_groups(links)
    order = np.argsort(ids, kind="stable")
    groups, firsts = np.unique(linked[order], return_index=True)
    number = np.empty(len(groups), dtype=np.int64)
    number[groups[np.argsort(firsts)]] = np.arange(len(groups))
    return number[linked]


def duplicate_group_numbers(sample_ids: Sequence[str], duplicates: DuplicateGroups) -> np.ndarray:
    """(N,) int64: the index in `duplicates` of each sample's group, or ALONE."""
    number_of = {sample_id: number for number, group in enumerate(duplicates) for sample_id in group}
    return np.array([number_of.get(sample_id, ALONE) for sample_id in sample_ids], dtype=np.int64)


def write_duplicate_groups(study: Study, cache: PixelCache, duplicates: DuplicateGroups) -> None:
    """Save the groups as STUDY/groups.csv, with a digest of their images beside it."""
    rows = [(sample_id, str(number)) for number, group in enumerate(duplicates) for sample_id in group]
    write_text_table(study.path / "groups.csv", _COLUMNS, rows)
    write_atomically(study.path / "groups.digest", _digest(study, cache) + "\n")


def read_duplicate_groups(study: Study, cache: PixelCache) -> list[tuple[str, ...]] | None:
    """The groups that were written last; None if there are none, or they are of other images than the cache's."""
    try:
        written = (study.path / "groups.digest").read_text(encoding="utf-8").strip()
        if written != _digest(study, cache):
            return None
        table = read_text_table(study.path / "groups.csv")
    except (OSError, ValueError):  # missing or damaged
        return None
    groups = defaultdict(list)
    for sample_id, group in zip(table["sample_id"], table["group"], strict=True):
        groups[group].append(sample_id)
    return [tuple(group) for group in groups.values()]


def _digest(study: Study, cache: PixelCache) -> str:
    """Of the images and of the table: one of other images, or one that was truncated, has another digest."""
    digest = hashlib.sha256((study.path / "groups.csv").read_bytes())
    for row in cache.rows:
        size, time = row.stamp[:2]
        digest.update(f"\n{row.key} {row.sha256 or f'{size} {time}'}".encode())
    return digest.hexdigest()
