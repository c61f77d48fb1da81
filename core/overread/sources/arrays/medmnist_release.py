"""MedMNIST's datasets by name: downloads their files, and names their classes.

Both use the list in the package medmnist, if it is installed. Only that list is read, since importing the package
imports torch; so `pip install --no-deps medmnist` is enough. Files are kept where the package keeps them.
"""

import ast
import hashlib
import importlib.util
import re
import urllib.error
import urllib.request
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO

from overread.errors import ConfigError, SourceError
from overread.files import atomic_writer
from overread.records import Source
from overread.sources.source_format import OnBytes

PREFIX = "medmnist:"
_INSTALL = "pip install --no-deps medmnist"
_CHUNK_BYTES = 2**20
_TIMEOUT_S = 60


def fetched_file(source: str, on_progress: OnBytes | None = None) -> Path:
    """The file ~/.medmnist/NAME.npz of the source `medmnist:NAME`, downloaded if it isn't there.

    NAME: as MedMNIST's files are named: pathmnist (28 px), or with a size, pathmnist_64, pathmnist_128, pathmnist_224.
    on_progress: called with the bytes fetched and the bytes in total.
    Raises ConfigError for an unknown name or size; SourceError without the package, for a dataset of 3-D images or
    with several labels per image, and if the file can't be downloaded or saved, or differs from the release's.
    """
    name = source.removeprefix(PREFIX)
    datasets = _datasets()
    if datasets is None:
        raise SourceError(f"{PREFIX}{name}: the list of MedMNIST's datasets is not installed; {_INSTALL}")
    dataset, _, size = name.partition("_")
    _check(name, dataset, datasets)
    suffix = "" if size in ("", "28") else f"_{size}"
    if f"url{suffix}" not in datasets[dataset]:
        sizes = ", ".join(["28", *sorted((key[4:] for key in datasets[dataset] if key.startswith("url_")), key=int)])
        raise ConfigError(f"{PREFIX}{name}: {dataset} has no size {size!r}; it comes in {sizes} px")
    url, md5 = datasets[dataset][f"url{suffix}"], datasets[dataset][f"MD5{suffix}"]
    path = Path.home() / ".medmnist" / f"{dataset}{suffix}.npz"
    if path.is_file():
        if _md5(path) != md5:
            raise SourceError(f"{path}: is not the release's file (its MD5 differs); delete it and run this again")
        return path
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_writer(path) as file:
            if _fetch(name, url, file, on_progress) != md5:
                raise SourceError(f"{PREFIX}{name}: {url} is not the release's file (its MD5 differs); try again later")
    except PermissionError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror}); check its permissions") from error
    return path


def with_class_names(source: Source) -> Source:
    """A source from `read_medmnist` with the names of its classes, if its file is named as in the release.

    Without the package, or if codes and list don't match, the codes stay and a message says so.
    """
    name = Path(source.labels_file).stem
    if not (found := re.fullmatch(r"([a-z]+mnist)(_\d+)?", name)):
        return source
    datasets = _datasets()
    if datasets is None:
        message = f"the classes are codes; {_INSTALL} tells their names, or --classes 0=NAME,..."
        return replace(source, messages=(*source.messages, message))
    if found[1] not in datasets:
        return source
    names = {str(code): name for code, name in datasets[found[1]]["label"].items()}
    if strange := sorted({row.label for row in source.rows} - names.keys()):
        message = f"the classes are codes: {found[1]} has no class {strange[0]}"
        return replace(source, messages=(*source.messages, message))
    return replace(
        source,
        rows=tuple(replace(row, label=names[row.label]) for row in source.rows),
        classes=tuple(names.values()),
        written_labels={name: code for code, name in names.items() if name != code},
    )


def _datasets() -> dict[str, dict[str, Any]] | None:
    """The package's list INFO; None if the package isn't installed."""
    spec = importlib.util.find_spec("medmnist")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / "info.py"
    try:
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        return next(
            ast.literal_eval(statement.value)
            for statement in statements
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "INFO"
        )
    except (OSError, ValueError, SyntaxError, StopIteration) as error:
        raise SourceError(f"{path}: holds no list of MedMNIST's datasets; {_INSTALL} anew") from error


def _check(name: str, dataset: str, datasets: dict[str, dict[str, Any]]) -> None:
    faults = {key: _fault(key, datasets[key]) for key in datasets}
    if dataset not in datasets:
        known = ", ".join(key for key, fault in faults.items() if not fault)
        raise ConfigError(f"{PREFIX}{name}: MedMNIST has no such dataset; give one of {known}")
    if faults[dataset]:
        raise SourceError(f"{PREFIX}{name}: {faults[dataset]}")


def _fault(dataset: str, entry: dict[str, Any]) -> str:
    if dataset.endswith("3d"):
        return "holds 3-D images; 2-D images are read"
    return "has several labels for each image; one is needed" if "multi-label" in entry["task"] else ""


def _fetch(name: str, url: str, file: BinaryIO, on_progress: OnBytes | None) -> str:
    """Download into `file`; returns the MD5 of what came."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # nosec B310 # a constant URL
            num_bytes = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                if on_progress:
                    on_progress(file.tell(), max(num_bytes, file.tell()))
    except (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError) as error:
        raise SourceError(
            f"{PREFIX}{name}: {url} cannot be fetched ({getattr(error, 'reason', error)}); check the network, or "
            "fetch the file in another way and name it"
        ) from error
    return digest.hexdigest()


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
