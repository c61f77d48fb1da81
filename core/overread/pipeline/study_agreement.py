"""How far a study's raters and readers agree: with each other, with the given labels, and with themselves."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from overread.checks.agreement import GIVEN_LABEL, NUM_RESAMPLES, Agreement, PairAgreement, study_agreement
from overread.checks.consistency import reader_consistency
from overread.checks.reader_labels import PREFIX, reader_labels
from overread.errors import TooFewRatersError
from overread.pipeline.study_ledger import open_ledger
from overread.review.adjudication import independent_decisions
from overread.review.ledger import Ledger
from overread.review.repeats import repeats
from overread.studies.sample_groups import sample_groups
from overread.studies.study import Study

RATERS, READERS = "raters", "readers"


@dataclass(frozen=True)
class StudyAgreement:
    """The agreement of all who labelled a study's samples."""

    everyone: Agreement
    panels: dict[str, Agreement]
    """Of RATERS alone and of READERS alone, where there are both kinds and two or more of that kind."""
    consistency: list[PairAgreement]
    """Of each reader's first with their second labels, of samples that came again."""
    num_blind: int
    """Labels of readers that were read blind."""
    num_reader_labels: int

    @property
    def readers(self) -> list[str]:
        """The columns of the readers among the raters."""
        return [name for name in self.everyone.raters if name.startswith(PREFIX)]

    @property
    def between_readers(self) -> Agreement | None:
        """Of the readers alone; None for fewer than two."""
        if len(self.readers) < 2:
            return None
        return self.panels.get(READERS, self.everyone)

    def values(self) -> dict[str, Any]:
        """As plain values; what is not defined is NaN."""
        return asdict(self.everyone) | {
            "num_blind": self.num_blind,
            "num_reader_labels": self.num_reader_labels,
            "consistency": [asdict(pair) for pair in self.consistency],
            "panels": {panel: asdict(found) for panel, found in self.panels.items()},
        }


def measure_agreement(
    study: Study, *, ledger: Ledger | None = None, num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> StudyAgreement:
    """Of labels that were found independently: what was decided once a round was opened does not count. Intervals come
    from resampling whole patients and slides. ledger: the study's, where it is open already.

    Raises TooFewRatersError where fewer than two raters and readers labelled anything.
    """
    samples, ledger = study.samples(), ledger or open_ledger(study)
    groups, settings = sample_groups(samples), {"num_resamples": num_resamples, "seed": seed}
    of_readers, num_blind = reader_labels(samples, independent_decisions(ledger), ledger.readings())
    labelled = samples.join(of_readers)
    panels = {}
    if of_readers.shape[1] and len(study.rater_names) > 1:
        panels[RATERS] = list(study.rater_names)
    if study.rater_names and of_readers.shape[1] > 1:
        panels[READERS] = list(of_readers)
    return StudyAgreement(
        everyone=study_agreement(labelled, [*study.rater_names, *of_readers], study.classes, groups, **settings),
        panels={
            panel: study_agreement(labelled, names, study.classes, groups, **settings)
            for panel, names in panels.items()
        },
        consistency=reader_consistency(samples, repeats(ledger.history()), study.classes, groups, **settings),
        num_blind=num_blind,
        num_reader_labels=int((of_readers != "").to_numpy().sum()),
    )


def without_names(found: StudyAgreement, raters: tuple[str, ...], pseudonym: Callable[[str], str]) -> StudyAgreement:
    """The same with "rater 1", "rater 2" ... for `raters`, the source's, and pseudonyms for the readers."""
    names = {name: f"rater {number}" for number, name in enumerate(raters, start=1)} | {GIVEN_LABEL: GIVEN_LABEL}

    def renamed(name: str) -> str:
        return names.get(name) or pseudonym(name.removeprefix(PREFIX))

    def of_pairs(pairs: tuple[PairAgreement, ...]) -> tuple[PairAgreement, ...]:
        return tuple(replace(pair, first=renamed(pair.first), second=renamed(pair.second)) for pair in pairs)

    def of_panel(panel: Agreement) -> Agreement:
        return replace(panel, raters=tuple(map(renamed, panel.raters)), pairs=of_pairs(panel.pairs))

    return replace(
        found,
        everyone=of_panel(found.everyone),
        panels={name: of_panel(panel) for name, panel in found.panels.items()},
        consistency=[replace(pair, first=pseudonym(pair.first)) for pair in found.consistency],
    )


def agreement_if_any(study: Study, *, num_resamples: int = NUM_RESAMPLES) -> StudyAgreement | None:
    """`measure_agreement`; None where fewer than two labelled anything."""
    try:
        return measure_agreement(study, num_resamples=num_resamples)
    except TooFewRatersError:
        return None
