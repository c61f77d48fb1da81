"""Images that have changed or disappeared since the study was imported."""

from collections.abc import Mapping

from overread.records import Finding
from overread.studies.changed_images import CHANGED, MISSING


def check_changed(changed: Mapping[str, str]) -> list[Finding]:
    """changed: of `changed_images`."""
    findings = []
    for kind, severity, state, what in (
        (
            "changed_image",
            "error",
            CHANGED,
            "have changed since they were imported: labels and verdicts may belong to other images; import with "
            "--update",
        ),
        ("missing_image", "warning", MISSING, "are no longer where they were imported from; restore them"),
    ):
        ids = tuple(key for key, found in changed.items() if found == state)
        if ids:
            findings.append(Finding(kind, severity, len(ids), f"{len(ids):,} images {what}", ids))
    return findings
