"""Looks at the start of a JSON file, to tell one tool's export from another's without reading the whole."""

import json
import re
from pathlib import Path
from typing import Any

_SNIFFED_BYTES = 1 << 20
_BLANK = re.compile(r"[\s,]*")


def json_start(path: Path) -> dict[str, Any]:
    """The first keys of a JSON object, each with its value; a list is represented by its first element, or None.

    Reads no more than the file's first megabyte, and stops at the first value that goes on beyond it, which is None
    unless it is a list. Empty if the file does not hold an object.
    """
    with path.open("rb") as file:
        text = file.read(_SNIFFED_BYTES).decode("utf-8-sig", "ignore").lstrip()
    found: dict[str, Any] = {}
    if not text.startswith("{"):
        return found
    decode, place = json.JSONDecoder().raw_decode, _next(text, 1)
    try:
        while text[place] != "}":
            key, place = decode(text, place)
            place = _next(text, text.index(":", place) + 1)
            found[str(key)] = None
            if text[place] == "[" and text[first := _next(text, place + 1)] != "]":
                found[str(key)], _ = decode(text, first)
            value, place = decode(text, place)
            if not isinstance(value, list):
                found[str(key)] = value
            place = _next(text, place)
    except (ValueError, IndexError, RecursionError):
        pass  # the file goes on, or is not JSON: what was found so far tells
    return found


def _next(text: str, place: int) -> int:
    """Where the next thing begins that is neither blank nor a comma."""
    blank = _BLANK.match(text, place)
    return blank.end() if blank else place
