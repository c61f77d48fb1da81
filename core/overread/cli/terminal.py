"""What a command prints: its result and its progress."""

import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overread.studies.study import Study

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys instead of showing it: control characters (C0, DEL, C1), changes of the direction of text, ends
of line; and halves of characters, which it cannot write."""


def visible(line: str) -> str:
    """A line as a terminal may show it: what it would obey is written out, as \\x1b or \\u202e. Names of classes and
    files come from the source, and could else clear the screen, change its title or forge a line."""
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], line)


def print_result(as_json: bool, values: dict[str, Any], lines: list[str]) -> None:
    """Print a command's result: lines for people, or one line of JSON."""
    if as_json:
        text = json.dumps(_without_nan(values), ensure_ascii=False, default=str)
        # The same value to whoever parses it: these stand in strings alone, and JSON has written C0 out already.
        print(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
    else:
        print("\n".join(map(visible, lines)))


def print_error(message: str) -> None:
    """Print an error as one line on standard error."""
    print(f"error: {visible(message)}", file=sys.stderr)


def tell_state(study: "Study") -> None:
    """Say so where an update of the study did not end, or an earlier version decoded its images otherwise."""
    from overread.studies.earlier_decoding import decoding_note

    notes = [decoding_note(study)]
    if study.is_update_unfinished:
        notes.append(
            "an update of this study was interrupted, and the study is unchanged; run the same import --update again"
        )
    for note in filter(None, notes):
        print(f"note: {note}", file=sys.stderr)


def _without_nan(value: Any) -> Any:
    """What is not defined becomes null: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


@contextmanager
def progress_bar(as_json: bool) -> Iterator[Callable[[float, str], None]]:
    """A progress bar on a terminal. With --json lines of {"fraction", "message"} on standard error, for a program."""
    if as_json:
        yield _tell_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("starting", total=1.0)
        yield lambda fraction, message: progress.update(task, completed=fraction, description=visible(message))


def _tell_lines(interval_s: float = 0.5) -> Callable[[float, str], None]:
    told_s = -interval_s

    def tell(fraction: float, message: str) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= interval_s:
            told_s = time.monotonic()
            print(json.dumps({"fraction": round(fraction, 4), "message": message}), file=sys.stderr, flush=True)

    return tell
