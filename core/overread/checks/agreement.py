"""How far raters agree beyond chance, with intervals from resampling whole patients or slides.

The coefficients and their sources: agreement_coefficients.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from overread.checks.agreement_coefficients import (
    MISSING,
    Estimate,
    Resamples,
    class_terms,
    cohen_kappa,
    cohen_terms,
    fleiss_kappa,
    fleiss_terms,
    krippendorff_alpha,
    krippendorff_terms,
    pabak,
    positive_and_negative_agreement,
)
from overread.errors import TooFewRatersError
from overread.records import Finding

NUM_RESAMPLES = 1000
WEAK_AGREEMENT = 0.6
"""Fleiss' kappa below which agreement is no more than moderate (Landis and Koch 1977)."""
GIVEN_LABEL = "given label"


@dataclass(frozen=True)
class ClassAgreement:
    """How far two raters agree on one label."""

    label: str
    positive: Estimate
    """How often one gives it where the other one does, 0 to 1."""
    negative: Estimate
    """How often one does not give it where the other one does not, 0 to 1."""


@dataclass(frozen=True)
class PairAgreement:
    """How far two raters agree, over the samples that both rated."""

    first: str
    second: str
    kappa: Estimate
    """Cohen's."""
    pabak: Estimate
    """Kappa adjusted for prevalence and bias."""
    by_class: tuple[ClassAgreement, ...]
    """The labels that either of them gave."""
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
        pairs=tuple(pair_agreement(*pair, classes, resamples) for pair in pairs),
        fleiss_kappa=resamples.estimate(
            fleiss_kappa, fleiss_terms(counts, len(raters)), int((num_rated == len(raters)).sum())
        ),
        krippendorff_alpha=resamples.estimate(krippendorff_alpha, krippendorff_terms(counts), int(is_shared.sum())),
        num_disputed=int(is_disputed.sum()),
        num_groups=resamples.num_groups,
        share_disputed={name: float(is_disputed[here].mean()) for name, here in by_label.items() if here.any()},
    )


def pair_agreement(
    first: str, second: str, a: np.ndarray, b: np.ndarray, classes: Sequence[str], resamples: Resamples
) -> PairAgreement:
    """Of two raters. a, b: (N,) int64, class indices or `MISSING`, of the samples whose groups `resamples` draws."""
    is_both = (a != MISSING) & (b != MISSING)
    num_both, terms = int(is_both.sum()), cohen_terms(a, b, len(classes))
    of_classes = resamples.estimates(positive_and_negative_agreement, class_terms(a, b, len(classes)), num_both)
    is_given = [bool(((a == label) | (b == label))[is_both].any()) for label in range(len(classes))]
    return PairAgreement(
        first,
        second,
        kappa=resamples.estimate(cohen_kappa, terms, num_both),
        pabak=resamples.estimate(pabak, terms, num_both),
        by_class=tuple(
            ClassAgreement(name, of_classes[label], of_classes[label + len(classes)])
            for label, name in enumerate(classes)
            if is_given[label]
        ),
        share_equal=float((a == b)[is_both].mean()) if is_both.any() else float("nan"),
    )


def study_agreement(
    samples: pd.DataFrame, raters: Sequence[str], classes: Sequence[str], groups: np.ndarray, **settings: int
) -> Agreement:
    """The same from samples.csv, with a column for each rater. A rater's label that is no class of the study counts
    as a class of its own.

    Raises TooFewRatersError where there are fewer than two.
    """
    if len(raters) < 2:
        raise TooFewRatersError(
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
