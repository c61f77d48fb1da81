"""A summary of the results in sentences."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from overread.benchmark.methods import METHODS, ORACLE, OURS

CELL = ["task", "noise"]
LABELS = (*CELL, "features", "seed", "method", "data", "code", "device", "versions", "commit", "load")
TOLERANCE = 0.005
"""Of average precision: to be behind by less is no defeat."""


def numbers(table: pd.DataFrame) -> list[str]:
    """The columns that hold measures."""
    return [name for name in table if name not in LABELS]


def summary(table: pd.DataFrame) -> list[str]:
    """What the figures of one kind of features come to, a sentence each; those that nothing was measured for are
    left out. table: a row per result, with those of OURS among them."""
    precisions = table.pivot_table(index=CELL, columns="method", values="average_precision")
    peers = [name for name in precisions if name in METHODS and METHODS[name].is_peer]
    ours = precisions[OURS]
    lines = []
    if peers:
        # A peer that was not measured on every cell has no mean to compare with.
        whole = precisions[peers].dropna(axis=1)
        if len(whole.columns):
            best = whole.mean().idxmax()
            lines.append(
                f"mean average precision {ours.mean():.4f}; of the peers {best} has the best mean, "
                f"{whole[best].mean():.4f}: {OURS} is {_ahead(ours.mean() - whole[best].mean())}"
            )
        gaps = (ours - precisions[peers].max(axis=1)).sort_values()
        behind = [f"{_name(cell)} by {-gap:.4f}" for cell, gap in gaps.items() if gap < -TOLERANCE]
        lines.append(
            f"behind the best peer of the cell by more than {TOLERANCE} on {len(behind)} of {len(gaps)} cells"
            + (f": {', '.join(behind)}" if behind else "")
        )
    if "cleanlab" in precisions:
        theirs = precisions["cleanlab"]
        lines.append(f"mean of 1 - AP: {(1 - ours).mean() / (1 - theirs).mean():.3f} x cleanlab's")
        if ORACLE in precisions and (room := (precisions[ORACLE] - theirs).mean()) > 0:
            lines.append(f"{(ours - theirs).mean() / room:.0%} of the way from cleanlab to the oracle")
        f1 = table.pivot_table(index=CELL, columns="method", values="f1")
        for cell in (cell for cell in f1.dropna().index if not cell[1].startswith(("idn", "boundary"))):
            own_f1, other = f1.loc[cell, OURS], f1.loc[cell, "cleanlab"]
            lines.append(f"F1 on {_name(cell)}: {own_f1:.3f}, cleanlab's cut-off {other:.3f}: {_ahead(own_f1 - other)}")
    own = table[table["method"] == OURS].groupby(CELL)[numbers(table)].mean()
    lines += ranges(table[table["method"] == OURS])
    lines += _worst(own, "expected_calibration_error", "largest calibration error", max)
    own = own.assign(gap=(own["expected_precision"] - own["precision"]).abs())
    lines += _worst(own, "gap", "largest distance of expected and real precision", max)
    lines += _worst(
        own[own["num_classes"] > 2],
        "proposed_label_accuracy",
        "smallest proposed-label accuracy (3 classes or more)",
        min,
    )
    return lines


def ranges(own: pd.DataFrame) -> list[str]:
    """How often the ranges hold the true numbers, over cells and seeds. own: a row per result of one method."""
    lines = []
    for name, words, of in (("errors", "wrong labels", "num_errors"), ("right", "right proposals", "num_proposed")):
        if f"{name}_in_range" in own and own[f"{name}_in_range"].notna().any():
            known = own[own[f"{name}_in_range"].notna()]
            width = ((known[f"{name}_high"] - known[f"{name}_low"]) / known[of])[known[of] > 0].median()
            lines.append(
                f"the range of {words} contains their number in {known[f'{name}_in_range'].sum():.0f} of {len(known)} "
                f"cells; its median width is {width:.2f} of {'it' if name == 'errors' else 'the proposals'}"
            )
    return lines


def _worst(own: pd.DataFrame, column: str, words: str, pick: Callable[..., Any]) -> list[str]:
    values = own[column].dropna()
    return [f"{words}: {pick(values):.3f} ({_name(values.index[values == pick(values)][0])})"] if len(values) else []


def _name(cell: tuple[str, str]) -> str:
    return " ".join(cell)


def _ahead(gap: float) -> str:
    return f"{gap:.4f} ahead" if gap >= 0 else f"{-gap:.4f} behind"
