"""The sample ids of an import: keyed hashes of the paths, except that a renamed image keeps its id."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pandas as pd

from overread.errors import ImageError, StudyError
from overread.images.cache.pixel_cache import open_cache
from overread.images.file_hashes import FileHashes
from overread.images.location import Location, split_frame
from overread.images.remote_listing import look_up
from overread.records import Source
from overread.sources.image_paths import normal_path, path_fault
from overread.studies.study import find_image, keyed_hashes

_Content = tuple[str, int | None]
"""SHA-256 of a file, and which of its frames."""


@dataclass(frozen=True)
class EarlierSamples:
    """Those of the study that is updated."""

    ids: Mapping[str, str] = field(default_factory=dict)
    """Normal path to id."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Id to the SHA-256 of the image's file, where it is known."""
    num_bytes: Mapping[str, int] = field(default_factory=dict)
    """Id to the size of that file, where it is known."""

    @classmethod
    def of(cls, samples: pd.DataFrame, pixels_path: Path) -> "EarlierSamples":
        """samples: samples.csv."""
        hashes = samples["sha256"] if "sha256" in samples else [""] * len(samples)
        try:
            sizes = {row.key: row.stamp[0] for row in open_cache(pixels_path).rows if row.sha256}
        except StudyError:
            sizes = {}
        ids = dict(zip(map(normal_path, samples["image"]), samples["sample_id"], strict=True))
        return cls(ids, dict(zip(samples["sample_id"], hashes, strict=True)), sizes)


def sample_ids(study_path: Path, source: Source, earlier: EarlierSamples) -> list[str]:
    """An id for each row of the source; rows whose paths mean the same have the same one.

    A path that the study knows keeps its id. A new path takes the id of a sample that is gone, if its file is the only
    one with that sample's content. Any other new path never takes an id that another path has, or had when the study
    was read last.
    """
    paths = [normal_path(row.image) for row in source.rows]
    by_path = dict(zip(paths, keyed_hashes(study_path, paths), strict=True))
    renamed = _renamed(source, earlier)
    taken = set(earlier.ids.values())
    for path, key in by_path.items():
        known = earlier.ids.get(path) or renamed.get(path)
        by_path[path] = known or (_free_id(study_path, path, taken) if key in taken else key)
    return [by_path[path] for path in paths]


def _free_id(study_path: Path, path: str, taken: set[str]) -> str:
    names = (f"{path}\n{number}" for number in count(2))  # no path holds an end of line
    return next(key for key in (keyed_hashes(study_path, [name])[0] for name in names) if key not in taken)


def _renamed(source: Source, earlier: EarlierSamples) -> dict[str, str]:
    """New path to the id of the sample that is gone and had its content."""
    if not earlier.ids:
        return {}
    images = {normal_path(row.image): row.image for row in source.rows if _names_an_image(row.fault, row.image)}
    locations = {path: find_image(source.root, image) for path, image in images.items()}
    there = {path for path, location in locations.items() if location.exists()}
    gone = {path: key for path, key in earlier.ids.items() if path not in there and earlier.contents.get(key)}
    new = [path for path in there if path not in earlier.ids]
    if not gone or not new:
        return {}
    sizes = {earlier.num_bytes.get(key) for key in gone.values()}
    found = _contents({path: locations[path] for path in new}, None if None in sizes else sizes)
    before = {(earlier.contents[key], split_frame(path)[1]): key for path, key in gone.items()}
    num_gone = Counter((earlier.contents[key], split_frame(path)[1]) for path, key in gone.items())
    num_new = Counter(found.values())
    return {
        path: before[content] for path, content in found.items() if num_gone[content] == 1 and num_new[content] == 1
    }


def _names_an_image(fault: str, image: str) -> bool:
    return not (fault or path_fault(image))


def _contents(locations: Mapping[str, Location], sizes: Iterable[int | None] | None) -> dict[str, _Content]:
    """Of the files that are of one of the sizes, or of all of them."""
    remote: Sequence[str] = [location.place for location in locations.values() if location.is_remote]
    found, hashes = look_up(remote), FileHashes()
    contents = {}
    for path, location in locations.items():
        num_bytes = found[location.place].num_bytes if location.is_remote else location.stamp()[0]
        if sizes is None or num_bytes in sizes:
            try:
                contents[path] = hashes.of(location.place), location.frame
            except ImageError:
                continue  # it is quarantined when it is decoded
    return contents
