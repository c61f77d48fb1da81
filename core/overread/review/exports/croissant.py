"""Croissant metadata for the cleaned CSV: its description, its checksum, and the meaning of its columns.

Source: the Croissant format specification 1.0 (MLCommons), http://mlcommons.org/croissant/1.0.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from overread.files import write_atomically
from overread.review.cleaned_csv import COLUMNS, PROBABILITY_COLUMN, SHARE_PREFIX
from overread.review.exports import plain_csv
from overread.review.exports.export_format import ExportContent, ExportFormat

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The specification's, as it asks for."""
_MEANINGS = {
    "final_label": ("sc:Text", "The label to use; empty where a reader excluded the image."),
    "is_changed": ("sc:Boolean", "Whether the final label differs from the source's."),
    "verdict": (
        "sc:Text",
        "What readers decided: accept, reject, relabel, ambiguous, exclude, cannot_judge; disputed where they differ; "
        "quarantined where the row could not be used; outdated where the source has changed the label or the image "
        "since; empty where nobody has decided.",
    ),
    "label_error_probability": ("sc:Float", "From 0 to 1: how probably the source's label is wrong."),
    "proposed_label": ("sc:Text", "What was proposed instead of the source's label; empty where nothing was."),
    "reader": ("sc:Text", "Who decided."),
    "decided_at": ("sc:Text", "When, in UTC (ISO 8601)."),
    "note": ("sc:Text", "What readers wrote to their decision."),
    "run": ("sc:Text", "The training whose proposal it was."),
    "reader_identity": (
        "sc:Text",
        "How the reader was identified: self-declared (a typed name), password or provider.",
    ),
    "blind_reading": ("sc:Text", "What readers labelled the image alone, before they saw any label."),
    "read_by": ("sc:Text", "Who read it so."),
    "read_at": ("sc:Text", "When, in UTC (ISO 8601)."),
    "discrepancy_grade": (
        "sc:Text",
        "How grave each reader found the error: many or few readers would miss it, of minor or major consequence.",
    ),
    "overread_version": ("sc:Text", "The version and commit of Overread that wrote this."),
    "ledger_head": ("sc:Text", "The newest row of the review ledger when this was written: study, number, hash."),
    "policy": (
        "sc:Text",
        "What counts where readers differ: unanimous, majority, adjudicated, dawid-skene or soft.",
    ),
    PROBABILITY_COLUMN: ("sc:Float", "From 0 to 1: how probably the final label is right, by how each reader labels."),
}


def croissant_path(csv: Path) -> Path:
    """The path of a CSV's metadata, beside it."""
    return csv.with_suffix(".croissant.json")


def write_croissant(
    csv: Path,
    *,
    name: str,
    classes: Sequence[str],
    image_column: str,
    label_column: str,
    own_columns: Sequence[str],
    added: Sequence[str] = COLUMNS,
) -> None:
    """Write the metadata beside the cleaned CSV, which must exist.

    name: of the dataset. own_columns: the names that the CSV gives to the columns `added`. Of the source's columns
    the image's and the label's are described: what the others mean, the source alone knows.
    """
    meanings = {
        image_column: ("sc:Text", "The image, as the source names it."),
        label_column: ("sc:Text", "The label as the source has it."),
        **{own: _meaning(column) for column, own in zip(added, own_columns, strict=True)},
    }
    content = csv.read_bytes()
    metadata = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": (
            f"Labels of images ({', '.join(classes)}), reviewed with Overread: those that were probably wrong were "
            "found by a model trained on the dataset itself and decided by readers. The images are not part of it."
        ),
        "datePublished": f"{datetime.now(UTC):%Y-%m-%d}",
        "rai:dataAnnotationProtocol": (
            "A model proposes another label where the given one is probably wrong; a reader accepts, rejects or "
            "relabels, or excludes the image. Every verdict is kept, with its reader, time and the probability shown."
        ),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "cleaned-csv",
                "name": csv.name,
                "contentUrl": csv.name,
                "contentSize": f"{len(content)} B",
                "encodingFormat": "text/csv",
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "labels",
                "name": "labels",
                "description": "A record for each row of the source.",
                "field": [_field(column, *meaning) for column, meaning in meanings.items()],
            }
        ],
    }
    write_atomically(croissant_path(csv), json.dumps(metadata, indent=2, ensure_ascii=False) + "\n")


def _meaning(column: str) -> tuple[str, str]:
    if column.startswith(SHARE_PREFIX):
        return "sc:Float", f"From 0 to 1: the share of {column.removeprefix(SHARE_PREFIX)} among the readers' labels."
    return _MEANINGS[column]


def _field(column: str, data_type: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"labels/{column}",
        "name": column,
        "description": description,
        "dataType": data_type,
        "source": {"fileObject": {"@id": "cleaned-csv"}, "extract": {"column": column}},
    }


def _write(content: ExportContent, out: Path) -> None:
    plain_csv.FORMAT.write(content, out)
    write_croissant(
        out,
        name=content.study_name,
        classes=content.classes,
        image_column=content.image_column,
        label_column=content.label_column,
        own_columns=content.own_columns,
        added=content.added,
    )


FORMAT = ExportFormat(
    name="croissant",
    title="Croissant",
    write=_write,
    files=lambda out: [out, croissant_path(out)],
    suffix=".csv",
    explanation="The cleaned CSV, with metadata that give its checksum and the meaning of its columns.",
    names_readers=True,
)
