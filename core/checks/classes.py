"""How many samples each class has, and how many rows could not be used."""

import pandas as pd

from core.records import Finding

RARE_SHARE = 0.02
"""A class with a smaller share of the samples is named."""


def check_classes(samples: pd.DataFrame, classes: tuple[str, ...]) -> list[Finding]:
    """Classes with hardly any samples. samples: samples.csv; classes: the study's."""
    findings = []
    for name in classes:
        ids = samples.loc[samples["given_label"] == name, "sample_id"].tolist()
        if len(ids) < 2:
            message = f"class {name} has {len(ids)} samples: nothing can be learnt of it, and it is never proposed"
            findings.append(Finding("single_sample_class", "warning", len(ids), message, tuple(ids)))
        elif len(ids) < RARE_SHARE * len(samples):
            message = f"class {name} has {len(ids)} of {len(samples)} samples: few to learn from"
            findings.append(Finding("rare_class", "info", len(ids), message, tuple(ids[:100])))
    return findings


def check_quarantine(quarantine: pd.DataFrame) -> list[Finding]:
    """Rows that are in no run. quarantine: quarantine.csv."""
    return [
        Finding("quarantined", "warning", int(count), f"{count} rows could not be used: {reason}")
        for reason, count in quarantine["reason"].value_counts().items()
    ]
