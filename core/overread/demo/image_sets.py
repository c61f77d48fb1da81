"""The demo's two image sets, generated from a seed: they contain no images of patients.

What the files say is what a real set would say: given labels, some of them wrong. The truth is in no file; it
is worked out again from the seed by `tiles_truth` and `chest_truth`.
"""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from PIL import Image

from overread.demo.chest import chest_truth, plan_chest, write_dicom
from overread.demo.texture import forget_sheets
from overread.demo.tiles import plan_tiles, tile_pixels, tiles_truth
from overread.files import write_atomically

__all__ = ["chest_truth", "tiles_truth", "write_chest", "write_tiles"]

OnProgress = Callable[[int, int], None]
"""Called with the number of images done and the number of all."""


def write_tiles(folder: Path, *, num_images: int = 600, seed: int = 0, on_progress: OnProgress | None = None) -> None:
    """Write H&E-like tiles in Chaoyang's layout: JPEG files in train/ and test/, then the three JSON files.

    train.json and test.json: a list of name and label (the given one). train_label.json adds the three readers.
    A folder without train.json is not whole.
    """
    tiles = plan_tiles(num_images, seed)
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True, exist_ok=True)

    def draw(index: int) -> None:
        image = Image.fromarray(tile_pixels(tiles[index], index, seed))
        image.save(folder / tiles[index].image, format="JPEG", quality=82 + tiles[index].slide % 3 * 5)

    _for_each(draw, num_images, on_progress)
    rows = {
        split: [{"name": tile.image, "label": tile.given_code} for tile in tiles if tile.split == split]
        for split in ("train", "test")
    }
    readings = [tile.reader_codes for tile in tiles if tile.split == "train"]
    read = [{**row, **codes} for row, codes in zip(rows["train"], readings, strict=True)]
    for name, content in (("train_label", read), ("test", rows["test"]), ("train", rows["train"])):
        write_atomically(folder / f"{name}.json", json.dumps(content, indent=1) + "\n")


def write_chest(folder: Path, *, num_images: int = 600, seed: int = 0, on_progress: OnProgress | None = None) -> None:
    """Write chest-radiograph phantoms as DICOM files in images/, then labels.csv.

    Its columns are image, label (the given one) and patient. A folder without labels.csv is not whole.
    """
    plan = plan_chest(num_images, seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)

    def draw(index: int) -> None:
        write_dicom(folder / plan[index].image, plan[index], index, seed)

    _for_each(draw, num_images, on_progress)
    table = pd.DataFrame(
        {
            "image": [item.image for item in plan],
            "label": [item.given_label for item in plan],
            "patient": [item.patient_id for item in plan],
        }
    )
    write_atomically(folder / "labels.csv", table.to_csv(index=False, lineterminator="\n"))


def _for_each(draw: Callable[[int], None], num_images: int, on_progress: OnProgress | None) -> None:
    # Threads: Pillow and numpy let go of the interpreter's lock in what takes the time.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for num_done, _ in enumerate(pool.map(draw, range(num_images)), start=1):
            if on_progress is not None:
                on_progress(num_done, num_images)
    forget_sheets()
