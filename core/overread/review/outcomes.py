"""Which given labels a reader has found wrong or right, to compare a run's probabilities with."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from overread.records import Decision, Verdict, VerdictKind
from overread.review.row_rules import BULK

IS_ERROR = {VerdictKind.ACCEPT: True, VerdictKind.RELABEL: True, VerdictKind.REJECT: False}
"""Whether a verdict says that the given label is wrong; the other verdicts do not say."""


def counts(verdict: Verdict, *, run: str, given_label: str | None) -> bool:
    """Whether a verdict says if the sample's label is wrong, of this run and of the label that the run has for it;
    given_label None: the run does not have the sample. A verdict in bulk does not count."""
    is_single = verdict.protocol != BULK
    return is_single and verdict.kind in IS_ERROR and verdict.run == run and verdict.given_label == given_label


def outcomes(scores: pd.DataFrame, decisions: Iterable[Decision], *, run: str) -> tuple[np.ndarray, np.ndarray]:
    """The rows of scores.csv that were decided, (M,) int64, and whether their given label was found wrong, (M,) bool.

    decisions: one reader's standing ones. Those of another run than `run` are left out, for this one may have been
    trained on them; so are those on a given label that is another by now.
    """
    verdicts = [decision.verdict for decision in decisions]
    is_decided = scores["sample_id"].isin([verdict.sample_id for verdict in verdicts]).to_numpy()
    decided = scores.loc[is_decided, ["sample_id", "given_label"]].itertuples(index=False)
    rows = {
        row.sample_id: (place, row.given_label) for place, row in zip(is_decided.nonzero()[0], decided, strict=True)
    }
    found = []
    for verdict in verdicts:
        place, given = rows.get(verdict.sample_id, (-1, None))
        if counts(verdict, run=run, given_label=given):
            found.append((place, IS_ERROR[verdict.kind]))
    places, is_error = zip(*found, strict=True) if found else ((), ())
    return np.array(places, dtype=np.int64), np.array(is_error, dtype=bool)


def right_labels(decisions: Iterable[Decision]) -> dict[str, tuple[str, str]]:
    """By sample, the given label that was judged and the label that was found right; those that say neither are left
    out. decisions: one reader's standing ones, of any run."""
    verdicts = [decision.verdict for decision in decisions]
    return {
        verdict.sample_id: (verdict.given_label, verdict.chosen_label)
        for verdict in verdicts
        if verdict.kind in IS_ERROR
    }
