"""The figures beside the tables of accuracy: accuracy by noise, errors found by images read, reliability."""

from collections.abc import Sequence

import numpy as np

from overread.benchmark.accuracy_measures import SHARES_READ
from overread.benchmark.accuracy_rows import SAME
from overread.benchmark.cells import MADE
from overread.benchmark.saved_lines import Line
from overread.benchmark.starts import NONE
from overread.benchmark.svg_chart import Point, line_chart
from overread.benchmark.trainers.trainers import TRAINERS

_TABLES = ("table1", "table2")


def figures(lines: Sequence[Line]) -> dict[str, str]:
    """SVG images by name, TABLE-BUDGET-TASK-WHAT. Only rows with the shared recipe and pretrained weights or features;
    means over the seeds, and of errors and reliability also over the noises."""
    drawn = {}
    chosen = [line for line in lines if line["table"] in _TABLES and _is_drawn(line)]
    for table, budget, task in dict.fromkeys((line["table"], line["budget"], line["task"]) for line in chosen):
        here = [line for line in chosen if (line["table"], line["budget"], line["task"]) == (table, budget, task)]
        methods = [name for name in TRAINERS if any(line["method"] == name for line in here)]
        named = {TRAINERS[name].title: [line for line in here if line["method"] == name] for name in methods}
        for kind in dict.fromkeys(MADE[line["noise"]][0] for line in here if line["noise"] in MADE):
            by_rate = {title: _by_rate(of, kind) for title, of in named.items()}
            if max(map(len, by_rate.values())) > 1:
                drawn[f"{table}-{budget}-{task}-accuracy-{kind}"] = line_chart(
                    f"{task}: accuracy on test images, {kind} noise", "share of wrong labels", "accuracy", by_rate
                )
        found = {title: _mean_points(SHARES_READ, [line["errors_found"] for line in of]) for title, of in named.items()}
        drawn[f"{table}-{budget}-{task}-errors"] = line_chart(
            f"{task}: wrong labels found by reading", "share of images read", "share of wrong labels found", found
        )
        reliability = {title: _reliability(of) for title, of in named.items()}
        drawn[f"{table}-{budget}-{task}-reliability"] = line_chart(
            f"{task}: confidence on test images", "confidence", "accuracy", reliability, diagonal=True
        )
    return drawn


def _is_drawn(line: Line) -> bool:
    return (
        line.get("accuracy") is not None
        and None not in line["errors_found"]
        and line["recipe"] == SAME
        and line["start"] != NONE
        and line["method"] in TRAINERS
    )


def _by_rate(lines: Sequence[Line], kind: str) -> list[Point]:
    rates = sorted({MADE[line["noise"]][1] for line in lines if MADE.get(line["noise"], ("",))[0] == kind})
    accuracies = [[line["accuracy"] for line in lines if MADE.get(line["noise"]) == (kind, rate)] for rate in rates]
    return [(rate, float(np.mean(values))) for rate, values in zip(rates, accuracies, strict=True)]


def _mean_points(xs: Sequence[float], rows: Sequence[Sequence[float]]) -> list[Point]:
    return list(zip(xs, np.mean(rows, axis=0).tolist(), strict=True))


def _reliability(lines: Sequence[Line]) -> list[Point]:
    return [(float(x), float(y)) for x, y in np.mean([line["reliability"] for line in lines], axis=0)]
