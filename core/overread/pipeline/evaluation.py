"""Evaluates a run against the true labels, if they are known."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from overread.errors import ManifestError
from overread.metrics import DetectionMetrics, detection_metrics, ranking_metrics
from overread.phases import StageKind
from overread.proposals.belief import Belief, beliefs
from overread.sources.label_classes import listed
from overread.sources.tables.table_file import read_cells
from overread.studies.run import open_run
from overread.studies.study import Study


def evaluate_run(study: Study, truth_path: Path, run_name: str | None = None) -> dict[str, Any]:
    """Measure a run's proposals against true labels.

    truth_path: a CSV with true_label beside sample_id, or beside image as in the source. Returns the run's name, the
    fields of `DetectionMetrics`, what it promised in words under `promised`, average precision and AUROC of every
    column score_<scorer> under `scorers`, and under `stages` of every stage of the trace, by its probability of the
    given label alone, and the accuracy of p_<class> on split test (None without one). Samples without a true label
    are left out, and counted under num_without_truth.
    """
    run = open_run(study, run_name)
    scores = run.scores()
    truth = read_truth(study, truth_path)
    true = scores["sample_id"].map(truth)
    has_truth = true.notna().to_numpy()
    if not has_truth.any():
        raise ManifestError(
            f"{truth_path}: none of its rows matches a sample of {study.path}; is it this study's truth?"
        )
    error_range = run.error_range()
    if error_range is not None:
        error_range = error_range.among(has_truth)
    known, true = scores[has_truth], true[has_truth].to_numpy(dtype=str)
    given = known["given_label"].to_numpy(dtype=str)
    metrics = detection_metrics(
        true,
        given,
        known["proposed_label"].to_numpy(dtype=str),
        known["is_proposed"].to_numpy(dtype=bool),
        known["label_error_probability"].to_numpy(),
    )
    # The classes as the run knew them: an update may have brought others since.
    columns = [column for column in known.columns if column.startswith("p_")]
    classes = np.array([column.removeprefix("p_") for column in columns])
    trace = run.trace()
    names, stages = trace["stage_names"].tolist(), trace["stage_probs"][:, has_truth].astype(np.float32)
    by_stage = dict(zip(names, 1 - stages[:, given[:, None] == classes], strict=True))
    by_scorer = {column: known[column].to_numpy() for column in known.columns if column.startswith("score_")}
    # overread's p_<class> knows the given label; what the image alone shows is the last stage of its trace.
    shown = stages[-1] if names[-1] == StageKind.TOGETHER else known[columns].to_numpy()
    is_test = known["sample_id"].isin(study.samples().query("split == 'test'")["sample_id"]).to_numpy()
    is_right = classes[shown.argmax(axis=1)] == true
    everything, proposals = beliefs(known, error_range)
    return {
        "run": run.name,
        **asdict(metrics),
        "promised": _promised(everything, proposals, metrics),
        "num_without_truth": int((~has_truth).sum()),
        "test_accuracy": float(is_right[is_test].mean()) if is_test.any() else None,
        "scorers": _rankings(true != given, by_scorer),
        "stages": _rankings(true != given, by_stage),
    }


def _promised(everything: Belief, proposals: Belief, found: DetectionMetrics) -> list[str]:
    """What the run expected of the samples whose truth is known, beside what is true."""
    lines = [f"wrong labels: {everything.number} expected, {found.num_errors:,} true"]
    if proposals.num_samples:
        lines.append(
            f"of the proposals {proposals.share} expected to be wrong labels, {100 * found.precision:.0f} % are"
        )
    return lines


def _rankings(is_error: np.ndarray, scores: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Average precision and AUROC of each."""
    fields = ("average_precision", "auroc")
    return {name: dict(zip(fields, ranking_metrics(is_error, each), strict=True)) for name, each in scores.items()}


def read_truth(study: Study, path: Path) -> dict[str, str]:
    """True class name by sample id, of a CSV as `evaluate_run` takes it. Raises ManifestError, the row named, for what
    is no class or contradicts itself."""
    if not path.is_file():
        raise ManifestError(f"{path}: no such file; name the CSV that holds the true labels")
    table = read_cells(path)
    header, records = table.header, table.records
    key = next((name for name in ("sample_id", "image", study.image_column) if name in header), None)
    if key is None or "true_label" not in header:
        raise ManifestError(
            f"{path}: needs the columns true_label and either sample_id or image; found {', '.join(header)}"
        )
    names = {written: name for name, written in study.written_labels.items()}
    samples = study.samples()
    sample_of = dict(zip(samples["image"], samples["sample_id"], strict=True))
    truth: dict[str, str] = {}
    rows: dict[str, int] = {}
    for row, cells in records:
        label = cells[header.index("true_label")].strip()
        label = names.get(label, label)
        if label and label not in study.classes:
            raise ManifestError(f"{path} row {row}: label {label!r} is not one of {listed(study.classes)}; fix the row")
        cell = cells[header.index(key)]
        sample_id = cell if key == "sample_id" else sample_of.get(cell)
        if not (label and sample_id):
            continue
        if truth.setdefault(sample_id, label) != label:
            raise ManifestError(
                f"{path} rows {rows[sample_id]} and {row}: one sample has two true labels, {truth[sample_id]!r} and "
                f"{label!r}; keep one of the rows"
            )
        rows.setdefault(sample_id, row)
    return truth
