"""The labels that readers gave during review, as columns alongside those of the source's raters."""

from collections.abc import Iterable

import pandas as pd

from overread.records import Decision
from overread.review.chain import LedgerRow
from overread.review.row_rules import BULK, LABELLING_KINDS

PREFIX = "reader "
"""Before a reader's name, so that no rater of the source has the same one."""


def reader_labels(
    samples: pd.DataFrame, decisions: Iterable[Decision], readings: Iterable[LedgerRow]
) -> tuple[pd.DataFrame, int]:
    """The labels that each reader of the ledger gave, and how many of them were read blind.

    samples: samples.csv; decisions: the standing ones; readings: oldest first. Returns a column for each reader who
    labelled a sample of the study, in the order of samples, empty where the reader gave no label. A blind reading
    counts before an open one and before the verdict: only then had the reader seen neither label. A verdict in bulk is
    no label of the reader's own.
    """
    labels: dict[str, dict[str, str]] = {}
    present = set(samples["sample_id"])
    for decision in decisions:
        verdict = decision.verdict
        if verdict.kind in LABELLING_KINDS and verdict.protocol != BULK and verdict.sample_id in present:
            labels.setdefault(verdict.reader, {})[verdict.sample_id] = verdict.chosen_label
    known = [row for row in readings if row.sample_id in present and row.chosen_label]
    blind = [row for row in known if row.protocol == "blind"]
    for row in [*(row for row in known if row.protocol != "blind"), *blind]:
        labels.setdefault(row.reader, {})[row.sample_id] = row.chosen_label
    columns = {PREFIX + reader: samples["sample_id"].map(of_reader) for reader, of_reader in sorted(labels.items())}
    return pd.DataFrame(columns, index=samples.index, dtype=str).fillna(""), len(
        {(row.reader, row.sample_id) for row in blind}
    )
