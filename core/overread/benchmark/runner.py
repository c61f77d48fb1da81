"""Runs the benchmark cell by cell: a task, its features, a noise, a seed, a method."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.benchmark.array_digest import array_digest
from overread.benchmark.cells import make_cell, noises_of
from overread.benchmark.methods import METHODS, ORACLE, TOLD, has_features, method_digest, run_method
from overread.benchmark.problem import MethodResult, Problem
from overread.benchmark.saved_lines import Line, SavedLines, read_lines
from overread.benchmark.task_duplicates import load_duplicate_groups
from overread.benchmark.task_features import KINDS, load_features
from overread.benchmark.tasks import TASKS, load_task
from overread.detection.error_range import ErrorRange
from overread.errors import ConfigError
from overread.metrics import detection_metrics, expected_calibration_error

NO_FEATURES = "none"
"""Stands in the results for the features of a method that has none."""
METHOD_NAMES = (*METHODS, *TOLD)
DEFAULT_METHODS = (*(name for name, method in METHODS.items() if method.is_default), ORACLE)
CELL = ("task", "features", "noise", "seed", "method")
DIGESTS = ("data", "code")


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to measure."""

    tasks: Sequence[str]
    seeds: Sequence[int] = (0, 1, 2)
    noises: Sequence[str] | None = None
    """Names of `cells`; None: those that a task has by default."""
    methods: Sequence[str] = DEFAULT_METHODS
    features: Sequence[str] = KINDS
    device: str = "auto"

    def __post_init__(self) -> None:
        for flag, names, known in (
            ("--methods", self.methods, METHOD_NAMES),
            ("--features", self.features, KINDS),
            ("--tasks", self.tasks, TASKS),
        ):
            if not names:
                raise ConfigError(f"{flag}: is empty; choose from {', '.join(known)}")
            for name in names:
                if name not in known:
                    raise ConfigError(f"{flag} {name}: unknown value; choose from {', '.join(known)}")


def run_plan(
    plan: BenchmarkPlan,
    *,
    data: Path | None,
    cache: Path,
    results: Path,
    stamp: dict[str, str],
    listener: Callable[[float, str], None],
) -> list[Line]:
    """Measure every cell of the plan; returns its results, those that were there already among them.

    results: a .jsonl file; a cell's line is appended as soon as it is measured, and a cell is not measured again while
    its data and its method's code are those of its line. stamp: what else each new line says (the machine, the commit).
    listener: called with the share of the plan that is behind, in [0, 1], and what is under way.
    Raises UserErrors: an unknown name, data or packages that are not there.
    """
    saved = SavedLines(results, _key)
    codes = {method: method_digest(method) for method in plan.methods}
    found = []
    steps = [(name, seed) for name in plan.tasks for seed in plan.seeds]
    task = None
    for num_done, (name, seed) in enumerate(steps):

        def tell(message: str, share: float = num_done / len(steps)) -> None:
            listener(share, message)

        if task is None or task.name != name:
            tell(f"{name}: reading")
            task = load_task(name, data, cache)
            pixels_digest, duplicate_groups = array_digest(task.pixels), load_duplicate_groups(task, cache)
        features = {
            kind: load_features(kind, task, seed, cache, device=plan.device, listener=tell) for kind in plan.features
        }
        digests = {kind: array_digest(each) for kind, each in features.items()} | {NO_FEATURES: pixels_digest}
        for noise in noises_of(task, plan.noises):
            made = make_cell(task, noise, seed)
            arrays = (made.rows, made.true, made.given, made.groups, duplicate_groups[made.rows])
            for of, kind, method in _inputs(plan, seed):
                cell = dict(zip(CELL, (name, of, noise, seed, method), strict=True))
                cell |= {"data": f"{digests[of]}-{array_digest(*arrays)}", "code": codes[method]}
                if cell not in saved:
                    tell(f"{name} {of} {noise} {seed} {method}")
                    problem = Problem(
                        features[kind][made.rows],
                        made.given,
                        made.groups,
                        made.num_classes,
                        seed,
                        task.pixels[made.rows],
                        duplicate_groups[made.rows],
                        plan.device,
                    )
                    saved.add(cell | _measured(problem, made.true, method) | stamp)
                found.append(saved.of(cell))
    return found


def newest_lines(path: Path) -> list[Line]:
    """The results in a file, none where there is none: of each cell the last line, whatever its code. Lines without
    digests, which older versions wrote, are left out."""
    lines = (line for line in read_lines(path) if all(name in line for name in DIGESTS))
    return list({tuple(line[name] for name in CELL): line for line in lines}.values())


def measures(result: MethodResult, true: np.ndarray, given: np.ndarray, num_classes: int) -> Line:
    """What a result is worth. Calibration and expected precision are None where the scores are no probabilities.

    expected_errors: the sum of all probabilities; expected_precision: the mean probability of the proposed to be wrong.
    true, given: (N,) int64.
    """
    found = detection_metrics(true, given, result.proposed, result.is_proposed, result.scores)
    values = {
        "num_samples": found.num_samples,
        "num_classes": num_classes,
        "num_errors": found.num_errors,
        "num_proposed": found.num_proposed,
        "average_precision": found.average_precision,
        "auroc": found.auroc,
        "precision": found.precision,
        "recall": found.recall,
        "f1": found.f1,
        "proposed_label_accuracy": found.proposed_label_accuracy,
        "expected_errors": None,
        "expected_precision": None,
        "expected_calibration_error": None,
    }
    if result.is_probability:
        probabilities = np.clip(result.scores, 0, 1)
        values["expected_errors"] = float(probabilities.sum())
        if found.num_proposed:
            values["expected_precision"] = float(probabilities[result.is_proposed].mean())
        values["expected_calibration_error"] = expected_calibration_error(true != given, probabilities)
    if result.error_range is not None:
        values |= _range_measures(result.error_range, result.is_proposed, true != given)
    return {name: None if value is None or np.isnan(value) else value for name, value in values.items()}


def _range_measures(error_range: ErrorRange, is_proposed: np.ndarray, is_error: np.ndarray) -> dict[str, float]:
    """The range of the number of wrong labels, and of those among the proposals, as they are told, rounded outwards;
    and whether the true number is in it: 1 or 0."""
    values: dict[str, float] = {}
    for name, is_chosen in (("errors", np.ones_like(is_proposed)), ("right", is_proposed)):
        if is_chosen.any():
            low, high = error_range.counts(is_chosen)
            values |= {f"{name}_low": float(np.floor(low)), f"{name}_high": float(np.ceil(high))}
            is_inside = values[f"{name}_low"] <= is_error[is_chosen].sum() <= values[f"{name}_high"]
            values[f"{name}_in_range"] = float(is_inside)
    return values


def _inputs(plan: BenchmarkPlan, seed: int) -> list[tuple[str, str, str]]:
    """For each method of a noise and a seed: the features that its line names, those that it is handed, its name.

    A method that trains a network of its own looks at no features, and takes long: it has one cell a noise.
    """
    inputs = []
    for kind in plan.features:
        for method in plan.methods:
            if has_features(method):
                inputs.append((kind, kind, method))
            elif seed == plan.seeds[0] and kind == plan.features[0]:
                inputs.append((NO_FEATURES, kind, method))
    return inputs


def _measured(problem: Problem, true: np.ndarray, method: str) -> Line:
    start_s = time.perf_counter()
    result = run_method(method, problem, true)
    seconds = time.perf_counter() - start_s
    found = measures(result, true, problem.given, problem.num_classes)
    return {**found, "seconds": round(seconds, 3), "load": round(os.getloadavg()[0], 1)}


def _key(line: Line) -> tuple[Any, ...]:
    return tuple(line.get(name) for name in (*CELL, *DIGESTS))
