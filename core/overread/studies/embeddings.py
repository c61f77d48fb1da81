"""Features that a study's owner supplies: a .npy in the order of samples.csv, or a .npz with keys."""

import tokenize
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from overread.errors import ConfigError

_KEYS = ("sample_id", "image")
_LARGEST = 1e100
"""Its square is a number still."""


@dataclass(frozen=True)
class Embeddings:
    """Features of every sample of a study."""

    features: np.ndarray
    """(N, D) float32, the row order of samples.csv; moved and scaled, all columns alike, to a mean of 0 and a variance
    of 1 on average."""
    notes: tuple[str, ...] = ()
    """What the user should know; no file is named."""


def read_embeddings(path: Path, samples: pd.DataFrame) -> Embeddings:
    """Read a file of features, checked against a study's samples.

    path: a .npy with an array (N, D) of numbers, its rows in the order of samples.csv; or a .npz with such an array
    `embeddings`, in any order, and beside it `sample_id`, or `image` as samples.csv writes them, (N,) text each. Rows
    of a .npz that are no samples of the study are left out, and counted in a note, and so are columns that are the
    same for every sample. samples: samples.csv, of which sample_id and image are read. Nothing is unpickled.
    Raises ConfigError, naming file and row, for anything else.
    """
    if not path.is_file():
        what = "is a folder; name the file in it" if path.is_dir() else "no such file"
        raise ConfigError(f"--embeddings {path}: {what}")
    keys: np.ndarray | None = None
    try:
        with path.open("rb") as file:  # numpy leaves a file that it opened itself open if it is no archive
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                array = found
            else:
                array, key, keys = _keyed_array(path, found)
    except (ValueError, OSError, EOFError, MemoryError, BadZipFile, zlib.error, tokenize.TokenError) as error:
        why = (
            "holds Python objects; save plain numbers, and text as numpy.array(names, dtype=str)"
            if "Object arrays" in str(error)
            else "is not an intact .npy or .npz file as numpy.save and numpy.savez write them"
        )
        raise ConfigError(f"--embeddings {path}: {why}") from error
    if array.ndim != 2 or array.dtype.kind not in "fiu" or not array.shape[1]:
        raise ConfigError(
            f"--embeddings {path}: found an array {array.shape} of {array.dtype}; must be one row of numbers for every "
            "sample"
        )
    notes = []
    if keys is None:
        if len(array) != len(samples):
            raise ConfigError(
                f"--embeddings {path}: has {len(array)} rows, and the study {len(samples)} samples; give a row for "
                "every row of samples.csv, in its order, or a .npz with sample_id or image beside the embeddings"
            )
    else:
        array, num_others = _in_order(path, array, key, keys, samples[key].to_numpy(dtype=str))
        if num_others:
            notes.append(f"{num_others} rows of the embeddings match no sample of the study and were left out")
    is_faulty = ~(np.abs(array.astype(np.float64)) < _LARGEST).all(axis=1)
    if is_faulty.any():
        row = int(np.flatnonzero(is_faulty)[0])
        raise ConfigError(
            f"--embeddings {path}: {is_faulty.sum()} samples have values that are not finite or above {_LARGEST:.0e}; "
            f"the first is {samples['sample_id'].iloc[row]}, row {row} of samples.csv, counted from 0"
        )
    num_constant = int((array == array[0]).all(axis=0).sum())
    if num_constant == array.shape[1]:
        raise ConfigError(f"--embeddings {path}: every sample has the same values; give features that tell them apart")
    if num_constant:
        notes.append(
            f"{num_constant} of the {array.shape[1]} columns are the same for every sample and carry no information"
        )
    return Embeddings(_scaled(array), tuple(notes))


def _scaled(array: np.ndarray) -> np.ndarray:
    """(N, D) float32: around a mean of 0, and of variance 1 on average, for a run keeps its features as float16."""
    centred = array - array.mean(axis=0, dtype=np.float64)
    return (centred / np.sqrt(np.mean(centred**2))).astype(np.float32)


def _keyed_array(path: Path, arrays: np.lib.npyio.NpzFile) -> tuple[np.ndarray, str, np.ndarray]:
    """The array of a .npz, the name of what its rows are keyed by, and their keys."""
    key = next((name for name in _KEYS if name in arrays.files), None)
    if key is None or "embeddings" not in arrays.files:
        raise ConfigError(
            f"--embeddings {path}: needs an array `embeddings`, and `sample_id` or `image` beside it; found "
            f"{', '.join(arrays.files) or 'none'}"
        )
    array, keys = arrays["embeddings"], arrays[key].astype(str)
    if keys.ndim != 1 or keys.shape != array.shape[:1]:
        raise ConfigError(f"--embeddings {path}: found {key} {keys.shape} beside embeddings {array.shape}")
    return array, key, keys


def _in_order(path: Path, array: np.ndarray, key: str, keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, int]:
    """The rows of the wanted keys, in their order, and how many others there are."""
    places = {str(name): row for row, name in enumerate(keys)}
    if len(places) < len(keys):
        row = next(row for row, name in enumerate(keys) if places[name] != row)
        raise ConfigError(f"--embeddings {path}: {key} {str(keys[row])!r} appears twice; keep one row")
    missing = [str(name) for name in wanted if name not in places]
    if missing:
        raise ConfigError(
            f"--embeddings {path}: has no row for {len(missing)} of the study's {len(wanted)} samples; the first is "
            f"{key} {missing[0]!r}"
        )
    return array[[places[name] for name in wanted]], len(keys) - len(set(wanted))
