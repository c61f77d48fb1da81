"""Measures how long saving a verdict takes, for one reader and for many at once."""

import multiprocessing
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np

from overread.errors import LedgerError
from overread.records import Verdict, VerdictKind
from overread.review.ledger import Ledger, visit_key
from overread.review.ledger_state import LedgerStateFile

_KEY = b"a key for measuring"
_PATIENCE_S = 60
"""How long a process waits for the others to be ready; then all end with an error."""
_barrier: Barrier
"""Of this process and the others: `_meet` sets it."""


@dataclass(frozen=True, slots=True)
class SavingTimes:
    """Of one number of processes."""

    num_processes: int
    num_saved: int
    num_refused: int
    num_rows: int
    """In the ledger at the end: as many as were saved."""
    median_ms: float
    p95_ms: float
    max_ms: float
    saved_per_s: float


def measure_saving(
    folder: Path,
    *,
    num_processes: Sequence[int] = (1, 4, 20),
    seconds: float = 10.0,
    pause_s: float = 0.0,
    database: str | None = None,
) -> list[SavingTimes]:
    """Each process records verdicts for so many seconds, each into the same ledger, a new one for each number.

    pause_s: the mean pause between two verdicts of a process, exponentially distributed, as of a reader who looks at
    images; 0 for none. database: a URL; SQLite in `folder` if not given. The first verdicts of each process, up to a
    second, do not count.
    Raises LedgerError if the database cannot be used.
    """
    spawn = multiprocessing.get_context("spawn")
    found = []
    for number in num_processes:
        place = folder / f"save-{number}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        url, study = database or f"sqlite:///{place.resolve() / 'review.db'}", secrets.token_hex(8)
        ledger = _open(url, study, place)
        barrier = spawn.Barrier(number, timeout=_PATIENCE_S)
        with ProcessPoolExecutor(number, mp_context=spawn, initializer=_meet, initargs=(barrier,)) as pool:
            saving = partial(_save, url=url, study=study, place=place, seconds=seconds, pause_s=pause_s)
            parts = list(pool.map(saving, range(number)))
        times = np.concatenate([part[0] for part in parts])
        num_saved = sum(part[1] for part in parts)
        median_ms, p95_ms, max_ms = (1000 * float(value) for value in np.quantile(times, (0.5, 0.95, 1.0)))
        num_rows = ledger.verify_chain().sequence
        num_refused = sum(part[2] for part in parts)
        rate = len(times) / seconds
        found.append(SavingTimes(number, num_saved, num_refused, num_rows, median_ms, p95_ms, max_ms, rate))
        ledger.engine.dispose()
    return found


def saving_lines(times: Sequence[SavingTimes]) -> list[str]:
    """As a table for the terminal."""
    lines = [
        f"{os.cpu_count()} cores; ms per saved verdict",
        "processes  median     p95     max  per s  refused  saved  rows",
    ]
    for row in times:
        lines.append(
            f"{row.num_processes:9d}{row.median_ms:8.1f}{row.p95_ms:8.1f}{row.max_ms:8.1f}{row.saved_per_s:7.0f}"
            f"{row.num_refused:9d}{row.num_saved:7d}{row.num_rows:6d}"
        )
    return lines


def _open(url: str, study: str, place: Path) -> Ledger:
    return Ledger.open(url, study, _KEY, state_file=LedgerStateFile(place / "ledger.json", _KEY))


def _meet(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier


def _save(
    reader: int, *, url: str, study: str, place: Path, seconds: float, pause_s: float
) -> tuple[list[float], int, int]:
    """The seconds that each verdict took, and how many were saved and refused."""
    ledger, rng = _open(url, study, place), np.random.default_rng(reader)
    times, num_saved, num_refused = [], 0, 0
    _barrier.wait()
    began_s = time.monotonic()
    number = 0
    while (now_s := time.monotonic()) < began_s + seconds + 1:
        number += 1
        sample = f"{reader}-{number}"
        verdict = Verdict(
            sample, f"reader {reader}", VerdictKind.ACCEPT, "a", "b", "b", "run", 0.5, visit_key("r", sample, "1")
        )
        try:
            ledger.record(verdict)
            num_saved += 1
        except LedgerError:
            num_refused += 1
        if now_s > began_s + 1:
            times.append(time.monotonic() - now_s)
        time.sleep(rng.exponential(pause_s))
    ledger.engine.dispose()
    return times, num_saved, num_refused
