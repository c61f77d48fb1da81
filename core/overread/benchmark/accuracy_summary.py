"""README's table of accuracy, from the lines that were measured: only of tasks that are measured whole."""

from collections.abc import Sequence

import pandas as pd

from overread.benchmark.accuracy_page import missing_cells, newest_lines
from overread.benchmark.accuracy_rows import SAME
from overread.benchmark.markdown_tables import between_marks, markdown, spread
from overread.benchmark.saved_lines import Line
from overread.benchmark.starts import FEATURES, SIMCLR
from overread.benchmark.trainers.trainers import TRAINERS

MARKS = "<!-- accuracy: made by core/docs/make_pages.py -->", "<!-- end of accuracy -->"
TABLE = "table2"
_BUDGETS = ("gpu", "cpu")
"""The first that has a whole task is taken."""


def with_summary(readme: str, lines: Sequence[Line]) -> str:
    """README with the table of today's lines between its marks. Raises ValueError if it has no marks."""
    return between_marks(readme, MARKS, summary_table(lines))


def summary_table(lines: Sequence[Line]) -> str:
    """A row for each method with SimCLR's weights or frozen features, a column for each task: the mean over noises and
    seeds, in per cent, ± the standard deviation of the seeds' means. Empty where no task is whole."""
    for budget in _BUDGETS:
        chosen = [line for line in newest_lines(lines) if (line["table"], line["budget"]) == (TABLE, budget)]
        if not chosen:
            continue
        found = pd.DataFrame(chosen)
        lacking = {text.split(":")[0] for text in missing_cells(TABLE, budget, found)}
        tasks = [task for task in found["task"].unique() if task not in lacking]
        if tasks:
            head = f"Accuracy on test images with true labels, in per cent, after training on noisy ones ({budget}):"
            return f"{head}\n\n{markdown(['', *tasks], _rows(found, tasks))}"
    return ""


def _rows(found: pd.DataFrame, tasks: list[str]) -> list[list[str]]:
    found = found[(found["recipe"] == SAME) & found["start"].isin([SIMCLR, FEATURES])]
    rows = []
    for name, method in TRAINERS.items():
        of_seeds = [
            found[(found["method"] == name) & (found["task"] == task)].groupby("seed")["accuracy"].mean()
            for task in tasks
        ]
        rows.append([method.title, *(spread(100 * of.mean(), 100 * of.std(), 1) for of in of_seeds)])
    return rows
