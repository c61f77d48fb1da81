"""Which samples belong together: those of one patient or one slide, and duplicate images."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from overread.files import write_atomically
from overread.images.cache.pixel_cache import PixelCache
from overread.studies.study import Study
from overread.studies.text_table import read_text_table, write_text_table

DuplicateGroups = Sequence[Sequence[str]]
"""Groups of two or more sample ids whose images are duplicates or near-duplicates; no id is in two of them."""
ALONE = -1
_COLUMNS = ["sample_id", "group"]


def sample_groups(samples: pd.DataFrame, duplicates: DuplicateGroups = ()) -> np.ndarray:
    """(N,) int64: equal for samples that a patient, a slide or a duplicate group links, directly or through others.

    samples: samples.csv; a sample that nothing links is a group of its own. The numbers follow the ids, whatever the
    order of the rows.
    """
    ids = samples["sample_id"].to_numpy(dtype=str)
    duplicate_groups = duplicate_group_numbers(ids, duplicates)
    links = [samples["patient"].to_numpy(dtype=str), samples["slide"].to_numpy(dtype=str)]
    links.append(np.where(duplicate_groups == ALONE, "", duplicate_groups.astype(str)))
    # A node for each sample, and one for each patient, slide and duplicate group.
    of_samples, of_links, num_nodes = [], [], len(ids)
    for names in links:
        values, places = np.unique(names, return_inverse=True)
        is_named = names != ""
        of_samples.append(np.flatnonzero(is_named))
        of_links.append(num_nodes + places[is_named])
        num_nodes += len(values)
    rows, columns = np.concatenate(of_samples), np.concatenate(of_links)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(num_nodes, num_nodes))
    component = connected_components(graph, directed=False)[1][: len(ids)]
    order = np.argsort(ids, kind="stable")
    firsts, places = np.unique(component[order], return_index=True)
    number = np.empty(num_nodes, dtype=np.int64)
    number[firsts[np.argsort(places)]] = np.arange(len(firsts))
    return number[component]


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
