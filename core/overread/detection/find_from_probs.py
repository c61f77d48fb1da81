"""Find label errors by the class probabilities of any model: no features, no training."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from overread.detection.array_inputs import class_numbers, index_of, number_table
from overread.detection.contradictions import contradicted_share
from overread.detection.error_table import error_table
from overread.detection.judgement import proposed_labels
from overread.detection.linked_groups import ALONE
from overread.detection.noise_matching import fit_judging_noise
from overread.detection.noise_transition import NoiseModel, add_instance_noise
from overread.detection.proposal_kinds import proposal_kinds
from overread.detection_settings import DetectionSettings
from overread.errors import ConfigError

_SUM_TOLERANCE = 0.02
"""What half-precision probabilities of a thousand classes may be off by."""


def find_label_errors_from_probs(
    probs: ArrayLike,
    labels: ArrayLike,
    *,
    classes: Sequence[Hashable] | None = None,
    settings: DetectionSettings | None = None,
) -> pd.DataFrame:
    """Find labels that are probably wrong, from class probabilities that a model gave.

    Use it where a network has been trained already. It models the label noise, estimates how many labels are wrong, and
    takes a second for 50,000 samples. Where you have features too, `find_label_errors` judges more surely: it can tell
    hard images from wrong labels.

    Parameters
    ----------
    probs : array-like of shape (N, K), numeric
        Each row the probabilities of the K classes, by models that were not trained on the sample's label (out of fold,
        or from cross-validation). Rows sum to 1. A DataFrame's index becomes the result's.
    labels : array-like of shape (N,), integers or strings
        The given labels. A Series' index becomes the result's, unless the probabilities have one.
    classes : sequence of K labels, optional
        The classes in the order of the columns. Default: a DataFrame's columns; else 0 to K - 1 for integers, and for
        strings those that occur, sorted.
    settings : DetectionSettings, optional
        Only `noise`, `proposals` and `refinement.min_precision` count.

    Returns
    -------
    pandas.DataFrame
        The same columns as by `find_label_errors`; of the kinds, "relabel" and "ambiguous" alone.

    Raises
    ------
    ConfigError
        For invalid input, saying what was found and what is expected.

    Source: core/docs/method.md; core/docs/results/probabilities.md compares it with cleanlab.

    Example
    -------
    >>> import numpy as np
    >>> from overread import find_label_errors_from_probs
    >>> true = np.repeat(["cat", "dog"], 50)
    >>> probs = np.where((true == "cat")[:, None], [0.9, 0.1], [0.1, 0.9])
    >>> labels = true.copy()
    >>> labels[:5] = "dog"
    >>> found = find_label_errors_from_probs(probs, labels)
    >>> found.index[found["is_proposed"]].tolist()
    [0, 1, 2, 3, 4]
    """
    settings = DetectionSettings() if settings is None else settings
    table = _probability_table(probs)
    given, names = class_numbers(labels, _names(probs, labels, table, classes), num_samples=len(table))
    if len(names) != table.shape[1]:
        raise ConfigError(
            f"probs: found {table.shape[1]} columns for {len(names)} classes; say with `classes` what the columns are"
        )
    noise = fit_noise(table, given, settings)
    posterior = noise.posterior(table, given)
    proposed = proposed_labels(posterior, given, np.ones(len(given), dtype=bool), settings)
    unknown = np.full(len(given), -np.inf), np.full(len(given), ALONE)
    kinds = proposal_kinds(posterior, given, proposed, *unknown, settings.proposals)
    return error_table(posterior, given, proposed, names, kinds, index=index_of(probs, labels))


def fit_noise(probs: np.ndarray, given: np.ndarray, settings: DetectionSettings) -> NoiseModel:
    """The noise model of probabilities (N, K) and labels (N,) that expects as many wrong labels as `contradictions`
    counts, or its own number if that is more."""
    model = fit_judging_noise(probs, given, settings.noise)
    rate = contradicted_share(probs, given).middle
    return add_instance_noise(model, probs, given, error_rate=rate, most=settings.noise.max_instance_noise)


def _probability_table(probs: ArrayLike) -> np.ndarray:
    """(N, K) float32, rows sum to 1."""
    table = number_table("probs", probs, columns="K", min_columns=2)
    sums = table.sum(axis=1)
    is_bad = (table < 0).any(axis=1) | (np.abs(sums - 1) > _SUM_TOLERANCE)
    if is_bad.any():
        row = int(is_bad.argmax())
        raise ConfigError(
            f"probs: row {row} has a sum of {sums[row]:.4g} and {table[row].min():.4g} as its lowest, as do not fit "
            f"{int(is_bad.sum())} rows in all; each must hold probabilities of at least 0 that sum to 1"
        )
    return table / sums[:, None]


def _names(
    probs: ArrayLike, labels: ArrayLike, table: np.ndarray, classes: Sequence[Hashable] | None
) -> Sequence[Hashable] | None:
    if classes is not None:
        return classes
    if isinstance(probs, pd.DataFrame):
        return list(probs.columns)
    return range(table.shape[1]) if pd.api.types.is_integer_dtype(np.asarray(labels).dtype) else None
