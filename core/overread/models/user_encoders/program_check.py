"""Refuses programs of torch.export that could run code of their own where they are loaded.

torch.export.load unpickles what an archive says is pickled, loads compiled libraries, looks operators up by name,
evaluates sizes and guards as text, and writes the names of values into Python code that it then runs.
Format: torch.export.pt2_archive and torch._export.serde, of torch 2.9 and later.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from overread.errors import ConfigError

_NAME = re.compile(r"[\w.]*")
_PATTERNS = {
    "target": re.compile(
        r"torch\.ops\.aten\.\w+\.\w+|torch\.sym_\w+|"
        r"_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|eq|ne|lt|le|gt|ge)"
    ),
    "expr_str": re.compile(
        r"(Symbol\('[su]\d+', positive=True, integer=True\)|[su]?\d+|Max|Min|Mod|FloorDiv|CleanDiv|CeilDiv|"
        r"[-+*/(), ]|int_oo)*"
    ),
    "path_name": re.compile(r"(weight|tensor)_\d+"),
    "as_string": re.compile(r"[\w.,> -]*"),
    "torch_version": re.compile(r"[\w.+]*"),
}
"""What the text under a key may be; under any other key, a name."""
_SPECS = ("in_spec", "out_spec")
"""JSON inside the JSON: how inputs and outputs are nested."""


def check_program(path: Path) -> None:
    """Raises ConfigError unless a file is a program whose loading reads nothing but tensors and names."""
    try:
        with zipfile.ZipFile(path) as archive:
            # Inside a folder of the archive's name.
            files = {name.partition("/")[2]: name for name in archive.namelist()}
            if [name for name in files if name.startswith("models/")] != ["models/model.json"]:
                raise ConfigError(f"--encoder {path}: is no program of torch.export.save; export it with torch 2.9 on")
            for name in files:
                if name.startswith("data/aotinductor") or name.endswith((".so", ".o", ".cubin")):
                    raise ConfigError(f"--encoder {path}: holds compiled code; save it with torch.export.save")
                if name.endswith(".pt"):
                    _check_tensors(path, name, archive.read(files[name]))
                if name.endswith(".json"):
                    _check_json(path, json.loads(archive.read(files[name])))
    except (zipfile.BadZipFile, ValueError) as error:
        raise ConfigError(f"--encoder {path}: is no program of torch.export.save") from error


def _check_tensors(path: Path, name: str, content: bytes) -> None:
    """Example inputs, for which torch falls back to running a pickle's code if they are more than tensors."""
    if not name.startswith("data/sample_inputs/"):
        raise ConfigError(f"--encoder {path}: was saved by an old torch; export it with torch 2.9 or later")
    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except Exception as error:  # torch raises pickle's and its own errors
        raise ConfigError(f"--encoder {path}: {name} in it holds more than tensors, and is not read") from error


def _check_json(path: Path, content: Any) -> None:
    for key, value in _leaves(content):
        if key in _SPECS:
            inner = [text for _, text in _leaves(json.loads(value)) if isinstance(text, str)]
            is_allowed = all(text == "[]" or _NAME.fullmatch(text) for text in inner)
        elif isinstance(value, str):
            is_allowed = _PATTERNS.get(key, _NAME).fullmatch(value) is not None and key != "guards_code"
        else:
            is_allowed = key != "use_pickle" or value is False
        if not is_allowed:
            raise ConfigError(f"--encoder {path}: {key[:30]} {str(value)[:60]!r} in it could run code, and is not read")


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every text, number and truth value with the key above it, and every key with none. Without "metadata", where in
    its author's source code a step came from: torch only shows it."""
    waiting = [(key, value)]
    while waiting:
        above, current = waiting.pop()
        match current:
            case dict():
                yield from (("", name) for name in current)
                waiting += [(name, inner) for name, inner in current.items() if name != "metadata"]
            case list():
                waiting += [(above, inner) for inner in current]
            case _:
                yield above, current
