"""Finds DICOM files marked as having text burned into their pixels, which may name patients."""

from pathlib import Path

from overread.records import Finding
from overread.sources.dicom.headers import read_headers
from overread.studies.study import Study

MAX_CHECKED = 1_000
"""Images whose headers are read before a page opens: a second or so."""
SAYS_BURNED_IN = "are marked as having text burned into their pixels, which may name patients"
SAYS_UNKNOWN = "do not say whether text is burned into their pixels: check some of them"


def find_burned_in(study: Study) -> list[Finding]:
    """Whether BurnedInAnnotation (PS3.3 C.7.6.1.1) is YES, or absent, in the study's DICOM files on this machine.

    Of a larger study, MAX_CHECKED images from all over it are checked; `check_headers` checks every one.
    """
    samples = study.samples()
    step = max(-(-len(samples) // MAX_CHECKED), 1)
    located = [(row.sample_id, study.image_location(row.image)) for row in samples[::step].itertuples()]
    local = [(sample_id, location.place) for sample_id, location in located if not location.is_remote]
    headers = read_headers(Path("/"), [place for _, place in local], ("BurnedInAnnotation",))
    said = {
        sample_id: header.values[0].upper()
        for (sample_id, _), header in zip(local, headers, strict=True)
        if header.is_dicom
    }
    yes = [sample_id for sample_id, value in said.items() if value == "YES"]
    silent = [sample_id for sample_id, value in said.items() if value not in ("YES", "NO")]
    of_all = f"of {len(said):,} DICOM images" + (" checked" if step > 1 else "")
    return [
        Finding(kind, severity, len(found), f"{len(found):,} {of_all} {what}", tuple(found))
        for kind, severity, found, what in (
            ("burned_in", "error", yes, SAYS_BURNED_IN),
            ("burned_in_unknown", "warning", silent, SAYS_UNKNOWN),
        )
        if found
    ]
