"""Labels in FiftyOne's FiftyOneImageClassificationDataset format, one file per field, without images.

Source: FiftyOne's documentation, "Importing datasets", and its importer.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from overread.errors import ConfigError
from overread.files import write_atomically
from overread.review.cleaned_csv import Origin
from overread.review.exports.export_format import ExportFormat
from overread.review.reviewed import ReviewedSample

FILES = ("labels.json", "given_labels.json", "proposals.json")


def write_fiftyone(samples: Sequence[ReviewedSample], classes: Sequence[str], out: Path, *, origin: Origin) -> None:
    """Write into the folder `out` labels.json (final labels), given_labels.json and proposals.json.

    Each names an image by its path in the source without the suffix, which is how FiftyOne finds it below `data_path`,
    the source's folder. A label is its place in `classes`; a proposal has the probability that the given label is
    wrong as its confidence, and a final label that a reader decided the attribute reader_identity (as in the cleaned
    CSV). Excluded samples have no label. Raises ConfigError where two images would have one name, and if `out` is a
    file.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: is a file; name a folder for {', '.join(FILES)}")
    names: dict[str, str] = {}
    for sample in samples:
        path = PurePosixPath(sample.image.strip().replace("\\", "/"))
        name = str(path.with_suffix("")) if path.name else str(path)
        if name in names:
            raise ConfigError(
                f"samples {names[name]} and {sample.sample_id}: their file names differ only in the suffix, which "
                "FiftyOne ignores; export another format"
            )
        names[name] = sample.sample_id
    places = {label: place for place, label in enumerate(classes)}
    final: dict[str, int | dict[str, Any]] = {}
    given, proposed = {}, {}
    for name, sample in zip(names, samples, strict=True):
        given[name] = places[sample.given_label]
        if sample.final_label:
            place, identity = places[sample.final_label], sample.reader_identity
            final[name] = {"label": place, "attributes": {"reader_identity": identity}} if identity else place
        if sample.proposed_label:
            proposed[name] = {"label": places[sample.proposed_label], "confidence": sample.error_probability}
    out.mkdir(exist_ok=True)
    for file, labels in zip(FILES, (final, given, proposed), strict=True):
        write_atomically(out / file, _json({"classes": list(classes), "labels": labels, **origin.fields()}))


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


FORMAT = ExportFormat(
    name="fiftyone",
    title="FiftyOne",
    write=lambda content, out: write_fiftyone(content.samples, content.classes, out, origin=content.origin),
    files=lambda out: [] if out.is_file() else [out / name for name in FILES],  # the writer says that it takes a folder
    explanation="Three label files for one folder of images: the final labels, the given ones, and the proposals "
    "with their probability as confidence.",
)
