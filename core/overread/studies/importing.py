"""Creates a study from a source: sample ids, the pixel cache, quarantined rows, and the tables on disk."""

import shutil
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from overread.errors import ConfigError
from overread.files import is_study, make_folder
from overread.images.cache.partial_build import PARTIAL, partial_array
from overread.records import Protocol, Sample, Source
from overread.sources.label_classes import listed
from overread.sources.registry import find_format
from overread.studies.earlier_decoding import DECODED_ANEW, may_differ
from overread.studies.generation import commit, remove_temporary_files, staged_update
from overread.studies.run import training_lock
from overread.studies.sample_ids import EarlierSamples
from overread.studies.source_contents import Contents, OnProgress, read_contents
from overread.studies.staging import check_free, link_or_copy, staged_study, staging_path
from overread.studies.study import (
    QUARANTINE_COLUMNS,
    SAMPLE_COLUMNS,
    Study,
    check_protocol,
    create_key,
    key_fingerprint,
    open_study,
    save_study,
    write_table,
)
from overread.studies.study_changes import check_same_reading, describe_changes, samples_before
from overread.studies.unpacking import IMAGES, keep_unpacked, moved


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """Properties of a study that is made from a source."""

    name: str | None = None
    """As shown on pages; None: the folder's name, or for an update the current one."""
    image_size_px: int = 224
    """Side of the cached images; an update keeps the current one."""
    update: bool = False
    """Whether the source of an existing study is read again."""
    is_demo: bool = False
    protocol: str | None = None
    """One of `Protocol`; None: open, or for an update the current one."""
    is_shared: bool = False
    """Whether the umask decides who may read a new study; otherwise only its owner may."""
    critical_classes: tuple[str, ...] | None = None
    """Those that no verdict in bulk may change; None: none, or for an update the current ones."""
    asks_grades: bool | None = None
    """Whether readers may grade the wrong labels that they find; None: no, or for an update as it is."""

    def __post_init__(self) -> None:
        if self.protocol is not None:
            check_protocol(self.protocol)


_DEFAULT = StudyOptions()


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did."""

    num_samples: int
    num_quarantined: int
    """Rows of the source, not images."""
    classes: tuple[str, ...]
    messages: tuple[str, ...] = ()
    """What the user should know and need not decide."""


def import_source(
    source: Source,
    study_path: Path | str,
    options: StudyOptions = _DEFAULT,
    *,
    on_progress: OnProgress | None = None,
) -> ImportSummary:
    """Make a study from a source, or with `options.update` read a study's source again.

    An update keeps the study's key (and so its sample ids), image size, runs and ledger, and decodes only new images.
    An import that was stopped or killed resumes where it stopped when it is started again, as an update or not. Faulty
    rows go to quarantine.csv.
    Raises StudyError (exists already, newer, busy, read with other flags before, disk full), ConfigError (a critical
    class that is none) and ManifestError (fewer than two classes left); then nothing new is left behind, and nothing
    old is changed.
    """
    study_path = Path(study_path)
    if _is_update(study_path, options):
        return _update(source, open_study(study_path), options, on_progress)
    # The key is kept too: the cached pixels are stored under hashes made with it.
    with staged_study(study_path, preserved=("key", "pixels", IMAGES), is_shared=options.is_shared) as staging:
        key = create_key(staging)
        placed = _placed(source, staging)
        contents = read_contents(placed, staging, staging / "pixels", options.image_size_px, on_progress)
        source = moved(placed, staging, study_path.resolve())
        classes = class_order(source, {sample.given_label for sample in contents.samples})
        study = Study(
            path=staging,
            name=options.name or study_path.resolve().name,
            classes=classes,
            critical_classes=_critical(options, classes, ()),
            asks_grades=bool(options.asks_grades),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            image_size_px=options.image_size_px,
            is_demo=options.is_demo,
            protocol=options.protocol or Protocol.OPEN,
            key_fingerprint=key_fingerprint(key),
            **_source_fields(source),
        )
        _write(study, source, contents)
        _remove_strays(study)
    return _summary(source, study, contents)


def check_study_path(source: Source, study_path: Path, options: StudyOptions) -> None:
    """Raise StudyError where `import_source` would refuse to make or update this study."""
    if _is_update(study_path, options):
        check_same_reading(source, open_study(study_path))
    else:
        check_free(study_path)


def _is_update(study_path: Path, options: StudyOptions) -> bool:
    return options.update and (is_study(study_path) or not staging_path(study_path).is_dir())


def _critical(options: StudyOptions, classes: tuple[str, ...], current: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ConfigError for one that is no class of the study."""
    if options.critical_classes is None:
        return current
    if unknown := [name for name in options.critical_classes if name not in classes]:
        raise ConfigError(f"--critical-class {unknown[0]!r} is not one of the classes: {listed(classes)}")
    return tuple(dict.fromkeys(options.critical_classes))


def _update(source: Source, study: Study, options: StudyOptions, on_progress: OnProgress | None) -> ImportSummary:
    key = study.key()  # without it sample ids would change
    check_same_reading(source, study)
    before, message = samples_before(study)
    if may_differ(study.pixels_path, before["image"]):
        message += (DECODED_ANEW,)
    with training_lock(study, ""), staged_update(study.path) as staging:
        remove_temporary_files(study.path)
        source = _placed(source, study.path)
        _link_cache(study, staging / "pixels")
        earlier = EarlierSamples.of(before, study.pixels_path)
        contents = read_contents(source, study.path, staging / "pixels", study.image_size_px, on_progress, earlier)
        classes = class_order(source, {sample.given_label for sample in contents.samples})
        if not source.classes:
            # Classes that stay keep their order, which earlier runs' probabilities follow.
            kept = [name for name in study.classes if name in classes]
            classes = (*kept, *(name for name in classes if name not in kept))
        updated = replace(
            study,
            path=staging,
            name=options.name or study.name,
            protocol=options.protocol or study.protocol,
            classes=classes,
            critical_classes=_critical(options, classes, study.critical_classes),
            asks_grades=study.asks_grades if options.asks_grades is None else options.asks_grades,
            key_fingerprint=key_fingerprint(key),
            **_source_fields(source),
        )
        _write(updated, source, contents)
        commit(study.path)
        _remove_strays(replace(updated, path=study.path))
    summary = _summary(source, updated, contents)
    changes = describe_changes(study, classes, before, contents.samples)
    return replace(summary, messages=(*message, *summary.messages, *changes))


def _placed(source: Source, study_path: Path) -> Source:
    """The source with its images as files; those of array files and archives are put into the study."""
    images = study_path.resolve() / IMAGES
    format = find_format(source.format)
    if format is None or format.write_images is None:
        return keep_unpacked(source, images) if source.unpacked else source
    placed = replace(source, root=str(format.write_images(source, images)))
    return replace(placed, labels_file=source.archive) if source.archive else placed


def _remove_strays(study: Study) -> None:
    """Remove images of array files and archives that the study no longer uses."""
    folder = study.path / IMAGES
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in Path(study.source_root).parts:
            shutil.rmtree(path, ignore_errors=True)


def _link_cache(study: Study, staged: Path) -> None:
    """Start the new generation's pixel cache from the study's, by hard links.

    `build_cache` never writes into a file that it finds, so the study's own cache stays unchanged. What a stopped or
    killed update had decoded is kept.
    """
    make_folder(staged)
    left = (PARTIAL, partial_array(staged))
    for path in staged.iterdir():
        if path.name not in left:
            path.unlink()
    for path in study.pixels_path.iterdir() if study.pixels_path.is_dir() else ():
        if path.name not in left and path.is_file():
            link_or_copy(path, staged / path.name)


def class_order(source: Source, labels: Set[str]) -> tuple[str, ...]:
    """The source's own order of classes, else the labels sorted: as numbers where all of them are."""
    if source.classes:
        return source.classes
    are_numbers = all(label.isascii() and label.isdigit() for label in labels)
    return tuple(sorted(labels, key=(lambda label: (int(label), label)) if are_numbers else None))


def _source_fields(source: Source) -> dict[str, Any]:
    return {
        "source_root": source.root,
        "source_format": source.format,
        "image_column": source.image_column,
        "label_column": source.label_column,
        "labels_file": source.labels_file,
        "rater_names": source.rater_names,
        "written_labels": source.written_labels,
        "follows_links": bool(source.link_roots),
    }


def _write(study: Study, source: Source, contents: Contents) -> None:
    study = write_table(study, "source.csv", source.columns, source.cells)
    study = write_table(study, "quarantine.csv", QUARANTINE_COLUMNS, contents.quarantine)
    save_study(write_samples(study, contents.samples))


def write_samples(study: Study, samples: tuple[Sample, ...]) -> Study:
    """Write samples.csv; returns the study with its checksum, for `save_study`."""
    rows = [(s.sample_id, s.image, s.given_label, s.patient, s.slide, s.split, s.sha256, *s.raters) for s in samples]
    return write_table(study, "samples.csv", (*SAMPLE_COLUMNS, "sha256", *study.rater_names), rows)


def _summary(source: Source, study: Study, contents: Contents) -> ImportSummary:
    messages = (*source.messages, *rare_classes(sample.given_label for sample in contents.samples))
    return ImportSummary(len(contents.samples), len(contents.quarantine), study.classes, messages)


def rare_classes(labels: Iterable[str]) -> list[str]:
    """A warning of the classes with a single sample, if there are any. labels: of all samples."""
    rare = sorted(name for name, count in Counter(labels).items() if count == 1)
    return [f"only one sample, which will never be proposed: class {listed(rare)}"] if rare else []
