"""Tests of a run whether the labels of a site, a scanner, a batch or a cluster contradict the rest."""

import json
from typing import Any

import numpy as np
import pandas as pd

from overread.detection.contradicted_groups import ContradictedGroup, contradicted_groups
from overread.files import write_atomically
from overread.phases import StageKind
from overread.pipeline.run_inputs import Inputs
from overread.studies.run import Run
from overread.studies.study import Study

_MOST_LABELS = 0.9
"""Share of a column's cells above which, if they are classes, it is another label and no group."""


def write_group_tests(study: Study, run: Run, inputs: Inputs, features: np.ndarray, *, seed: int) -> int:
    """RUN/contradicted_groups.json: what `contradicted_groups` finds; returns how many groups.

    features: (N, D) float32, in the order of samples.csv, that the run has judged the labels by.
    """
    trace = run.trace()
    (together,) = np.flatnonzero(trace["stage_names"] == StageKind.TOGETHER.value)
    groups = contradicted_groups(
        features,
        inputs.given,
        inputs.groups,
        group_columns(study, inputs.samples),
        trace["stage_probs"][together].argmax(axis=1),
        num_classes=len(inputs.classes),
        seed=seed,
    )
    ids = inputs.samples["sample_id"].to_numpy()
    fields = [_fields(group, inputs.classes, ids) for group in groups]
    write_atomically(run.path / "contradicted_groups.json", json.dumps({"groups": fields}, indent=1) + "\n")
    return len(groups)


def group_columns(study: Study, samples: pd.DataFrame) -> dict[str, np.ndarray]:
    """By name, (N,) str: the slide, and the columns of the source that are neither the image nor a label.

    samples: samples.csv.
    """
    table = study.source_table().drop_duplicates(study.image_column).set_index(study.image_column)
    labels = {*study.classes, *study.written_labels.values(), ""}
    columns = {"slide": samples["slide"].to_numpy(dtype=str)} if samples["slide"].any() else {}
    for name in table.columns:
        if name != study.label_column and table[name].isin(labels).mean() < _MOST_LABELS:
            columns[name] = table[name].reindex(samples["image"]).fillna("").to_numpy(dtype=str)
    return columns


def _fields(group: ContradictedGroup, classes: tuple[str, ...], ids: np.ndarray) -> dict[str, Any]:
    return {
        "column": group.column,
        "value": group.value,
        "num_samples": group.num_samples,
        "given_label": classes[group.given],
        "predicted_label": classes[group.predicted],
        "share": round(group.share, 4),
        "share_elsewhere": None if group.is_swapped else round(group.share_elsewhere, 4),
        "is_swapped": group.is_swapped,
        "sample_ids": ids[group.rows].tolist(),
    }
