"""Find label errors in any dataset: features and labels in, one row per label out."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from overread.detection.array_inputs import class_numbers, index_of, number_table, value_column
from overread.detection.detection_data import DetectionData
from overread.detection.error_table import error_table
from overread.detection.judgement import judge
from overread.detection.linked_groups import ALONE, linked_groups
from overread.detection.neighbours import nearest_neighbours
from overread.detection.proposal_kinds import isolation, proposal_kinds
from overread.detection_settings import DetectionSettings
from overread.errors import ConfigError


def find_label_errors(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    votes: ArrayLike | None = None,
    duplicate_groups: ArrayLike | None = None,
    classes: Sequence[Hashable] | None = None,
    settings: DetectionSettings | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Find labels that are probably wrong, from features of the images.

    It trains linear classifiers on the features, out of fold, models the label noise, and gives each label a calibrated
    probability of being wrong. It needs no study, no GPU and no torch, and takes a few seconds for a few thousand
    samples.

    Parameters
    ----------
    features : array-like of shape (N, D), numeric
        One row per sample: embeddings from any encoder. Finite, N >= 2. A DataFrame's index becomes the result's.
    labels : array-like of shape (N,), integers or strings
        The given labels, with at least two classes. A Series' index becomes the result's, unless the features have one.
    groups : array-like of shape (N,), optional
        The same value for samples that are not independent, such as those of one patient or slide: they are never used
        to score each other. Missing (None or NaN) for a single sample. Default: all samples are independent.
    votes : array-like of shape (N, R), optional
        Labels by R individual raters, which count in addition to the given label. Missing: None, NaN, or "" among
        strings and -1 among integers.
    duplicate_groups : array-like of shape (N,), optional
        The same value for near-duplicates, whose labels are compared; missing, or -1, for a sample without any.
        Near-duplicates are also kept in one group.
    classes : sequence of K labels, optional
        The possible labels, in any order. Default: those that occur.
    settings : DetectionSettings, optional
        How labels are scored. Default: as by the overread preset. `features` and `use_raters` of `settings.refinement`
        are ignored: the features are given, and votes are used if they are given.
    seed : int, at least 0
        The same seed gives the same result.

    Returns
    -------
    pandas.DataFrame of N rows in the order of `labels`, indexed by position or by the index of the input
        label_quality : float in [0, 1], low where the label is probably wrong; 1 - error_probability, to sort by as
            with cleanlab.
        error_probability : float in [0, 1], high where the label is probably wrong.
        given_label : the label as given.
        suggested_label : the most likely other class where is_proposed, else the given label.
        is_proposed : bool, whether the label should be reviewed. The expected precision of the proposals is
            `settings.refinement.min_precision` (0.8) or more, unless that would leave almost none.
        kind : str, of a proposal: "relabel" (another class fits), "ambiguous" (two classes fit), "outlier" (the image
            looks unlike the others) or "duplicate" (a near-duplicate has another label); else "".

    If the features predict the labels no better than chance, or a single group contains all samples, no label can be
    scored: every error_probability is 0 and nothing is proposed.

    Raises
    ------
    ConfigError
        For invalid input, saying what was found and what is expected: a wrong shape or length, NaN or infinity,
        a missing label, a single class, a label that is not among `classes`, settings out of range.

    Source: core/docs/method.md; core/docs/results/detection.md compares it with other methods.

    Example
    -------
    Three classes of 100 samples each, 10 of which are cats labelled "dog":

    >>> import numpy as np
    >>> from overread import find_label_errors
    >>> rng = np.random.default_rng(0)
    >>> true = np.repeat(["cat", "dog", "eel"], 100)
    >>> features = 6 * np.eye(3, 8)[np.repeat([0, 1, 2], 100)] + rng.normal(size=(300, 8))
    >>> labels = true.copy()
    >>> labels[:10] = "dog"
    >>> found = find_label_errors(features, labels)
    >>> proposed = found[found["is_proposed"]]
    >>> proposed.index.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    >>> proposed["suggested_label"].unique().tolist()
    ['cat']
    """
    settings = _checked_settings(settings, seed, has_votes=votes is not None)
    table = number_table("features", features, columns="D", min_columns=1)
    given, names = class_numbers(labels, classes, num_samples=len(table))
    duplicates = _group_numbers("duplicate_groups", duplicate_groups, len(table), is_alone=ALONE)
    linked = linked_groups([_group_numbers("groups", groups, len(table), is_alone=None), duplicates])
    data = DetectionData(
        features=table,
        given=given,
        groups=linked,
        is_trained=np.ones(len(table), dtype=bool),
        num_classes=len(names),
        votes=None if votes is None else _vote_numbers(votes, names, num_samples=len(table)),
        duplicate_groups=duplicates,
    )
    judgement = judge(data, settings, seed=seed)
    _, similarities = nearest_neighbours(table, linked, settings.proposals.isolation_neighbour, settings.neighbours)
    kinds = proposal_kinds(
        judgement.probs,
        given,
        judgement.proposed,
        isolation(similarities, settings.proposals),
        duplicates,
        settings.proposals,
    )
    return error_table(judgement.probs, given, judgement.proposed, names, kinds, index=index_of(features, labels))


def _checked_settings(settings: DetectionSettings | None, seed: int, *, has_votes: bool) -> DetectionSettings:
    settings = DetectionSettings() if settings is None else settings
    if not isinstance(settings, DetectionSettings):
        raise ConfigError(f"settings: found {type(settings).__name__}, must be a DetectionSettings")
    if not settings.refinement.num_folds:
        raise ConfigError("settings: refinement.num_folds is 0, which turns self-training off; must be at least 2")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ConfigError(f"seed: found {seed!r}, must be an integer, at least 0")
    return replace(settings, refinement=replace(settings.refinement, use_raters=has_votes))


def _vote_numbers(votes: ArrayLike, names: np.ndarray, *, num_samples: int) -> np.ndarray:
    """(N, R) int64, -1 where a rater gave none."""
    table = pd.DataFrame(votes) if np.ndim(votes) == 2 else None
    if table is None or len(table) != num_samples:
        raise ConfigError(f"votes: found shape {np.shape(votes)}, must be ({num_samples}, R), a column for each rater")
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.full(table.shape, -1, dtype=np.int64)
    for rater in range(table.shape[1]):
        for row, vote in enumerate(table.iloc[:, rater].tolist()):
            if vote in number_of:
                numbers[row, rater] = number_of[vote]
            elif not (pd.isna(vote) or vote == "" or vote == -1):
                raise ConfigError(f"votes: row {row} of rater {rater} is {vote!r}, which is not among {list(names)}")
    return numbers


def _group_numbers(name: str, values: ArrayLike | None, num_samples: int, *, is_alone: int | None) -> np.ndarray:
    """(N,) int64, equal where the values are; -1 where one is missing or equals `is_alone`."""
    if values is None:
        return np.full(num_samples, ALONE, dtype=np.int64)
    column = value_column(name, values, num_samples)
    numbers, _ = pd.factorize(column)  # -1 where missing
    numbers = numbers.astype(np.int64)
    if is_alone is not None:
        numbers[(column == is_alone).fillna(False).to_numpy(dtype=bool)] = ALONE
    return numbers
