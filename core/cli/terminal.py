"""What a command shows: its result, and how far it has come."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.datasets.study import Study


def print_result(as_json: bool, values: dict[str, Any], lines: list[str]) -> None:
    print(json.dumps(_without_nan(values), ensure_ascii=False, default=str) if as_json else "\n".join(lines))


def warn_of_stopped_update(study: "Study") -> None:
    """Say so where an update of the study did not end."""
    if study.is_update_unfinished:
        print(
            "note: an update of this study was stopped; the study is as it was before it; run the same import --update "
            "again",
            file=sys.stderr,
        )


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
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("starting", total=1.0)
        yield lambda fraction, message: progress.update(task, completed=fraction, description=message)


def _tell_lines(interval_s: float = 0.5) -> Callable[[float, str], None]:
    told_s = -interval_s

    def tell(fraction: float, message: str) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= interval_s:
            told_s = time.monotonic()
            print(json.dumps({"fraction": round(fraction, 4), "message": message}), file=sys.stderr, flush=True)

    return tell
