"""Makes a study with wrong labels from one whose labels are assumed to be true."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from overread.benchmark.noise import add_noise
from overread.errors import ConfigError, ImageError, StudyError
from overread.files import make_folder
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from overread.images.location import Location
from overread.images.remote import NUM_CONNECTIONS
from overread.records import Sample
from overread.sources.image_paths import normal_path
from overread.studies.importing import write_samples
from overread.studies.staging import check_free, link_or_copy, staged_study
from overread.studies.study import (
    QUARANTINE_COLUMNS,
    Study,
    create_key,
    find_image,
    key_fingerprint,
    keyed_hashes,
    save_study,
    write_table,
)
from overread.studies.text_table import write_text_table

_SMALL_PX = 32
_DOWNLOADED = "downloaded"


def corrupt_study(study: Study, *, noise: str, rate: float, seed: int, out: Path | str, truth: Path | str) -> Study:
    """Make the study `out` from `study`, with noise in its labels, and write the true ones to the CSV `truth`.

    Nothing in the new study tells the truth: its images are hard links (copies, across disks) with shuffled
    numbers for names, under OUT/source, in folders named for the noisy labels where the source has a folder per
    class; samples and pixels stand in the order of those numbers; ids are hashed with a key of its own. The
    source's other columns and the raters' are left out, for they may hold the truth; patients and slides are
    hashed again. Samples of split test keep their labels, as accuracy is measured on them.

    noise: one of noise.NOISES; rate: in (0, 1); truth: a new file outside `out`, with columns
    sample_id,true_label. The same study and seed give the same labels.
    Raises ConfigError (kind, rate or truth), StudyError (`out` is there already).
    """
    out, truth = Path(out).resolve(), Path(truth).resolve()
    check_free(out)
    if truth.is_relative_to(out) or truth.exists() or not truth.parent.is_dir():
        raise ConfigError(f"--truth {truth}: give the name of a new file, in a folder that exists, outside {out}")
    samples = study.samples()
    for number, image in enumerate(samples["image"], start=1):
        if not study.image_location(image).exists():
            raise StudyError(f"{study.samples_path} row {number + 1}: {image!r} is no longer there; restore it")
    rng = np.random.default_rng(seed)
    given = tuple(samples["given_label"])
    noisy = _noisy_labels(study, given, samples["split"] == "test", noise, rate, rng)

    order = rng.permutation(len(samples))
    with staged_study(out) as staging:
        key = create_key(staging)
        shuffled = samples.iloc[order]
        labels = [noisy[index] for index in order]
        locations = [study.image_location(image) for image in shuffled["image"]]
        suffix = _common_suffix(locations)
        files = _local_files(locations, staging / _DOWNLOADED)
        images = []
        for number, (location, label, split) in enumerate(zip(locations, labels, shuffled["split"], strict=True)):
            folders = [split, label] if study.source_format in ("folder", "kermany") else ["images"]
            name = "/".join([*filter(None, folders), f"{number:06d}{suffix}"])
            link = staging / "source" / name
            make_folder(link.parent)
            link_or_copy(files[location.place], link)
            images.append(name if location.frame is None else f"{name}#{location.frame}")
        shutil.rmtree(staging / _DOWNLOADED, ignore_errors=True)
        new = replace(_new_study(study, staging, out), key_fingerprint=key_fingerprint(key))
        ids = keyed_hashes(staging, [normal_path(image) for image in images])
        patients = keyed_hashes(staging, list(shuffled["patient"]))
        slides = keyed_hashes(staging, list(shuffled["slide"]))
        placed = {key: find_image(staging / "source", image) for key, image in zip(ids, images, strict=True)}
        if build_cache(new.pixels_path, placed, size_px=study.image_size_px):
            raise StudyError(
                f"{study.path}: some of its images can no longer be read; import the study again with --update first"
            )
        hashes = [row.sha256 for row in open_cache(new.pixels_path).rows]
        rows = zip(ids, images, labels, patients, slides, shuffled["split"], hashes, strict=True)
        new = write_samples(
            new,
            tuple(
                Sample(key, image, label, patient, slide, split, sha256=sha256)
                for key, image, label, patient, slide, split, sha256 in rows
            ),
        )
        cells = [(image, study.written_label(label)) for image, label in zip(images, labels, strict=True)]
        new = write_table(new, "source.csv", (new.image_column, new.label_column), cells)
        new = write_table(new, "quarantine.csv", QUARANTINE_COLUMNS, [])
        save_study(new)
        write_text_table(truth, ("sample_id", "true_label"), zip(ids, (given[i] for i in order), strict=True))
    return replace(new, path=out)


def _noisy_labels(
    study: Study, given: Sequence[str], is_test: Sequence[bool], noise: str, rate: float, rng: np.random.Generator
) -> list[str]:
    numbers = {name: number for number, name in enumerate(study.classes)}
    labels = np.array([numbers[label] for label in given], dtype=np.int64)
    index = np.flatnonzero(~np.asarray(is_test, dtype=bool))
    if len(index) < 2:
        raise ConfigError(f"{study.path}: all of its samples are of split test, whose labels stay; nothing to corrupt")
    pixels = _small_pixels(study)[index] if noise in ("idn", "boundary") else None
    labels[index] = add_noise(labels[index], len(study.classes), noise, rate, rng, pixels)
    return [study.classes[label] for label in labels]


def _small_pixels(study: Study) -> np.ndarray:
    """(N, D) float32 in [0, 1]: the study's images at 32 x 32 px as rows, in the order of samples.csv."""
    samples = study.samples()
    images = {row.sample_id: study.image_location(row.image) for row in samples.itertuples()}
    build_cache(study.pixels_path, images, size_px=study.image_size_px)  # decodes what somebody may have deleted
    cache = open_cache(study.pixels_path)
    cache.verify()
    places = {key: place for place, key in enumerate(cache.keys)}
    small = []
    for key in samples["sample_id"]:
        image = Image.fromarray(np.squeeze(cache.pixels[places[key]]))
        small.append(np.asarray(image.resize((_SMALL_PX, _SMALL_PX), Image.Resampling.BOX)).ravel())
    return np.stack(small).astype(np.float32) / 255


def _local_files(locations: Sequence[Location], folder: Path) -> dict[str, Path]:
    """Each location's place as a file of this machine: what is remote is downloaded into the folder."""
    remote = dict.fromkeys(location.place for location in locations if location.is_remote)
    if not remote:
        return {location.place: location.path for location in locations}
    folder.mkdir()

    def download(number: int, place: str) -> Path:
        path = folder / str(number)
        with Location(place).open() as file, path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        return path

    try:
        with ThreadPoolExecutor(NUM_CONNECTIONS) as threads:
            downloaded = dict(zip(remote, threads.map(download, count(), remote), strict=False))
    except ImageError as error:
        raise StudyError(
            f"an image of the study cannot be downloaded: {error}; import it with --update first"
        ) from None
    return {location.place: downloaded.get(location.place, location.path) for location in locations}


def _new_study(study: Study, staging: Path, out: Path) -> Study:
    return replace(
        study,
        path=staging,
        name=out.name,
        source_root=str(out / "source"),
        source_format="folder" if study.source_format == "kermany" else study.source_format,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        labels_file="",
        rater_names=(),
        follows_links=False,
        has_ledger=False,
        files={},
        unknown={},
    )


def _common_suffix(locations: Sequence[Location]) -> str:
    # Where they differ, the kind of file may go with the class.
    suffixes = {location.suffix.lower() for location in locations}
    return suffixes.pop() if len(suffixes) == 1 else ""
