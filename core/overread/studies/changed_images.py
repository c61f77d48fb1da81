"""Finds images that have changed or disappeared since they were imported."""

from collections.abc import Collection

from overread.errors import ImageError, StudyError
from overread.images.cache.pixel_cache import open_cache
from overread.images.file_hashes import FileHashes
from overread.images.location import Location
from overread.images.remote import ABSENT
from overread.images.remote_listing import look_up
from overread.studies.study import Study

CHANGED, MISSING = "changed", "missing"


def changed_images(
    study: Study, sample_ids: Collection[str] | None = None, *, with_remote: bool = False
) -> dict[str, str]:
    """Sample id to "changed", where the image's file has other content by now, or "missing".

    sample_ids: the samples to look at; None: all. with_remote: remote images are asked for too, over the network; one
    that cannot be reached counts as unchanged. A file is read only where its stamp is another one than when it was
    decoded. Of a study of an earlier version, which knows no hashes, only missing images are told.
    """
    samples = study.samples()
    if sample_ids is not None:
        samples = samples[samples["sample_id"].isin(list(sample_ids))]
    hashes = samples["sha256"] if "sha256" in samples else [""] * len(samples)
    locations = [study.image_location(image) for image in samples["image"]]
    remote = [location.place for location in locations if location.is_remote]
    found = look_up(remote) if with_remote else {}
    stamps, read = _stamps(study), FileHashes()
    changed = {}
    for key, location, sha256 in zip(samples["sample_id"], locations, hashes, strict=True):
        if location.is_remote:
            told = found.get(location.place)
            if told is None or told.fault or told.stamp == ABSENT:
                continue
            stamp = told.stamp
        elif location.exists():
            stamp = location.stamp()
        else:
            changed[key] = MISSING
            continue
        if sha256 and stamps.get(key) != (stamp, sha256) and _has_other_content(location, sha256, read):
            changed[key] = CHANGED
    return changed


def _stamps(study: Study) -> dict[str, tuple[tuple[int, ...], str]]:
    """Sample id to the stamp and the hash of its file when it was decoded."""
    try:
        return {row.key: (row.stamp, row.sha256) for row in open_cache(study.pixels_path).rows}
    except StudyError:
        return {}


def _has_other_content(location: Location, sha256: str, read: FileHashes) -> bool:
    try:
        return read.of(location.place) != sha256
    except ImageError:  # it may be back tomorrow
        return False
