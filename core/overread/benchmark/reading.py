"""Measures how long it takes to read a large ledger: the standing decisions, and in a round what is disputed."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from overread.records import Verdict, VerdictKind
from overread.review.adjudication import open_round, record_second, second_looks
from overread.review.chain import FIRST_HASH, LedgerRow, with_hash
from overread.review.decision_fold import DecisionFold
from overread.review.dispute_fold import DisputeFold
from overread.review.disputes import Opinion, Round
from overread.review.ledger import Ledger, visit_key
from overread.review.ledger_fold import shared_fold
from overread.review.row_transfer import restore_rows

_KEY = b"a key for measuring"
_READERS = ("reader 1", "reader 2", "reader 3")
_NUM_TIMES = 10
_DISPUTED_EVERY = 5
"""The last reader rejects what the others accept, of every so many samples."""


@dataclass(frozen=True, slots=True)
class ReadingTimes:
    """Of one reader's decisions, of everyone's, or of what one reader has to look at again; medians of ten."""

    what: str
    number: int
    first_ms: float
    """A process's first look: all rows are read."""
    again_ms: float
    """When no row was added."""
    after_row_ms: float
    """When one reader's verdict, or another's answer in the round, was added."""
    saving_ms: float
    """Of that verdict or answer, until it is on the disk."""


def measure_reading(folder: Path, *, num_rows: int = 100_000, database: str | None = None) -> list[ReadingTimes]:
    """From a new ledger in which three readers have decided the same samples, in turn.

    database: a URL; SQLite in `folder` if not given. Raises LedgerError if the database cannot be used.
    """
    place = folder / "read"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    ledger = Ledger.open(database or f"sqlite:///{place.resolve() / 'review.db'}", secrets.token_hex(8), _KEY)
    restore_rows(ledger, list(_rows(ledger.study, num_rows)))
    found = [_decisions(ledger, reader) for reader in (_READERS[0], None)]
    found.append(_looks(ledger))
    ledger.engine.dispose()
    return found


def reading_lines(times: Sequence[ReadingTimes]) -> list[str]:
    """As a table for the terminal."""
    lines = [
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; ms, medians of {_NUM_TIMES}",
        "what                    number   first   again  after a row  saving it",
    ]
    for row in times:
        lines.append(
            f"{row.what:24s}{row.number:6d}{row.first_ms:8.1f}{row.again_ms:8.1f}{row.after_row_ms:13.1f}"
            f"{row.saving_ms:11.1f}"
        )
    return lines


def _decisions(ledger: Ledger, reader: str | None) -> ReadingTimes:
    def save() -> None:
        ledger.record(_verdict(secrets.token_hex(8)))

    number = len(ledger.decisions(reader))
    forget = shared_fold(DecisionFold, ledger.engine.url, ledger.study, reader).clear
    what = f"{reader or 'everyone'}'s decisions"
    return ReadingTimes(what, number, *_times_ms(lambda: ledger.decisions(reader), forget, save))


def _looks(ledger: Ledger) -> ReadingTimes:
    """In a second round of what the readers dispute."""
    open_round(ledger, Round.SECOND, "owner")
    number = len(second_looks(ledger, _READERS[0]))
    waiting = iter(second_looks(ledger, _READERS[-1]) * _NUM_TIMES)

    def save() -> None:
        record_second(ledger, _READERS[-1], next(waiting).sample_id, Opinion("b"), key=secrets.token_hex(8))

    forget = shared_fold(DisputeFold, ledger.engine.url, ledger.study).clear
    return ReadingTimes("second looks", number, *_times_ms(lambda: second_looks(ledger, _READERS[0]), forget, save))


def _times_ms(
    read: Callable[[], object], forget: Callable[[], object], save: Callable[[], object]
) -> tuple[float, float, float, float]:
    """Of the first look, of another, of one after a row was added, and of adding it; medians."""
    first, again, after, saving = [], [], [], []
    for _ in range(_NUM_TIMES):
        forget()
        first.append(_elapsed_ms(read))
        again.append(_elapsed_ms(read))
    for _ in range(_NUM_TIMES):
        saving.append(_elapsed_ms(save))
        after.append(_elapsed_ms(read))
    return median(first), median(again), median(after), median(saving)


def _elapsed_ms(run: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - began_s)


def _verdict(sample_id: str, reader: str = _READERS[0], kind: VerdictKind = VerdictKind.ACCEPT) -> Verdict:
    key = visit_key(reader, sample_id, "1")
    chosen = "b" if kind is VerdictKind.ACCEPT else "a"
    return Verdict(sample_id, reader, kind, "a", "b", chosen, "run", 0.5, key, elapsed_ms=4000)


def _rows(study: str, num_rows: int) -> Iterator[LedgerRow]:
    """As `Ledger.record` would write them, without a transaction for each."""
    previous_hash = FIRST_HASH
    for number in range(num_rows):
        sample, reader = divmod(number, len(_READERS))
        is_rejected = reader == len(_READERS) - 1 and sample % _DISPUTED_EVERY == 0
        kind = VerdictKind.REJECT if is_rejected else VerdictKind.ACCEPT
        verdict = _verdict(f"{sample:016x}", _READERS[reader], kind)
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
