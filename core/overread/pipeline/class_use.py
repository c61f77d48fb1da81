"""Raters of the source and readers of the ledger who use a class far less than the others."""

from overread.checks.agreement import rating_codes
from overread.checks.class_use import RareClass, rare_classes
from overread.checks.reader_labels import reader_labels
from overread.pipeline.study_ledger import open_ledger
from overread.studies.sample_groups import sample_groups
from overread.studies.study import Study


def study_rare_classes(study: Study) -> list[RareClass]:
    """By `rare_classes`; a reader's name follows the word reader. Raises LedgerError where the ledger is damaged."""
    samples, ledger = study.samples(), open_ledger(study)
    readers, _ = reader_labels(samples, ledger.decisions(), ledger.readings())
    raters = [*study.rater_names, *readers]
    if len(raters) < 2:
        return []
    ratings = rating_codes(samples.join(readers), raters, study.classes)
    return rare_classes(raters, ratings, sample_groups(samples), study.classes)
