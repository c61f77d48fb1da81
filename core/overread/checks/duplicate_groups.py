"""All groups of images that show the same picture, to the bit or nearly."""

from collections.abc import Callable

from overread.checks.exact_duplicates import exact_duplicate_groups
from overread.checks.near_duplicates import near_duplicate_groups
from overread.images.cache.pixel_cache import PixelCache
from overread.studies.sample_groups import DuplicateGroups

MAX_VERSIONS = 50
"""Near-duplicates of one picture at most, and ..."""
MAX_SHARE = 0.1
"""... the share of a study that they are at most, where that is four or more. Beyond, images linked pair by pair are
those of one scene, as of one device and one posture, and not versions of one picture."""


def find_duplicate_groups(cache: PixelCache, *, on_progress: Callable[[float], None] | None = None) -> DuplicateGroups:
    """The groups of a study's images. on_progress: called with the share of the work that is done."""
    copies = exact_duplicate_groups(cache.pixels, cache.keys)
    similar = near_duplicate_groups(cache.pixels, cache.keys, copies, on_progress=on_progress)
    return merge_duplicate_groups(copies, similar, num_images=len(cache.keys))


def merge_duplicate_groups(copies: DuplicateGroups, similar: DuplicateGroups, *, num_images: int) -> DuplicateGroups:
    """The near-duplicates, with the copies that they hold, and the copies that are like nothing else. Groups of
    near-duplicates too large to be of one picture are left out."""
    largest = min(MAX_VERSIONS, max(4, int(MAX_SHARE * num_images)))
    kept = [tuple(group) for group in similar if len(group) <= largest]
    in_kept = {sample_id for group in kept for sample_id in group}
    return [*kept, *(tuple(group) for group in copies if group[0] not in in_kept)]
