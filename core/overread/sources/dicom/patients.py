"""Takes the patients of a folder per class, or of a table of paths, from the tag PatientID of its DICOM files."""

from dataclasses import replace
from pathlib import Path

from overread.images.location import split_frame
from overread.images.remote import is_remote
from overread.records import Source
from overread.sources.dicom.headers import read_headers
from overread.sources.image_paths import normal_path, path_fault

_NUM_LOOKED_AT = 50
"""Files from all over the source: if none of them is DICOM, the headers of the others aren't read."""
_PATIENT_ID = "(0010,0020)"
"""By number, for a source without DICOM files is read without pydicom."""


def with_patients(source: Source) -> Source:
    """The source with patients from its DICOM files' PatientID; unchanged if it names patients already.

    Files behind URLs are not downloaded for this.
    """
    if any(row.patient for row in source.rows):
        return source
    of_row = [split_frame(normal_path(row.image))[0] for row in source.rows]
    files = sorted({file for file in of_row if not (path_fault(file) or is_remote(file))})
    root = Path(source.root)
    looked_at = read_headers(root, files[:: len(files) // _NUM_LOOKED_AT + 1], (_PATIENT_ID,))
    if not any(header.is_dicom for header in looked_at):
        return source
    patients = {header.file: header.values[0] for header in read_headers(root, files, (_PATIENT_ID,))}
    if not any(patients.values()):
        return source
    rows = tuple(replace(row, patient=patients.get(file, "")) for row, file in zip(source.rows, of_row, strict=True))
    return replace(source, rows=rows, messages=(*source.messages, "patients were taken from the tag PatientID"))
