"""Reads the files of CIFAR-N: human labels of CIFAR's training images.

Source: Wei et al. 2022, "Learning with Noisy Labels Revisited: A Study Using Real-World Human Annotations". The files
(CIFAR-10_human.pt, CIFAR-100_human.pt, and .npy) hold a dict of arrays of codes: clean_label; of CIFAR-10 aggre_label,
worse_label and random_label1 to 3, of CIFAR-100 noisy_label and its coarse counterpart.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.errors import ConfigError, SourceError
from overread.sources.arrays.pickles import PickleError, read_pickle

_MAX_BYTES = 2**26
_NONE = "The file holds no labels of CIFAR-N; download it again."
_TORCH_BEFORE_1_6 = 0x1950A86A20F9469CFC6C
"""The first value in files that torch.save wrote before it used zip archives."""


@dataclass(frozen=True, slots=True)
class HumanLabels:
    """The labels of one file, as codes."""

    codes: dict[str, list[int]]
    """Every key of the file, in its order; a code for each training image."""
    given_key: str
    raters: dict[str, str]
    """Name of a rater column to the key of that rater's labels."""

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.codes)

    @property
    def given(self) -> list[int]:
        return self.codes[self.given_key]


def read_human_labels(path: Path, given_label: str | None, true_codes: np.ndarray, *, is_coarse: bool) -> HumanLabels:
    """The human labels of CIFAR's training images.

    given_label: the key of the labels under audit; needed if the file holds several.
    true_codes: (N,) the batches' own labels. The file's clean labels must equal them; otherwise its order differs.
    is_coarse: whether these, and the labels wanted, are CIFAR-100's coarse ones.
    Raises SourceError for a file without such labels or with those of other images, and ConfigError for an unknown
    key.
    """
    codes = {key: _codes(path, key, values, true_codes) for key, values in _arrays(path).items()}
    wanted = [key for key in codes if ("coarse" in key) == is_coarse]
    for key in wanted:
        if key.startswith("clean") and (num_other := int((np.array(codes[key]) != true_codes).sum())):
            raise SourceError(
                f"{path}: its {key} differs from the batches' labels in {num_other} of {len(true_codes)} images; "
                "give the file of this dataset, in the order of its Python version"
            )
    known = _given_labels(codes, is_coarse=is_coarse)
    if given_label is None and len(known) == 1:
        given_label = known[0]
    if given_label not in known:
        asked = f"--given-label {given_label}: {path.name} has no such label" if given_label else f"--labels {path}"
        raise ConfigError(f"{asked}; name the one to audit with --given-label: {', '.join(known) or 'none is there'}")
    raters = {
        f"rater_{key.removeprefix('random_label')}": key
        for key in known
        if re.fullmatch(r"random_label\d+", key) and key != given_label
    }
    return HumanLabels(codes, given_label, raters)


def given_labels(path: Path, *, is_coarse: bool = False) -> list[str]:
    """The keys of a file's labels that can be audited: all but the clean ones. Raises SourceError as above."""
    return _given_labels(_arrays(path), is_coarse=is_coarse)


def _given_labels(keys: Iterable[str], *, is_coarse: bool) -> list[str]:
    return [key for key in keys if ("coarse" in key) == is_coarse and not key.startswith("clean")]


def _codes(path: Path, key: str, values: Any, true_codes: np.ndarray) -> list[int]:
    values = np.array(values) if isinstance(values, list) else values
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iu" or values.ndim != 1:
        raise SourceError(f"{path}: its {key} is not a list of whole numbers; download the file again")
    if len(values) != len(true_codes):
        raise SourceError(
            f"{path}: its {key} is of {len(values)} images, and the batches hold {len(true_codes)} training images; "
            "give the file of this dataset"
        )
    return values.tolist()


def _arrays(path: Path) -> dict[str, Any]:
    try:
        content = _content(path)
    except (PickleError, zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError, KeyError) as error:
        raise SourceError(
            f"{path}: holds no labels of CIFAR-N ({error}); download the file again", public=_NONE
        ) from error
    if not isinstance(content, dict) or not content or any(type(key) is not str for key in content):
        raise SourceError(
            f"{path}: holds no labels of CIFAR-N (not a dict of arrays); download the file again", public=_NONE
        )
    return content


def _content(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            entry = next((entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl")), None)
            if entry is None:
                raise ValueError("a zip without data.pkl")
            return _unpickled(archive.read(entry)) if entry.file_size <= _MAX_BYTES else _refuse_size()
    return _unpickled(path.read_bytes()) if path.stat().st_size <= _MAX_BYTES else _refuse_size()


def _refuse_size() -> None:
    raise ValueError(f"more than {_MAX_BYTES} bytes")


def _unpickled(data: bytes) -> Any:
    file = io.BytesIO(data)
    if data.startswith(b"\x93NUMPY"):
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        read(file)
    content = read_pickle(file, len(data) - file.tell())
    if content == _TORCH_BEFORE_1_6:
        for _ in range(3):  # the format's version, the machine's sizes, and then what was saved
            content = read_pickle(file, len(data) - file.tell())
    return content
