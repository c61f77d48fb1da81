"""How far raters agree beyond chance, with intervals from resampling whole patients or slides.

Sources: Cohen 1960, "A coefficient of agreement for nominal scales"; Fleiss 1971, "Measuring nominal scale agreement
among many raters"; Krippendorff 2011, "Computing Krippendorff's alpha-reliability" (nominal).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from overread.errors import StudyError
from overread.records import Finding

MISSING = -1
NUM_RESAMPLES = 1000
LEVEL = 0.95
WEAK_AGREEMENT = 0.6
"""Fleiss' kappa below which agreement is no more than moderate (Landis and Koch 1977)."""
GIVEN_LABEL = "given label"


@dataclass(frozen=True)
class Estimate:
    """A coefficient, 1 for full agreement and 0 for chance, and its bootstrap interval; NaN where not defined."""

    value: float
    low: float
    high: float
    num_samples: int
    """Samples that it was computed from."""


@dataclass(frozen=True)
class PairAgreement:
    """Cohen's kappa of two raters, over the samples that both rated."""

    first: str
    second: str
    kappa: Estimate
    share_equal: float
    """Share of these samples that both gave the same label."""


@dataclass(frozen=True)
class Agreement:
    """How far a study's raters agree."""

    raters: tuple[str, ...]
    pairs: tuple[PairAgreement, ...]
    """Every two raters, then every rater with the given label."""
    fleiss_kappa: Estimate
    """Over the samples that every rater rated."""
    krippendorff_alpha: Estimate
    """Over the samples that two raters or more rated."""
    num_disputed: int
    """Samples on which those who rated do not all agree."""
    num_groups: int
    """Patients or slides that were resampled: those with a rated sample."""
    share_disputed: dict[str, float]
    """By given label: the share of its samples, rated by two or more, that are disputed."""


def rater_agreement(
    raters: Sequence[str],
    ratings: np.ndarray,
    given: np.ndarray,
    groups: np.ndarray,
    classes: Sequence[str],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """Agreement of R raters on N samples.

    ratings: (N, R) int64, class indices or `MISSING`; given: (N,) int64 class indices; groups: (N,) int64, equal for
    samples of one patient or slide: these are resampled whole; classes: K names.
    """
    is_rated = (ratings != MISSING).any(axis=1)
    ratings, given, groups = ratings[is_rated], given[is_rated], groups[is_rated]
    resamples = Resamples(groups, num_resamples, seed)
    columns = {name: ratings[:, place] for place, name in enumerate(raters)}
    pairs = [(a, b, columns[a], columns[b]) for a, b in combinations(raters, 2)]
    pairs += [(name, GIVEN_LABEL, column, given) for name, column in columns.items()]
    counts = (ratings[:, :, None] == np.arange(len(classes))).sum(axis=1)
    num_rated = counts.sum(axis=1)
    is_shared = num_rated > 1
    is_disputed = is_shared & (counts.max(axis=1) < num_rated)
    by_label = {name: is_shared & (given == number) for number, name in enumerate(classes)}
    return Agreement(
        raters=tuple(raters),
        pairs=tuple(_pair(*pair, len(classes), resamples) for pair in pairs),
        fleiss_kappa=resamples.estimate(
            fleiss_kappa, fleiss_terms(counts, len(raters)), int((num_rated == len(raters)).sum())
        ),
        krippendorff_alpha=resamples.estimate(krippendorff_alpha, krippendorff_terms(counts), int(is_shared.sum())),
        num_disputed=int(is_disputed.sum()),
        num_groups=resamples.num_groups,
        share_disputed={name: float(is_disputed[here].mean()) for name, here in by_label.items() if here.any()},
    )


def _pair(
    first: str, second: str, a: np.ndarray, b: np.ndarray, num_classes: int, resamples: "Resamples"
) -> PairAgreement:
    is_both = (a != MISSING) & (b != MISSING)
    kappa = resamples.estimate(cohen_kappa, cohen_terms(a, b, num_classes), int(is_both.sum()))
    return PairAgreement(first, second, kappa, float((a == b)[is_both].mean()) if is_both.any() else float("nan"))


def study_agreement(
    samples: pd.DataFrame, raters: Sequence[str], classes: Sequence[str], groups: np.ndarray, **settings: int
) -> Agreement:
    """The same from samples.csv, with a column for each rater. A rater's label that is no class of the study counts
    as a class of its own.

    Raises StudyError where there are fewer than two raters.
    """
    if len(raters) < 2:
        raise StudyError(
            f"there are labels of {len(raters)} raters and readers, and agreement needs two; import the study with "
            "--update and --rater-column NAME for each rater, or have a second reader review it"
        )
    found = pd.unique(samples[list(raters)].to_numpy().ravel())
    known = [*classes, *sorted(set(found) - set(classes) - {""})]
    ratings = rating_codes(samples, raters, known)
    given = rating_codes(samples, ["given_label"], known)[:, 0]
    return rater_agreement(raters, ratings, given, groups, known, **settings)


def rating_codes(samples: pd.DataFrame, raters: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """(N, R) int64: the raters' columns as class indices; `MISSING` where there is no label, or none of the classes."""
    codes = {name: number for number, name in enumerate(classes)}
    columns = [samples[name].map(codes).fillna(MISSING).to_numpy(dtype=np.int64) for name in raters]
    return np.stack(columns, axis=1)


def check_agreement(samples: pd.DataFrame, agreement: Agreement) -> list[Finding]:
    """A finding on how far the raters agree. samples: samples.csv, with the raters' columns."""
    ratings = samples[list(agreement.raters)].to_numpy()
    is_disputed = np.array([len(set(row) - {""}) > 1 for row in ratings])
    if not np.isfinite(agreement.krippendorff_alpha.value):
        return []
    between = [pair for pair in agreement.pairs if pair.second != GIVEN_LABEL]
    kappas = ", ".join(f"{pair.first} and {pair.second} {pair.kappa.value:.3f}" for pair in between)
    kappa = agreement.fleiss_kappa.value
    fleiss = f", Fleiss' kappa {kappa:.3f}" if np.isfinite(kappa) else ""
    message = (
        f"raters disagree on {agreement.num_disputed} samples (Cohen's kappa: {kappas}{fleiss}, "
        f"Krippendorff's alpha {agreement.krippendorff_alpha.value:.3f})"
    )
    if agreement.share_disputed:
        worst, share = max(agreement.share_disputed.items(), key=lambda item: item[1])
        message += f"; most often on {worst} ({share:.1%} of its samples)" if share > 0 else ""
    severity = "warning" if agreement.krippendorff_alpha.value < WEAK_AGREEMENT else "info"
    ids = tuple(samples.loc[is_disputed, "sample_id"])
    return [Finding("rater_agreement", severity, agreement.num_disputed, message, ids)]


class Resamples:
    """Bootstrap resamples of whole groups, the same ones for every coefficient."""

    def __init__(self, groups: np.ndarray, num_resamples: int, seed: int) -> None:
        names, self._group_of = np.unique(groups, return_inverse=True)
        self.num_groups = len(names)
        self._rng_seed, self._num_resamples = seed, num_resamples

    def estimate(
        self, coefficient: Callable[[np.ndarray], np.ndarray], terms: np.ndarray, num_samples: int
    ) -> Estimate:
        """A coefficient and its percentile interval. terms: (N, T), of each sample; it is a function of their sums."""
        by_group = np.zeros((self.num_groups, terms.shape[1]))
        np.add.at(by_group, self._group_of, terms)
        rng = np.random.default_rng(self._rng_seed)
        sums = np.empty((self._num_resamples, terms.shape[1]))
        for row in range(self._num_resamples):
            drawn = rng.integers(0, self.num_groups, self.num_groups)
            sums[row] = np.bincount(drawn, minlength=self.num_groups) @ by_group
        with np.errstate(divide="ignore", invalid="ignore"):  # not defined: NaN
            value, resampled = float(coefficient(by_group.sum(axis=0))), coefficient(sums)
        resampled = resampled[np.isfinite(resampled)]
        tail = 100 * (1 - LEVEL) / 2
        low, high = np.percentile(resampled, [tail, 100 - tail]) if len(resampled) else (float("nan"), float("nan"))
        return Estimate(value, float(low), float(high), num_samples)


def cohen_terms(first: np.ndarray, second: np.ndarray, num_classes: int) -> np.ndarray:
    """(N, 2K + 1) float64 of each sample that both rated: each rater's label one-hot, and whether they agree."""
    labels = np.arange(num_classes)
    agree = (first == second)[:, None]
    terms = np.concatenate([first[:, None] == labels, second[:, None] == labels, agree], axis=1).astype(np.float64)
    return terms * ((first != MISSING) & (second != MISSING))[:, None]


def fleiss_terms(counts: np.ndarray, num_raters: int) -> np.ndarray:
    """(N, K + 2) float64 of each sample that all R rated: its counts by label, its share of pairs that agree, and 1.

    counts: (N, K), how many raters gave each sample each label.
    """
    shares = (counts * (counts - 1)).sum(axis=1) / max(num_raters * (num_raters - 1), 1)
    terms = np.concatenate([counts, shares[:, None], np.ones((len(counts), 1))], axis=1)
    return terms * (counts.sum(axis=1) == num_raters)[:, None]


def krippendorff_terms(counts: np.ndarray) -> np.ndarray:
    """(N, K + 1) float64 of each sample that two or more rated: its counts by label, and the trace of its
    coincidence matrix."""
    num_rated = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / np.maximum(num_rated - 1, 1)
    return np.concatenate([counts, agreeing[:, None]], axis=1) * (num_rated > 1)[:, None]


def cohen_kappa(sums: np.ndarray) -> np.ndarray:
    """(...) from sums of `cohen_terms`, (..., 2K + 1); NaN where chance alone would always agree."""
    num_classes = sums.shape[-1] // 2
    first, second, agreeing = sums[..., :num_classes], sums[..., num_classes:-1], sums[..., -1]
    total = first.sum(axis=-1)
    expected = (first * second).sum(axis=-1) / total**2
    return (agreeing / total - expected) / (1 - expected)


def fleiss_kappa(sums: np.ndarray) -> np.ndarray:
    """(...) from sums of `fleiss_terms`, (..., K + 2)."""
    counts, agreeing, num_samples = sums[..., :-2], sums[..., -2], sums[..., -1]
    expected = (counts**2).sum(axis=-1) / counts.sum(axis=-1) ** 2
    return (agreeing / num_samples - expected) / (1 - expected)


def krippendorff_alpha(sums: np.ndarray) -> np.ndarray:
    """(...) from sums of `krippendorff_terms`, (..., K + 1)."""
    counts, agreeing = sums[..., :-1], sums[..., -1]
    total = counts.sum(axis=-1)
    expected_disagreement = 1 - (counts * (counts - 1)).sum(axis=-1) / (total * (total - 1))
    return 1 - (1 - agreeing / total) / expected_disagreement
