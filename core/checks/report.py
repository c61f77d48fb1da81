"""All checks of a study, the gravest finding first."""

from core.checks.classes import check_classes, check_quarantine
from core.checks.duplicates import check_duplicates, duplicate_groups
from core.checks.leaks import check_names, check_splits
from core.datasets.study import Study
from core.errors import StudyError
from core.images.cache import open_cache
from core.records import Finding

_SEVERITIES = ("error", "warning", "info")


def check_study(study: Study) -> list[Finding]:
    """What is wrong, or may be, with the data of a study. Messages name neither files nor patients."""
    samples = study.samples()
    findings = [
        *check_names(samples),
        *check_splits(samples),
        *check_classes(samples, study.classes),
        *check_quarantine(study.quarantine()),
    ]
    try:
        cache = open_cache(study.pixels_path)
    except StudyError:
        findings.append(Finding("not_checked", "info", 0, "duplicates were not looked for: there is no pixel cache"))
    else:
        findings += check_duplicates(samples, duplicate_groups(cache.pixels, cache.keys))
    return sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))
