"""The table scores.csv: every score, the probability that the label is wrong, and the proposed label."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from overread.detection.label_quality import self_confidence_score


def score_table(
    sample_ids: Sequence[str],
    given: np.ndarray,
    classes: Sequence[str],
    *,
    probs: np.ndarray,
    proposed: np.ndarray,
    scores: Mapping[str, np.ndarray],
    kinds: np.ndarray,
) -> pd.DataFrame:
    """One row per sample, in the order given.

    given: (N,) int64 class indices. probs: (N, K), rows sum to 1, for the columns p_<class>; label_error_probability is
    1 minus the given label's. proposed: (N,) int64; a sample is proposed if it differs from the given label. scores: by
    scorer, (N,) float, higher is more likely wrong, for the columns score_<scorer>. kinds: (N,), from
    `proposal_kinds`.
    """
    names = np.asarray(classes, dtype=object)
    columns = {
        "sample_id": list(sample_ids),
        "given_label": names[given],
        "proposed_label": names[proposed],
        "label_error_probability": self_confidence_score(probs, given),
        "is_proposed": np.where(proposed != given, "true", "false"),
        **{f"score_{name}": score for name, score in scores.items()},
        **{f"p_{name}": probs[:, k] for k, name in enumerate(classes)},
        "kind": [str(kind) for kind in kinds],
    }
    return pd.DataFrame(columns).round(6)
