"""Tasks for Label Studio: proposals as predictions, readers' decisions as annotations, and the labelling config.

Source: Label Studio's documentation, "Label Studio Task Format" and "Import pre-annotated data".
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr  # nosec B406 # writes

from overread.files import write_atomically
from overread.records import VerdictKind
from overread.review.cleaned_csv import Origin
from overread.review.exports.export_format import ExportFormat
from overread.review.reviewed import ReviewedSample

CONTROL = "label"
"""The name of the <Choices> in the labelling config."""
_IMAGE = "image"
_LOCAL = "/data/local-files/?d="
"""How Label Studio names files below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT."""


def config_path(out: Path) -> Path:
    """The path of the labelling config, beside the tasks."""
    return out.with_suffix(".xml")


def write_label_studio(samples: Sequence[ReviewedSample], classes: Sequence[str], out: Path, *, origin: Origin) -> None:
    """Write a task for each sample into `out`, and the labelling config beside it.

    A task's data holds the image (below the root of local files, which is the source's folder; a URL as it is),
    sample_id, split, given_label, final_label, verdict, reader_identity (as in the cleaned CSV) and the origin. Where
    readers accepted, rejected or relabelled, its annotation is the final label; where they excluded it, one that is
    cancelled; else it has none. A proposal is a prediction with the probability that the given label is wrong as its
    score, and the run as its model version.
    """
    tasks = [_task(sample, origin) for sample in samples]
    choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in classes)
    config = (
        f'<View>\n  <Image name="{_IMAGE}" value="${_IMAGE}"/>\n'
        f'  <Choices name="{CONTROL}" toName="{_IMAGE}" choice="single">\n{choices}\n  </Choices>\n</View>\n'
    )
    write_atomically(config_path(out), config)
    write_atomically(out, json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")


def _task(sample: ReviewedSample, origin: Origin) -> dict[str, Any]:
    image = sample.image.strip().replace("\\", "/")
    data = {
        _IMAGE: image if "://" in image else f"{_LOCAL}{quote(image)}",
        "sample_id": sample.sample_id,
        "split": sample.split,
        "given_label": sample.given_label,
        "final_label": sample.final_label,
        "verdict": sample.verdict,
        "reader_identity": sample.reader_identity,
        **origin.fields(),
    }
    task: dict[str, Any] = {"data": data, "annotations": [], "predictions": []}
    if sample.verdict in (VerdictKind.ACCEPT, VerdictKind.REJECT, VerdictKind.RELABEL):
        task["annotations"] = [{"result": [_choice(sample.final_label)], "was_cancelled": False, "ground_truth": True}]
    elif sample.verdict == VerdictKind.EXCLUDE:
        task["annotations"] = [{"result": [], "was_cancelled": True, "ground_truth": False}]
    if sample.proposed_label:
        task["predictions"] = [
            {
                "model_version": sample.run,
                "score": sample.error_probability,
                "result": [_choice(sample.proposed_label)],
            }
        ]
    return task


def _choice(label: str) -> dict[str, Any]:
    return {"from_name": CONTROL, "to_name": _IMAGE, "type": "choices", "value": {"choices": [label]}}


FORMAT = ExportFormat(
    name="label-studio",
    title="Label Studio",
    write=lambda content, out: write_label_studio(content.samples, content.classes, out, origin=content.origin),
    files=lambda out: [out, config_path(out)],
    suffix=".json",
    explanation="Tasks and the labelling config. Open proposals are predictions, with their probability as the score. "
    "Samples that readers accepted, rejected or relabelled have an annotation; excluded ones a cancelled annotation.",
)
