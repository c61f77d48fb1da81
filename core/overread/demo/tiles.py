"""The demo's tiles: each one's slide, content and readers' labels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from overread.demo.simulated_readers import draw_ambiguity, misread
from overread.demo.tissue import SPECTRUM, SlideLook, draw_tile, make_slide_look

CLASSES = ("normal", "serrated", "adenocarcinoma", "adenoma")
"""Index is the code in Chaoyang's JSON files."""
READER_ERROR_RATES = {"label_A": 0.135, "label_B": 0.185, "label_C": 0.05}
"""As in the real set, where A and B differ from the majority that often. The given label is A's reading."""

_SHARES = (0.29, 0.20, 0.20, 0.31)
"""Of the classes, in the order of SPECTRUM; near those of the real set."""


@dataclass(frozen=True)
class Tile:
    """One tile before it is drawn."""

    image: str
    """Name as in the JSON files. Its last number is the given label, as in the real set."""
    split: str
    slide: int
    position: float
    """Where it lies in SPECTRUM, in [0, 3]."""
    ambiguity: float
    """0 for a textbook case, 1 on the border to the neighbouring class."""
    true_code: int
    given_code: int
    reader_codes: dict[str, int]
    """By the key in train_label.json."""


def plan_tiles(num_images: int, seed: int) -> list[Tile]:
    """All tiles of a set, in no telling order; about a sixth of them are test tiles."""
    rng = np.random.default_rng([seed, 0])
    step = rng.choice(len(SPECTRUM), num_images, p=_SHARES)
    side = rng.choice([-1, 1], num_images)
    side = np.where(step == 0, 1, np.where(step == len(SPECTRUM) - 1, -1, side))
    ambiguity = draw_ambiguity(num_images, rng)
    code_of_step = np.array([CLASSES.index(name) for name in SPECTRUM])
    truth, neighbour = code_of_step[step], code_of_step[step + side]
    readings = {name: misread(truth, neighbour, ambiguity, rate, rng) for name, rate in READER_ERROR_RATES.items()}
    given = readings["label_A"]

    slides, spots = _draw_slides(step, rng), np.zeros(num_images, int)
    for slide in np.unique(slides):
        is_here = slides == slide
        spots[is_here] = rng.choice(60 * 20, is_here.sum(), replace=False)
    case_numbers = rng.choice(np.arange(340_000, 380_000), slides.max() + 1, replace=False)
    blocks = rng.integers(1, 9, slides.max() + 1)
    is_test = np.zeros(num_images, bool)
    is_test[rng.choice(num_images, num_images // 6, replace=False)] = True

    tiles = []
    for index in range(num_images):
        split, slide = "test" if is_test[index] else "train", slides[index]
        field, place = divmod(int(spots[index]), 20)
        stem = f"{case_numbers[slide]}_{blocks[slide]}-IMG{field + 1:03d}x{place + 1:03d}"
        tiles.append(
            Tile(
                image=f"{split}/{stem}-{given[index]}.JPG",
                split=split,
                slide=int(slide),
                position=float(step[index] + 0.5 * side[index] * ambiguity[index]),
                ambiguity=float(ambiguity[index]),
                true_code=int(truth[index]),
                given_code=int(given[index]),
                reader_codes={name: int(codes[index]) for name, codes in readings.items()},
            )
        )
    return tiles


def tile_pixels(tile: Tile, index: int, seed: int) -> np.ndarray:
    """(256, 256, 3) uint8 of the tile at an index of the plan."""
    return draw_tile(tile.position, _look(tile.slide, seed), np.random.default_rng([seed, 2, index]))


def tiles_truth(num_images: int = 600, seed: int = 0) -> pd.DataFrame:
    """What the tiles really show. Columns image (as in the JSON files) and true_label (the class's name)."""
    tiles = plan_tiles(num_images, seed)
    return pd.DataFrame(
        {"image": [tile.image for tile in tiles], "true_label": [CLASSES[tile.true_code] for tile in tiles]}
    )


def _look(slide: int, seed: int) -> SlideLook:
    return make_slide_look(np.random.default_rng([seed, 1, slide]))


def _draw_slides(step: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A slide for every tile: each slide holds a lesion of one kind in the main, and normal mucosa beside it."""
    num_slides = int(np.clip(step.size // 22, 3, 26))
    lesion = np.resize(np.arange(1, len(SPECTRUM)), num_slides)
    is_normal = step[:, None] == 0
    affinity = np.where(is_normal, 1.0, np.where(step[:, None] == lesion, 3.0, 0.7)) * rng.uniform(0.6, 1.4, num_slides)
    borders = affinity.cumsum(axis=1)
    return (rng.random((step.size, 1)) * borders[:, -1:] > borders).sum(axis=1)
