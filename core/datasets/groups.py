"""Which samples belong together: those of one patient, or else of one slide."""

import numpy as np
import pandas as pd


def sample_groups(samples: pd.DataFrame) -> np.ndarray:
    """(N,) int64: equal for samples of one patient or, where no patient is known, of one slide.

    samples: samples.csv. A sample of which neither is known is a group of its own.
    """
    patient, slide = samples["patient"].to_numpy(), samples["slide"].to_numpy()
    names = np.where(patient != "", "p" + patient, np.where(slide != "", "s" + slide, "i" + samples["sample_id"]))
    return np.unique(names.astype(str), return_inverse=True)[1].astype(np.int64)
