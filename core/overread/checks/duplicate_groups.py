"""The duplicate groups of a study: exact duplicates and near-duplicates."""

from collections.abc import Callable

from overread.checks.exact_duplicates import exact_duplicate_groups
from overread.checks.near_duplicates import near_duplicate_groups
from overread.images.cache.pixel_cache import PixelCache
from overread.studies.sample_groups import DuplicateGroups

MAX_VERSIONS = 50
"""The most near-duplicates in a group, and ..."""
MAX_SHARE = 0.1
"""... the largest share of a study in a group, where that is four images or more. Larger groups of linked pairs are
images of one scene, as from one device and in one posture, and not versions of one image."""


def find_duplicate_groups(cache: PixelCache, *, on_progress: Callable[[float], None] | None = None) -> DuplicateGroups:
    """The duplicate groups of a study's images. on_progress: called with the share of the work that is done."""
    copies = exact_duplicate_groups(cache.pixels, cache.keys)
    similar = near_duplicate_groups(cache.pixels, cache.keys, copies, on_progress=on_progress)
    return merge_duplicate_groups(copies, similar, num_images=len(cache.keys))


def merge_duplicate_groups(copies: DuplicateGroups, similar: DuplicateGroups, *, num_images: int) -> DuplicateGroups:
    """The groups of near-duplicates, with the exact copies among them, and the groups of the other copies.

    Groups of near-duplicates that are too large to be versions of one image are left out.
    """
    largest = min(MAX_VERSIONS, max(4, int(MAX_SHARE * num_images)))
    plausible = [tuple(group) for group in similar if len(group) <= largest]
    in_plausible = {sample_id for group in plausible for sample_id in group}
    return [*plausible, *(tuple(group) for group in copies if group[0] not in in_plausible)]
