"""What an update of a study must not change, and what it has changed."""

import pandas as pd

from overread.errors import StudyError
from overread.records import Sample, Source
from overread.sources.image_paths import normal_path
from overread.sources.label_classes import listed
from overread.studies.run import find_runs
from overread.studies.study import SAMPLE_COLUMNS, Study


def check_same_reading(source: Source, study: Study) -> None:
    """Raise StudyError if a flag of the first import was forgotten: every label would change."""
    if (source.format, source.label_column) != (study.source_format, study.label_column):
        raise StudyError(
            f"{study.path}: this study reads {study.label_column!r} in format {study.source_format}, and now "
            f"{source.label_column!r} in format {source.format} was read; give the flags of the first import again, "
            f"or --format {study.source_format}"
        )
    if study.follows_links and not source.link_roots:
        raise StudyError(
            f"{study.path}: in this study links out of the source were followed; give --follow-links again"
        )
    if forgotten := {name: code for name, code in study.written_labels.items() if name not in source.written_labels}:
        pairs = ",".join(f"{code}={name}" for name, code in forgotten.items())
        raise StudyError(f"{study.path}: in this study codes have names; pass --classes {pairs} again")
    if {code for name, code in source.written_labels.items() if name not in study.classes} & set(study.classes):
        codes = ",".join(study.classes)
        raise StudyError(f"{study.path}: in this study codes have no names, and now they have; pass --classes {codes}")
    labels = {row.label for row in source.rows} - {""}
    if labels.isdisjoint(study.classes):
        raise StudyError(
            f"{study.path}: this study's classes are {listed(study.classes)}, and now {listed(sorted(labels))} were "
            "read; give the flags of the first import again (such as --label-folder), or make a new study"
        )


def samples_before(study: Study) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """samples.csv, and a message if it was damaged or edited: it is then made anew."""
    try:
        return study.samples(), ()
    except StudyError:
        message = (
            "samples.csv was damaged or changed by hand; it is made anew, and images that were renamed are new ones"
        )
        return pd.DataFrame(columns=list(SAMPLE_COLUMNS), dtype=str), (message,)


def describe_changes(
    study: Study, classes: tuple[str, ...], before: pd.DataFrame, samples: tuple[Sample, ...]
) -> list[str]:
    """Messages on what an update changed. study: as it was; before: its samples.csv; classes, samples: the new ones."""
    earlier = before.set_index("sample_id")
    labels, after = earlier["given_label"].to_dict(), {sample.sample_id: sample for sample in samples}
    num_new, num_gone = len(after.keys() - labels.keys()), len(labels.keys() - after.keys())
    stayed = [(key, after[key]) for key in labels if key in after]
    num_changed = sum(labels[key] != sample.given_label for key, sample in stayed)
    messages = []
    if num_new or num_gone or num_changed or classes != study.classes:
        message = f"{num_new} samples are new, {num_gone} are gone, {num_changed} have another label"
        if find_runs(study):
            message += "; earlier runs know nothing of it: train again (verdicts are kept)"
        messages.append(message)
    images = earlier["image"].to_dict()
    num_renamed = sum(normal_path(images[key]) != normal_path(sample.image) for key, sample in stayed)
    if num_renamed:
        messages.append(f"{num_renamed} images were renamed or moved; they keep their verdicts")
    hashes = earlier["sha256"].to_dict() if "sha256" in earlier else {}
    num_other = sum(hashes.get(key, "") not in ("", sample.sha256) for key, sample in stayed)
    if num_other:
        messages.append(f"{num_other} images have changed; earlier verdicts on them are outdated")
    return messages
