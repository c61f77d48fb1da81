"""Measures how long it takes to read the standing decisions from a large ledger."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from overread.records import Verdict, VerdictKind
from overread.review.chain import FIRST_HASH, LedgerRow, with_hash
from overread.review.decision_fold import shared_fold
from overread.review.ledger import Ledger, visit_key
from overread.review.row_transfer import restore_rows

_KEY = b"a key for measuring"
_READERS = ("reader 1", "reader 2", "reader 3")
_NUM_TIMES = 10


@dataclass(frozen=True, slots=True)
class ReadingTimes:
    """Of one reader's decisions, or of everyone's; medians of ten."""

    reader: str | None
    """None: everyone's."""
    num_decisions: int
    first_ms: float
    """A process's first look: all rows are read."""
    again_ms: float
    """When no row was added."""
    after_verdict_ms: float
    """When one reader's verdict was added."""


def measure_reading(folder: Path, *, num_rows: int = 100_000, database: str | None = None) -> list[ReadingTimes]:
    """From a new ledger in which three readers have decided the same samples, in turn.

    database: a URL; SQLite in `folder` if not given. Raises LedgerError if the database cannot be used.
    """
    place = folder / "read"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    ledger = Ledger.open(database or f"sqlite:///{place.resolve() / 'review.db'}", secrets.token_hex(8), _KEY)
    restore_rows(ledger, list(_rows(ledger.study, num_rows)))
    found = [_measure(ledger, reader) for reader in (_READERS[0], None)]
    ledger.engine.dispose()
    return found


def reading_lines(times: Sequence[ReadingTimes]) -> list[str]:
    """As a table for the terminal."""
    lines = [
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; ms, medians of {_NUM_TIMES}",
        "decisions of  number   first   again  after a verdict",
    ]
    for row in times:
        lines.append(
            f"{row.reader or 'everyone':12s}{row.num_decisions:8d}{row.first_ms:8.1f}{row.again_ms:8.1f}"
            f"{row.after_verdict_ms:17.1f}"
        )
    return lines


def _measure(ledger: Ledger, reader: str | None) -> ReadingTimes:
    num_decisions = len(ledger.decisions(reader))
    fold = shared_fold(ledger.engine.url, ledger.study, reader)
    return ReadingTimes(
        reader,
        num_decisions,
        first_ms=_median_ms(ledger, reader, fold.clear),
        again_ms=_median_ms(ledger, reader, lambda: None),
        after_verdict_ms=_median_ms(ledger, reader, lambda: ledger.record(_verdict(secrets.token_hex(8)))),
    )


def _median_ms(ledger: Ledger, reader: str | None, prepare: Callable[[], object]) -> float:
    times = []
    for _ in range(_NUM_TIMES):
        prepare()
        began_s = time.perf_counter()
        ledger.decisions(reader)
        times.append(1000 * (time.perf_counter() - began_s))
    return median(times)


def _verdict(sample_id: str, reader: str = _READERS[0]) -> Verdict:
    key = visit_key(reader, sample_id, "1")
    return Verdict(sample_id, reader, VerdictKind.ACCEPT, "a", "b", "b", "run", 0.5, key, elapsed_ms=4000)


def _rows(study: str, num_rows: int) -> Iterator[LedgerRow]:
    """As `Ledger.record` would write them, without a transaction for each."""
    previous_hash = FIRST_HASH
    for number in range(num_rows):
        verdict = _verdict(f"{number // len(_READERS):016x}", _READERS[number % len(_READERS)])
        fields = {name: value for name, value in asdict(verdict).items() if name != "kind"}
        row = with_hash(
            LedgerRow(
                **fields,
                study=study,
                sequence=number + 1,
                kind="verdict",
                verdict=verdict.kind.value,
                recorded_at="2026-01-02T03:04:05.000000+00:00",
                app_version="0",
                undone_key="",
                previous_hash=previous_hash,
            ),
            _KEY,
        )
        previous_hash = row.hash
        yield row
