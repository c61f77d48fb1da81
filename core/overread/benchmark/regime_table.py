"""The regimes' part of the page on detection: Overread beside cleanlab where labels are wrong in unusual ways."""

import pandas as pd

from overread.benchmark.markdown_tables import markdown, spread
from overread.benchmark.methods import OURS
from overread.benchmark.regimes import MEANINGS, REGIMES
from overread.benchmark.summary import CELL, ranges

REGIME_NAMES = frozenset(name for of_task in REGIMES.values() for name in of_task)
_PEER = "cleanlab"
_COUNTS = {"wrong": "num_errors", "expected wrong": "expected_errors", "from": "errors_low", "to": "errors_high"}
_SHARES = {
    "precision": "precision",
    "promised": "expected_precision",
    "calibration error": "expected_calibration_error",
}


def regime_part(table: pd.DataFrame) -> str:
    """What the regimes are, a row for each, and how often the ranges hold. table: a row per result, of regimes alone,
    with those of OURS among them. A precision is the mean over the seeds with a proposal."""
    means = table.groupby([*CELL, "method"], sort=False).mean(numeric_only=True)
    num_seeds = table.groupby([*CELL, "method"], sort=False).size()
    stds = table.groupby([*CELL, "method"], sort=False).std(numeric_only=True)
    methods = [name for name in (OURS, _PEER) if name in set(table["method"])]
    rows = []
    for cell in table.groupby(CELL, sort=False).groups:
        own = means.loc[(*cell, OURS)]
        row = [
            *cell,
            f"{num_seeds[(*cell, OURS)]}",
            f"{own['num_samples']:.0f}",
            *(_value(own, column, 0) for column in _COUNTS.values()),
        ]
        for column in ("average_precision", "f1"):
            keys = [(*cell, name) for name in methods]
            row += [
                spread(means.loc[key, column], stds.loc[key, column], 3) if key in means.index else "" for key in keys
            ]
        rows.append([*row, _value(own, "num_proposed", 0), *(_value(own, column, 3) for column in _SHARES.values())])
    of_methods = [f"{title}, {name}" for title in ("AP", "F1") for name in methods]
    header = ["task", "regime", "seeds", "images", *_COUNTS, *of_methods, "proposed", *_SHARES]
    known = [f"- `{name}`: {text}" for name, text in MEANINGS.items() if _is_measured(name, table)]
    told = [f"- {line}" for line in (*_compared(table), *ranges(table[table["method"] == OURS]))]
    return "\n\n".join(["\n".join(known), markdown(header, rows), "\n".join(told)])


def _is_measured(name: str, table: pd.DataFrame) -> bool:
    return any(name in noise for noise in table["noise"].unique())


def _value(row: pd.Series, column: str, decimals: int) -> str:
    value = row.get(column, float("nan"))
    return "" if pd.isna(value) else f"{value:.{decimals}f}"


def _compared(table: pd.DataFrame) -> list[str]:
    """The means over the regimes with wrong labels that both were measured on."""
    precisions, f1 = (
        table.pivot_table(index=CELL, columns="method", values=column, sort=False)
        for column in ("average_precision", "f1")
    )
    if _PEER not in precisions:
        return []
    both = precisions.dropna(subset=[OURS, _PEER])
    f1 = f1.loc[both.index]
    gaps = both[_PEER] - both[OURS]
    behind = ", ".join(f"{task} {noise} by {gap:.3f}" for (task, noise), gap in gaps[gaps > 0].items())
    return [
        f"mean average precision over the {len(both)} with wrong labels: {OURS} {both[OURS].mean():.3f}, {_PEER} "
        f"{both[_PEER].mean():.3f}; F1 {f1[OURS].mean():.3f} and {f1[_PEER].mean():.3f}",
        f"{OURS} is behind {_PEER} in average precision on {(gaps > 0).sum()}" + (f": {behind}" if behind else ""),
    ]
