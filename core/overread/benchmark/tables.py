"""The results as a Markdown page."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from overread.benchmark.markdown_tables import load, markdown, spread
from overread.benchmark.methods import DETAILED, METHODS, OURS, TOLD
from overread.benchmark.runner import NO_FEATURES
from overread.benchmark.summary import CELL, numbers, summary

_IDN_NOTE = (
    "With two classes (chest_xray) instance-dependent noise has only one target left and its rate does not depend on "
    "the image: there, idn is symmetric noise with a random rate."
)


def report(results: Sequence[dict[str, Any]]) -> str:
    """The page: a header, and for each kind of features its tables and what they come to.

    results: lines as `run_plan` returns them, each with the device and the commit that it was measured with.
    """
    table = pd.DataFrame(results)
    table[numbers(table)] = table[numbers(table)].astype(float)
    seeds = ", ".join(str(seed) for seed in sorted(table["seed"].unique()))
    parts = [
        "# Label-error detection",
        f"{_listed(table['device'])}{load(table)}; {_listed(table['versions'])}; commit {_listed(table['commit'])}; "
        f"seeds {seeds}. "
        f"Mean over the seeds ± standard deviation. {_IDN_NOTE}",
    ]
    kinds = [kind for kind in table["features"].unique() if kind != NO_FEATURES]
    for kind in kinds or [NO_FEATURES]:
        of_kind = table[table["features"].isin([kind, NO_FEATURES])]
        parts += [
            f"## Features: {kind}",
            "### Average precision for finding the wrong labels",
            _grid(of_kind, "average_precision"),
            "### F1 of each method's own cut-off",
            _grid(of_kind, "f1"),
            "### Seconds",
            _grid(of_kind, "seconds", decimals=1),
        ]
        for method in DETAILED:
            if method in set(of_kind["method"]):
                parts += [f"### {method}", _own_grid(of_kind, method)]
        if OURS in set(of_kind["method"]):
            parts.append("\n".join(f"- {line}" for line in summary(of_kind)))
    return "\n\n".join(parts) + "\n"


def _grid(table: pd.DataFrame, column: str, decimals: int = 3) -> str:
    """A row per cell, a column per method, the ceiling last; the bottom row is the mean over the cells."""
    named = [*METHODS, *TOLD]
    methods = [name for name in named if name in set(table["method"])]
    groups = table.groupby([*CELL, "method"], sort=False)[column].agg(["mean", "std"])
    rows = []
    for cell in table.groupby(CELL, sort=False).groups:
        found = [groups.loc[(*cell, name)] if (*cell, name) in groups.index else None for name in methods]
        rows.append([*cell, *("" if f is None else spread(f["mean"], f["std"], decimals) for f in found)])
    means = (
        table.pivot_table(index=CELL, columns="method", values=column).reindex(columns=methods).dropna(axis=1).mean()
    )
    rows.append(["mean", "", *(f"**{means[name]:.{decimals}f}**" if name in means else "" for name in methods)])
    return markdown(["task", "noise", *methods], rows)


def _own_grid(table: pd.DataFrame, method: str) -> str:
    own = table[table["method"] == method].groupby(CELL, sort=False)[numbers(table)].mean()
    columns = {
        "wrong": "num_errors",
        "expected wrong": "expected_errors",
        "from": "errors_low",
        "to": "errors_high",
        "proposed": "num_proposed",
        "precision": "precision",
        "promised": "expected_precision",
        "recall": "recall",
        "AUROC": "auroc",
        "calibration error": "expected_calibration_error",
        "right label": "proposed_label_accuracy",
    }
    rows = []
    for cell, row in own.iterrows():
        values = [row.get(column, np.nan) for column in columns.values()]
        counts = ["" if pd.isna(value) else f"{value:.0f}" for value in values[:5]]
        rows.append([*cell, *counts, *("" if pd.isna(value) else f"{value:.3f}" for value in values[5:])])
    return markdown(["task", "noise", *columns], rows)


def _listed(values: pd.Series) -> str:
    return ", ".join(values.unique())
