"""All groups of images that show the same picture, to the bit or nearly."""

from collections.abc import Callable

from core.checks.duplicates import duplicate_groups
from core.checks.near_duplicates import near_duplicate_groups
from core.datasets.groups import Pictures
from core.images.cache import PixelCache


def find_pictures(cache: PixelCache, *, on_progress: Callable[[float], None] | None = None) -> Pictures:
    """The groups of a study's images. on_progress: called with the share of the work that is done."""
    copies = duplicate_groups(cache.pixels, cache.keys)
    return joined(copies, near_duplicate_groups(cache.pixels, cache.keys, copies, on_progress=on_progress))


def joined(copies: Pictures, similar: Pictures) -> Pictures:
    """The near-duplicates, with the copies that they hold, and the copies that are like nothing else."""
    in_similar = {sample_id for group in similar for sample_id in group}
    return [*map(tuple, similar), *(tuple(group) for group in copies if group[0] not in in_similar)]
