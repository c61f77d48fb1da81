"""scores.csv: every scorer's column, the probability that the label is wrong, and the proposed label."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from core.proposals.self_confidence import self_confidence_score


def score_table(
    sample_ids: Sequence[str],
    given: np.ndarray,
    classes: Sequence[str],
    *,
    scorer_probs: Mapping[str, np.ndarray],
    judged_by: Sequence[str],
    is_proposable: np.ndarray,
    consensus_labels: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per sample, in the order given.

    given: (N,) int64 class indices. scorer_probs: by scorer, (N, K) class probabilities; each becomes the
    column score_<scorer>, 1 - p[given label]. judged_by: the scorers whose mean probability decides:
    p_<class> is that mean, label_error_probability 1 - its value at the given label. is_proposable: (N,)
    bool; the others keep their given label whatever was found. consensus_labels: (N,) int64: where given,
    the proposed label is this one (the paper: the last pseudo-label); else it is the most probable class.
    A sample is proposed when its proposed label differs from its given one.
    """
    probs = np.mean([scorer_probs[name] for name in judged_by], axis=0, dtype=np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    proposed = probs.argmax(axis=1) if consensus_labels is None else consensus_labels
    proposed = np.where(is_proposable, proposed, given)
    names = np.asarray(classes, dtype=object)
    columns = {
        "sample_id": list(sample_ids),
        "given_label": names[given],
        "proposed_label": names[proposed],
        "label_error_probability": self_confidence_score(probs, given),
        "is_proposed": np.where(proposed != given, "true", "false"),
        **{f"score_{name}": self_confidence_score(p, given) for name, p in scorer_probs.items()},
        **{f"p_{name}": probs[:, k] for k, name in enumerate(classes)},
    }
    return pd.DataFrame(columns).round(6)


def proposable(given: np.ndarray, is_trained: np.ndarray, num_classes: int) -> np.ndarray:
    """(N,) bool: whether the sample's given class has two trained samples or more. Of a class with a
    single one nothing is learnt that this sample could be judged by."""
    counts = np.bincount(given[is_trained], minlength=num_classes)
    return counts[given] >= 2
