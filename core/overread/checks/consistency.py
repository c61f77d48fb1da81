"""How far readers agree with themselves, on samples that came twice without their being told."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from overread.checks.agreement import NUM_RESAMPLES, PairAgreement, pair_agreement
from overread.checks.agreement_coefficients import Resamples
from overread.review.repeats import Repeat


def reader_consistency(
    samples: pd.DataFrame,
    repeats: Iterable[Repeat],
    classes: Sequence[str],
    groups: np.ndarray,
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> list[PairAgreement]:
    """The agreement of each reader's first with their second labels; `first` is the reader, `second` is "again".

    samples: samples.csv; groups: (N,) int64, of its rows, as of `rater_agreement`. Repeats of samples that the study no
    longer has are left out, and so are readers without any other.
    """
    places = {sample_id: place for place, sample_id in enumerate(samples["sample_id"])}
    known: dict[str, list[Repeat]] = {}
    for repeat in repeats:
        if repeat.sample_id in places:
            known.setdefault(repeat.reader, []).append(repeat)
    found = []
    for reader, of_reader in sorted(known.items()):
        labels = {label for repeat in of_reader for label in (repeat.first_label, repeat.second_label)}
        names = [*classes, *sorted(labels - set(classes))]
        numbers = {name: number for number, name in enumerate(names)}
        first = np.array([numbers[repeat.first_label] for repeat in of_reader])
        second = np.array([numbers[repeat.second_label] for repeat in of_reader])
        resamples = Resamples(groups[[places[repeat.sample_id] for repeat in of_reader]], num_resamples, seed)
        found.append(pair_agreement(reader, "again", first, second, names, resamples))
    return found
