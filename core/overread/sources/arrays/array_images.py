"""Writes the images of array files as files into the study, since all later steps expect image files."""

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from overread.files import file_mode, make_folder


def image_name(split: str, index: int, suffix: str = ".png") -> str:
    """The path of an image below the folder that the functions below return."""
    return f"{split}/{index:06d}{suffix}"


def write_arrays(
    files: Sequence[Path],
    batches: Iterable[tuple[str, int, np.ndarray]],
    folder: Path,
    *,
    only: Collection[str] | None = None,
) -> Path:
    """Write images as PNG files, losslessly, below `folder`; see `written_once`.

    files: the files that the arrays come from. only: the `image_name`s of those to write; None: all.
    batches: split, index of the first image, and (B, H, W) or (B, H, W, 3) uint8; one is in memory at a time.
    """

    def write(making: Path) -> None:
        with ThreadPoolExecutor() as threads:
            for split, start, batch in batches:
                make_folder(making / split)
                names = [image_name(split, start + place) for place in range(len(batch))]
                chosen = [place for place, name in enumerate(names) if only is None or name in only]
                paths = [making / names[place] for place in chosen]
                images = (batch[place] for place in chosen)
                list(threads.map(_write_png, paths, images, repeat(file_mode(folder))))

    return written_once(files, folder, write)


def write_encoded(files: Sequence[Path], images: Iterable[tuple[str, bytes]], folder: Path) -> Path:
    """Write images that are encoded already, byte for byte, below `folder`; see `written_once`.

    files: the files that they come from. images: the path of each (POSIX) and its content.
    """

    def write(making: Path) -> None:
        for name, content in images:
            path = making / name
            make_folder(path.parent)
            with _new_file(path, file_mode(folder)) as file:
                file.write(content)

    return written_once(files, folder, write)


def written_once(files: Sequence[Path], folder: Path, write: Callable[[Path], None]) -> Path:
    """Have `write` fill a folder below `folder`, completely or not at all; if it exists, it is left as it is.

    files: the files that its content comes from. Returns the folder; its name is derived from their sizes and times.
    """
    states = [file.stat() for file in files]
    stamp = ", ".join(f"{state.st_size} {state.st_mtime_ns}" for state in states)
    name = hashlib.sha256(stamp.encode()).hexdigest()[:16]
    if (folder / name).is_dir():
        return folder / name
    making = folder / f".{name}.making"
    shutil.rmtree(making, ignore_errors=True)  # what a killed process left
    try:
        write(making)
        return making.rename(folder / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _write_png(path: Path, pixels: np.ndarray, mode: int) -> None:
    with _new_file(path, mode) as file:
        Image.fromarray(pixels).save(file, format="png", compress_level=1)


def _new_file(path: Path, mode: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
