"""Reads the paediatric chest X-rays of Kermany et al.: a folder per class, with the patient in the file names.

Source: Kermany et al. 2018, "Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep Learning".
"""

import re
from collections import Counter
from dataclasses import replace

from overread.errors import SourceError
from overread.records import Source
from overread.sources.folder import folder_alone, read_folder
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import SourceFormat

_PNEUMONIA = re.compile(r"(?P<patient>person\d+)_(?P<cause>bacteria|virus)_\d+(?:_\d+)?\.\w+", re.IGNORECASE)
_NORMAL = re.compile(r"(?P<patient>(?:NORMAL2-)?IM-\d+)(?:-\d+){1,2}\.\w+", re.IGNORECASE)
_SHARE = 0.95
"""The share of names that must match Kermany's; people add files of their own."""
_FEW = 20


def is_kermany(source: Source) -> bool:
    """Whether a folder per class holds files named as Kermany's are."""
    num_matches = sum(_match(row.image) is not None for row in source.rows)
    return bool(source.rows) and num_matches >= _SHARE * len(source.rows)


def read_kermany(source: Source) -> Source:
    """A folder per class (or train/val/test with these), with the patient of each image taken from its name.

    person99_bacteria_474.jpeg is from patient person99, NORMAL2-IM-1427-0001.jpeg from NORMAL2-IM-1427. A file with
    another name has no patient, and is counted in the messages. Raises SourceError if no name matches.
    """
    matches = [_match(row.image) for row in source.rows]
    patients = [match["patient"] if match else "" for match in matches]
    if not any(patients):
        raise SourceError(
            f"{source.root}: no file is named as Kermany's are (person1_virus_6.jpeg); try --format folder"
        )
    causes = Counter(match["cause"].lower() for match in matches if match and "cause" in match.re.groupindex)
    cause_counts = ", ".join(f"{count} {cause}" for cause, count in sorted(causes.items()))
    messages = [
        f"the names are those of Kermany's chest X-rays: {len(set(patients) - {''})} patients were taken from them"
        + (f"; the cause they tell as well ({cause_counts}) is not used" if cause_counts else "")
    ]
    if num_others := patients.count(""):
        messages.append(f"{num_others} files have other names, and no patient")
    num_val = sum(row.split == "val" for row in source.rows)
    if 0 < num_val <= _FEW:
        messages.append(f"the val split of {num_val} images is too small to measure anything")
    return replace(
        source,
        format="kermany",
        rows=tuple(replace(row, patient=patient) for row, patient in zip(source.rows, patients, strict=True)),
        messages=(*source.messages, *messages),
    )


def _match(image: str) -> re.Match[str] | None:
    name = image.rsplit("/", 1)[-1]
    return _PNEUMONIA.fullmatch(name) or _NORMAL.fullmatch(name)


def _recognise(files: SourceFiles) -> bool:
    try:
        return files.labels_file is None and is_kermany(read_folder(files.root, files.request))
    except SourceError:  # not a folder per class at all
        return False


FORMAT = SourceFormat(
    name="kermany",
    title="Kermany's chest X-rays",
    recognise=_recognise,
    read=lambda files: read_kermany(read_folder(folder_alone(files, "kermany"), files.request)),
    precedence=80,
)
