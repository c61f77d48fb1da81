"""Classes with few samples, and rows that could not be used."""

import pandas as pd

from overread.records import Finding
from overread.sources.label_classes import listed

RARE_SHARE = 0.02
"""A class with a smaller share of the samples is reported."""


def check_classes(samples: pd.DataFrame, classes: tuple[str, ...]) -> list[Finding]:
    """Classes with few samples. samples: samples.csv; classes: the study's."""
    counts = samples["given_label"].value_counts().reindex(classes, fill_value=0)
    single = [name for name in classes if counts[name] < 2]
    rare = [name for name in classes if 2 <= counts[name] < RARE_SHARE * len(samples)]
    findings = []
    for kind, severity, names, what in (
        (
            "single_sample_class",
            "warning",
            single,
            "one sample or none: nothing can be learnt from it, and its samples are never proposed",
        ),
        ("rare_class", "info", rare, f"under {RARE_SHARE:.0%} of the samples: little to learn from"),
    ):
        if names:
            ids = samples.loc[samples["given_label"].isin(names), "sample_id"].tolist()
            have = f"class {names[0]} has" if len(names) == 1 else f"{len(names)} classes have"
            which = "" if len(names) == 1 else f" ({listed(names)})"
            findings.append(Finding(kind, severity, len(ids), f"{have} {what}{which}", tuple(ids)))
    return findings


def check_quarantine(quarantine: pd.DataFrame) -> list[Finding]:
    """Rows that could not be used. quarantine: quarantine.csv."""
    return [
        Finding("quarantined", "warning", int(count), f"{count} rows could not be used: {reason}")
        for reason, count in quarantine["reason"].value_counts().items()
    ]
