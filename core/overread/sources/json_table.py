"""Reads a JSON list of objects as a table of text: the cells that an export writes back."""

import json
from pathlib import Path
from typing import Any

from overread.errors import ManifestError


class _Number(str):
    """A number as the file writes it: 1.10 stays 1.10."""

    __slots__ = ()


def read_json_table(path: Path) -> list[dict[str, str]]:
    """The entries of `[{"name": ..., "label": ...}, ...]`, in their order, every value as text.

    Text stays as it is, a number as it is written; null is empty; a list or an object is JSON again.
    Raises ManifestError for anything but such a list, and for an entry that a CSV cannot hold.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise ManifestError(f'{path.name}: is not a list of {{"name": ..., "label": ...}}; restore the file, or fix it')
    return [text_entry(value, f"{path.name} entry {number}") for number, value in enumerate(content, start=1)]


def read_json(path: Path) -> Any:
    """The content of a JSON file, with numbers as they are written. Raises ManifestError if it is not valid JSON."""
    return parsed_json(path.read_bytes(), path.name)


def parsed_json(content: bytes | str, where: str) -> Any:
    """As `read_json`. where: the file, and the row in it, named in the ManifestError."""
    try:
        # From bytes: json tells UTF-8, UTF-16 and UTF-32 apart, with or without a BOM.
        return json.loads(
            content,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Number,
            object_pairs_hook=_object,
        )
    except ValueError as error:
        raise ManifestError(f"{where}: is not valid JSON ({error}); restore the file, or fix it") from error
    except RecursionError as error:
        raise ManifestError(f"{where}: its lists are nested too deeply; is it the right file?") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} appears twice in one object")
    return values


def text_entry(value: Any, where: str) -> dict[str, str]:
    """An object of a JSON file with its values as text, as in `read_json_table`. where: named in the ManifestError
    that is raised for what a CSV cannot hold.
    """
    if not isinstance(value, dict):
        raise ManifestError(f'{where}: is not {{"name": ..., "label": ...}}; fix it')
    try:
        entry = {key: _cell(part) for key, part in value.items()}
        "".join((*entry, *entry.values())).encode()
    except UnicodeEncodeError as error:  # "\ud800": JSON allows half a surrogate pair, text does not
        raise ManifestError(f"{where}: holds half of a surrogate pair, which is no text; fix it") from error
    except RecursionError as error:
        raise ManifestError(f"{where}: its lists are nested too deeply; fix it") from error
    return entry


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json(key)}: {_json(part)}" for key, part in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
