"""The table scores.csv: every score, the probability that the label is wrong, and the proposed label."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from overread.detection.cross_fitted_consensus import NO_CONSENSUS, CrossFittedConsensus
from overread.detection.label_quality import self_confidence_score


def score_table(
    sample_ids: Sequence[str],
    given: np.ndarray,
    classes: Sequence[str],
    *,
    probs: np.ndarray,
    proposed: np.ndarray,
    scores: Mapping[str, np.ndarray],
    words: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """One row per sample, in the order given.

    given: (N,) int64 class indices. probs: (N, K), rows sum to 1, for the columns p_<class>; label_error_probability is
    1 minus the given label's. proposed: (N,) int64; a sample is proposed if it differs from the given label. scores: by
    scorer, (N,) float, higher is more likely wrong, for the columns score_<scorer>. words: N
    by column, the last ones: the kind of each proposal, and those of `consensus_columns`.
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
        **words,
    }
    return pd.DataFrame(columns).round(6)


def consensus_columns(consensus: CrossFittedConsensus, classes: Sequence[str]) -> dict[str, list[str]]:
    """The columns `consensus`, the class that all voters are sure of, and `consensus_of`, who they are ("3 stages", "4
    classifiers"); both empty where there is no consensus."""
    return {
        "consensus": ["" if label == NO_CONSENSUS else classes[label] for label in consensus.labels],
        "consensus_of": ["" if label == NO_CONSENSUS else consensus.voters for label in consensus.labels],
    }
