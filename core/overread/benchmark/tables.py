"""The results as a Markdown page."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from overread.benchmark.markdown_tables import load, markdown, spread
from overread.benchmark.methods import DETAILED, METHODS, OURS, TOLD
from overread.benchmark.regime_table import REGIME_NAMES, regime_part
from overread.benchmark.runner import NO_FEATURES
from overread.benchmark.summary import CELL, numbers, summary

_IDN_NOTE = (
    "With two classes (chest_xray) instance-dependent noise has only one target left and its rate does not depend on "
    "the image: there, idn is symmetric noise with a random rate."
)
_INTRO = (
    "How well each method finds the wrong labels, from the same features and the same noisy labels. Made by `bench "
    "detection` from the lines of detection.jsonl. Seconds are by the clock: on a machine that does other work "
    "they are upper bounds."
)
_KINDS = {
    "pretrained": "All stages of EfficientNet-Lite0, trained on ImageNet.",
    "simclr": "The narrow network, pretrained with SimCLR on the task's own images.",
}
_REGIMES_NOTE = (
    "Labels wrong in ways that break a noise model's assumptions (`--noise regimes`), each made from a task with true "
    "labels. A number at the end of a name is a rate in per cent."
)


def report(results: Sequence[dict[str, Any]]) -> str:
    """The page: a header, and for each kind of features its tables, what they come to, and its regimes.

    results: lines as `newest_lines` returns them, each with the device and the commit that it was measured with.
    """
    table = pd.DataFrame(results)
    table[numbers(table)] = table[numbers(table)].astype(float)
    seeds = ", ".join(str(seed) for seed in sorted(table["seed"].unique()))
    parts = [
        "# Label-error detection",
        _INTRO,
        f"{_listed(table['device'])}{load(table)}; {_listed(table['versions'])}; commit {_listed(table['commit'])}; "
        f"seeds {seeds}. Mean over the seeds ± standard deviation. {_IDN_NOTE}",
    ]
    is_regime = table["noise"].isin(REGIME_NAMES)
    kinds = [kind for kind in table["features"].unique() if kind != NO_FEATURES]
    for kind in kinds or [NO_FEATURES]:
        is_kind = table["features"].isin([kind, NO_FEATURES])
        parts += [f"## Features: {kind}", *([_KINDS[kind]] if kind in _KINDS else [])]
        if (is_kind & ~is_regime).any():
            parts += _ordinary(table[is_kind & ~is_regime])
        of_regimes = table[is_kind & is_regime]
        if OURS in set(of_regimes["method"]):
            parts += ["### Regimes", _REGIMES_NOTE, regime_part(of_regimes)]
    return "\n\n".join(parts) + "\n"


def _ordinary(table: pd.DataFrame) -> list[str]:
    parts = [
        "### Average precision for finding the wrong labels",
        _grid(table, "average_precision"),
        "### F1 of each method's own cut-off",
        _grid(table, "f1"),
        "### Seconds",
        _grid(table, "seconds", decimals=1),
    ]
    for method in DETAILED:
        if method in set(table["method"]):
            parts += [f"### {method}", _own_grid(table, method)]
    if OURS in set(table["method"]):
        parts.append("\n".join(f"- {line}" for line in summary(table)))
    return parts


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
