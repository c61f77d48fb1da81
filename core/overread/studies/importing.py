"""Makes a study of a source: sample ids, the pixel cache, what is quarantined, and the tables on disk."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from overread.errors import ManifestError, StudyError
from overread.files import is_study, make_folder
from overread.images.cache.cache_build import build_cache
from overread.images.cache.partial_build import PARTIAL, partial_array
from overread.images.cache.pixel_cache import open_cache
from overread.images.remote import missing_package, protocol_of
from overread.records import Sample, Source
from overread.sources.arrays import cifar, medmnist
from overread.sources.image_paths import normal_path, path_fault
from overread.sources.label_classes import listed
from overread.studies.generation import commit, remove_temporary_files, staged_update
from overread.studies.run import find_runs, training_lock
from overread.studies.sample_ids import EarlierSamples, sample_ids
from overread.studies.staging import link_or_copy, staged_study, staging_path
from overread.studies.study import (
    QUARANTINE_COLUMNS,
    SAMPLE_COLUMNS,
    Study,
    create_key,
    find_image,
    key_fingerprint,
    keyed_hashes,
    open_study,
    save_study,
    write_table,
)

Progress = Callable[[int, int], None]
_IMAGES = "images"
_WRITE_IMAGES = {"cifar": cifar.write_images, "medmnist": medmnist.write_images}
"""Of the formats whose images are arrays: writes them as files."""


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did."""

    num_samples: int
    num_quarantined: int
    """Rows of the source, not images."""
    classes: tuple[str, ...]
    messages: tuple[str, ...] = ()
    """What the user should know and need not decide."""


@dataclass(frozen=True, slots=True)
class _Contents:
    samples: tuple[Sample, ...]
    quarantine: tuple[tuple[str, str, str], ...]
    """row, image, reason; by row."""


def import_source(
    source: Source,
    study_path: Path | str,
    *,
    name: str | None = None,
    image_size_px: int = 224,
    update: bool = False,
    is_demo: bool = False,
    is_shared: bool = False,
    on_progress: Progress | None = None,
) -> ImportSummary:
    """Make a study of a source, or with `update` read a study's source again.

    An update keeps the study's key (so sample ids stay), its image size, runs and ledger, and decodes only new
    images. An import that was stopped or killed goes on where it stopped when it is begun again, with `update` or
    without. Faulty rows go to quarantine.csv. is_shared: who may read a new study the umask says, and not its owner
    alone. on_progress: called with images done and images in all.
    Raises StudyError (exists already, newer, busy, read otherwise before, no room on the disk) and ManifestError
    (fewer than two classes left); then nothing new is left behind, and nothing old is touched.
    """
    study_path = Path(study_path)
    if update and (is_study(study_path) or not staging_path(study_path).is_dir()):
        return _update(source, open_study(study_path), name, on_progress)
    # The key, for the pixels are kept under hashes by it.
    with staged_study(study_path, preserved=("key", "pixels", _IMAGES), is_shared=is_shared) as staging:
        key = create_key(staging)
        placed = _placed(source, staging)
        contents = _read_contents(placed, staging, staging / "pixels", image_size_px, on_progress)
        if placed is not source:
            source = replace(source, root=str(study_path.resolve() / _IMAGES / Path(placed.root).name))
        study = Study(
            path=staging,
            name=name or study_path.resolve().name,
            classes=class_order(source, contents.samples),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            image_size_px=image_size_px,
            is_demo=is_demo,
            key_fingerprint=key_fingerprint(key),
            **_source_fields(source),
        )
        _write(study, source, contents)
        _remove_strays(study)
    return _summary(source, study, contents)


def _update(source: Source, study: Study, name: str | None, on_progress: Progress | None) -> ImportSummary:
    key = study.key()  # without it sample ids would change
    _check_same_reading(source, study)
    before, message = _before(study)
    with training_lock(study, ""), staged_update(study.path) as staging:
        remove_temporary_files(study.path)
        source = _placed(source, study.path)
        _link_cache(study, staging / "pixels")
        earlier = EarlierSamples.of(before, study.pixels_path)
        contents = _read_contents(source, study.path, staging / "pixels", study.image_size_px, on_progress, earlier)
        classes = class_order(source, contents.samples)
        if not source.classes:
            # Kept classes keep their order, which that of earlier runs' probabilities follows.
            kept = [name for name in study.classes if name in classes]
            classes = (*kept, *(name for name in classes if name not in kept))
        updated = replace(
            study,
            path=staging,
            name=name or study.name,
            classes=classes,
            key_fingerprint=key_fingerprint(key),
            **_source_fields(source),
        )
        _write(updated, source, contents)
        commit(study.path)
        _remove_strays(replace(updated, path=study.path))
    summary = _summary(source, updated, contents)
    return replace(summary, messages=(*message, *summary.messages, *_changes(study, classes, before, contents.samples)))


def _before(study: Study) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """samples.csv, and what to tell where it is not as it was written: it is made anew then."""
    try:
        return study.samples(), ()
    except StudyError:
        message = (
            "samples.csv was damaged or changed by hand; it is made anew, and images that were renamed are new ones"
        )
        return pd.DataFrame(columns=list(SAMPLE_COLUMNS), dtype=str), (message,)


def _placed(source: Source, study_path: Path) -> Source:
    """The source with its images as files: those of an array file are written into the study."""
    if source.format not in _WRITE_IMAGES:
        return source
    return replace(source, root=str(_WRITE_IMAGES[source.format](source, study_path.resolve() / _IMAGES)))


def _check_same_reading(source: Source, study: Study) -> None:
    """Raise StudyError where a flag of the first import was forgotten: every label would be another one."""
    if (source.format, source.label_column) != (study.source_format, study.label_column):
        raise StudyError(
            f"{study.path}: this study reads {study.label_column!r} in format {study.source_format}, and now "
            f"{source.label_column!r} in format {source.format} was read; give the flags of the first import again, "
            f"or --format {study.source_format}"
        )
    if forgotten := {name: code for name, code in study.written_labels.items() if name not in source.written_labels}:
        pairs = ",".join(f"{code}={name}" for name, code in forgotten.items())
        raise StudyError(f"{study.path}: in this study codes have names; pass --classes {pairs} again")
    if {code for name, code in source.written_labels.items() if name not in study.classes} & set(study.classes):
        codes = ",".join(study.classes)
        raise StudyError(f"{study.path}: in this study codes have no names, and now they have; pass --classes {codes}")


def _remove_strays(study: Study) -> None:
    """Remove the images of an array file that the study no longer stands on."""
    folder = study.path / _IMAGES
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name != Path(study.source_root).name:
            shutil.rmtree(path, ignore_errors=True)


def _link_cache(study: Study, staged: Path) -> None:
    """Have the new generation's pixel cache begin as the study's, by hard links.

    `build_cache` never writes into a file that it finds, so that the links leave the study's own cache alone. What an
    update that was stopped or killed had decoded stays.
    """
    make_folder(staged)
    left = (PARTIAL, partial_array(staged))
    for path in staged.iterdir():
        if path.name not in left:
            path.unlink()
    for path in study.pixels_path.iterdir() if study.pixels_path.is_dir() else ():
        if path.name not in left and path.is_file():
            link_or_copy(path, staged / path.name)


def _changes(study: Study, classes: tuple[str, ...], before: pd.DataFrame, samples: tuple[Sample, ...]) -> list[str]:
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
        messages.append(f"{num_other} images have other content than before; verdicts on what they showed are outdated")
    return messages


def class_order(source: Source, samples: tuple[Sample, ...]) -> tuple[str, ...]:
    """The source's own order of classes, else the labels sorted: as numbers where all of them are."""
    if source.classes:
        return source.classes
    labels = {sample.given_label for sample in samples}
    are_numbers = all(label.isascii() and label.isdigit() for label in labels)
    return tuple(sorted(labels, key=(lambda label: (int(label), label)) if are_numbers else None))


def _read_contents(
    source: Source,
    study_path: Path,
    cache_path: Path,
    image_size_px: int,
    on_progress: Progress | None,
    earlier: EarlierSamples | None = None,
) -> _Contents:
    """Choose the usable rows, fill the pixel cache, and sort the rest into the quarantine."""
    _check_packages(source)
    root = Path(source.root)
    ids = sample_ids(study_path, source, earlier or EarlierSamples())
    first, images, reasons, folders = {}, {}, {}, {}
    for place, (row, key) in enumerate(zip(source.rows, ids, strict=True)):
        if reason := row.fault or path_fault(row.image):
            reasons[place] = reason
        elif not row.label:
            reasons[place] = "the label is missing"
        elif key not in first:
            location = find_image(source.root, row.image)
            if not location.exists():
                reasons[place] = "the file is missing"
            elif not location.is_remote and _leads_out(location.path, root, folders):
                reasons[place] = "a link leads out of the source"
            else:
                images[key] = location
                first[key] = row
        elif row.image != first[key].image:
            # The export finds a row's sample by its cell, and the sample can have but one.
            reasons[place] = f"the same image as row {first[key].row}, written differently"
    _check_classes(source, {row.label for row in first.values()}, reasons)
    faults = build_cache(cache_path, images, size_px=image_size_px, on_progress=on_progress)
    for place, key in enumerate(ids):
        if key in faults and place not in reasons:
            reasons[place] = faults[key]
    kept = {key: row for key, row in first.items() if key not in faults}
    hashes = {row.key: row.sha256 for row in open_cache(cache_path).rows}
    _check_classes(source, {row.label for row in kept.values()}, reasons)
    patients = keyed_hashes(study_path, [row.patient for row in kept.values()])
    slides = keyed_hashes(study_path, [row.slide for row in kept.values()])
    samples = tuple(
        Sample(key, row.image, row.label, patient, slide, row.split, row.raters, hashes[key])
        for (key, row), patient, slide in zip(kept.items(), patients, slides, strict=True)
    )
    rows = source.rows
    quarantine = tuple((str(rows[place].row), rows[place].image, reasons[place]) for place in sorted(reasons))
    return _Contents(samples, quarantine)


def _check_packages(source: Source) -> None:
    for row in source.rows:
        protocol = protocol_of(row.image.strip())
        if protocol and (package := missing_package(protocol)):
            raise ManifestError(
                f"{source.labels_file or source.root} row {row.row}: {protocol}:// needs the package {package}, "
                f"which is not installed; pip install {package}"
            )


def _check_classes(source: Source, labels: set[str], reasons: dict[int, str]) -> None:
    if len(labels) >= 2:
        return
    left = f"only the class {next(iter(labels))!r} is left" if labels else "no row is left"
    faults = Counter(reasons.values())
    why = ""
    if faults:
        reason, count = faults.most_common(1)[0]
        row = source.rows[next(place for place in sorted(reasons) if reasons[place] == reason)]
        why = f" ({count} of {len(source.rows)} rows: {reason}; the first is row {row.row})"
    where = (source.format in ("csv", "dicom") and source.labels_file) or source.root
    raise ManifestError(
        f"{where}: {left}{why}; at least two classes with images in {source.root} are needed",
        public=f"Fewer than two classes with images are left{why}; check the folder and the columns.",
    )


def _leads_out(path: Path, root: Path, folders: dict[Path, bool]) -> bool:
    """Whether the file lies elsewhere than below the root, by a link. folders: what is known, and is added to."""
    folder = path.parent
    if folder not in folders:
        folders[folder] = not Path(os.path.realpath(folder)).is_relative_to(root)
    return folders[folder] or (path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root))


def _source_fields(source: Source) -> dict:
    return {
        "source_root": source.root,
        "source_format": source.format,
        "image_column": source.image_column,
        "label_column": source.label_column,
        "labels_file": source.labels_file,
        "rater_names": source.rater_names,
        "written_labels": source.written_labels,
    }


def _write(study: Study, source: Source, contents: _Contents) -> None:
    study = write_table(study, "source.csv", source.columns, source.cells)
    study = write_table(study, "quarantine.csv", QUARANTINE_COLUMNS, contents.quarantine)
    save_study(write_samples(study, contents.samples))


def write_samples(study: Study, samples: tuple[Sample, ...]) -> Study:
    """Write samples.csv; returns the study that knows it so, for `save_study`."""
    rows = [(s.sample_id, s.image, s.given_label, s.patient, s.slide, s.split, s.sha256, *s.raters) for s in samples]
    return write_table(study, "samples.csv", (*SAMPLE_COLUMNS, "sha256", *study.rater_names), rows)


def _summary(source: Source, study: Study, contents: _Contents) -> ImportSummary:
    counts = Counter(sample.given_label for sample in contents.samples)
    lonely = [name for name in study.classes if counts[name] == 1]
    messages = list(source.messages)
    if lonely:
        messages.append(f"one sample only, which will never be proposed: class {listed(lonely)}")
    return ImportSummary(len(contents.samples), len(contents.quarantine), study.classes, tuple(messages))
