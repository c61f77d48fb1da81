"""How long a verdict takes to be saved while several processes save without pauses, each as the app does it."""

import math
import multiprocessing
import os
import platform
import shutil
import sqlite3
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigError, LedgerError
from core.records import Verdict, VerdictKind
from core.review.ledger import Ledger, visit_key
from core.review.memory import Memory

_KEY = b"the benchmark's key"
_START_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Saving:
    """What `num_processes` measured together."""

    num_processes: int
    num_saved: int
    """Verdicts that `record` acknowledged."""
    num_refused: int
    median_ms: float
    p95_ms: float
    max_ms: float
    """Of all tries, refused ones included."""
    is_whole: bool
    """The ledger holds the verdicts that were acknowledged, no more and no fewer, and its chain fits."""


def measure_saving(
    out: Path,
    *,
    processes: Sequence[int] = (1, 4, 20),
    seconds: float = 10.0,
    database: str | None = None,
    listener: Callable[[float, str], None] | None = None,
) -> tuple[list[Saving], str]:
    """Measure, and return the results with a page to print.

    out: a folder on the disk in question; what is written there is removed. database: the URL of a database made for
    this, as the rows stay in it; None: a SQLite file in `out`. seconds: for each number of processes.
    Raises ConfigError if there is nothing to measure.
    """
    if not processes or min(processes) < 1 or not seconds > 0:
        raise ConfigError("bench save: give numbers of processes from 1 on, and some seconds to measure for")
    folder = out / f"saving-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        results = []
        for place, num in enumerate(processes):
            if listener is not None:
                listener(place / len(processes), f"{num} processes save")
            results.append(_measure(database or f"sqlite:///{folder.resolve() / 'review.db'}", folder, num, seconds))
    finally:
        shutil.rmtree(folder)
    return results, _page(results, "SQLite" if database is None else database.partition(":")[0], seconds)


def _measure(url: str, folder: Path, num_processes: int, seconds: float) -> Saving:
    study = uuid.uuid4().hex
    ledger = Ledger.open(url, study, _KEY, memory=Memory(folder / f"{study}.json", _KEY))
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(num_processes), spawn.Queue()
    arguments = (url, study, folder, seconds, barrier, answers)
    workers = [spawn.Process(target=_save, args=(number, *arguments), daemon=True) for number in range(num_processes)]
    for worker in workers:
        worker.start()
    told = [answers.get(timeout=_START_LIMIT_S + seconds) for _ in workers]
    for worker in workers:
        worker.join()
    times_ms = sorted(1000 * elapsed_s for times, _ in told for elapsed_s in times)
    keys = sorted(key for _, saved in told for key in saved)
    rows = ledger.history()
    is_whole = sorted(row.idempotency_key for row in rows) == keys and ledger.verify_chain().sequence == len(keys)
    ledger.engine.dispose()
    num_saved = len(keys) - num_processes  # without the warm-up's
    return Saving(
        num_processes=num_processes,
        num_saved=num_saved,
        num_refused=len(times_ms) - num_saved,
        median_ms=statistics.median(times_ms),
        p95_ms=times_ms[math.ceil(0.95 * len(times_ms)) - 1],
        max_ms=times_ms[-1],
        is_whole=is_whole,
    )


def _save(number: int, url: str, study: str, folder: Path, seconds: float, barrier, answers) -> None:
    """One process: its times in seconds, and the keys of the verdicts that were saved."""
    ledger = Ledger.open(url, study, _KEY, memory=Memory(folder / f"{study}.json", _KEY))
    reader = f"reader {number}"
    times, saved = [], []
    while not saved:
        _record(ledger, reader, "warm-up", saved)
    barrier.wait(_START_LIMIT_S)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        _record(ledger, reader, f"sample {len(times)}", saved)
        times.append(time.perf_counter() - began)
    ledger.engine.dispose()
    answers.put((times, saved))


def _record(ledger: Ledger, reader: str, sample_id: str, saved: list[str]) -> None:
    key = visit_key(reader, sample_id, "1")
    verdict = Verdict(sample_id, reader, VerdictKind.ACCEPT, "normal", "tumour", "tumour", "run", 0.75, key)
    try:
        ledger.record(verdict)
    except LedgerError:
        return
    saved.append(key)


def _page(results: Sequence[Saving], database: str, seconds: float) -> str:
    lines = [
        "| processes | saved | per second | refused | median ms | p95 ms | max ms | rows == acknowledged |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {found.num_processes} | {found.num_saved} | {found.num_saved / seconds:.0f} | {found.num_refused} | "
            f"{found.median_ms:.0f} | {found.p95_ms:.0f} | {found.max_ms:.0f} | {'yes' if found.is_whole else 'NO'} |"
            for found in results
        ),
        "",
        f"{database}; {seconds:g} s each, without pauses; {os.cpu_count()} cores, {platform.machine()}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}",
    ]
    return "\n".join(lines)
