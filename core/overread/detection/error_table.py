"""The table that a caller without a study gets: a row for each label."""

import numpy as np
import pandas as pd


def error_table(
    probs: np.ndarray,
    given: np.ndarray,
    proposed: np.ndarray,
    names: np.ndarray,
    kinds: np.ndarray,
    *,
    index: pd.Index | None,
) -> pd.DataFrame:
    """The columns that `find_label_errors` describes.

    probs: (N, K), of the true classes, rows sum to 1; given, proposed: (N,) int64; names: (K,) object; kinds: (N,)
    object, from `proposal_kinds`.
    """
    error_probability = 1 - probs[np.arange(len(given)), given]
    return pd.DataFrame(
        {
            "label_quality": 1 - error_probability,
            "error_probability": error_probability,
            "given_label": names[given],
            "suggested_label": names[proposed],
            "is_proposed": proposed != given,
            "kind": [str(kind) for kind in kinds],
        },
        index=index,
    )
