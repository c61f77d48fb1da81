"""The true labels of a demo study: its images are drawn, so what they show is known."""

from overread.demo.chest import plan_chest
from overread.demo.tiles import CLASSES, plan_tiles
from overread.studies.study import Study

_DRAWN_SEED = 0
"""Of the demo that the app makes; that of another seed is not recognised."""


def demo_truth(study: Study) -> dict[str, str]:
    """Sample id to true label; empty for any other study, and for a demo whose images or labels were changed."""
    if not study.is_demo:
        return {}
    source, samples = study.source_table(), study.samples()
    given = dict(zip(samples["image"], samples["given_label"], strict=True))
    for drawn in (_chest, _tiles):
        labels = drawn(len(source))
        if all(image in labels and labels[image][0] == label for image, label in given.items()):
            ids = dict(zip(samples["image"], samples["sample_id"], strict=True))
            return {ids[image]: labels[image][1] for image in given}
    return {}


_Labels = dict[str, tuple[str, str]]
"""Image to its given label and its true one."""


def _chest(num_images: int) -> _Labels:
    return {each.image: (each.given_label, each.true_label) for each in plan_chest(num_images, _DRAWN_SEED)}


def _tiles(num_images: int) -> _Labels:
    tiles = plan_tiles(num_images, _DRAWN_SEED)
    return {tile.image: (CLASSES[tile.given_code], CLASSES[tile.true_code]) for tile in tiles}
