"""A record of a ledger's state outside the ledger, so that lost rows are detected: STUDY/ledger.json."""

import hmac
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from overread.errors import LedgerFaultError
from overread.files import atomic_writer
from overread.review.places import ledger_mode


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a ledger."""

    sequence: int = 0
    """0 before the first row."""
    hash: str = ""

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The content of STUDY/ledger.json."""

    head: Head = Head()
    """The newest row that this machine has written or verified; the ledger's own head is this row or a later one."""
    keyed_from: int = 1
    """The first row that is hashed under the study's key."""
    verified: Head = Head()
    """Up to this row the chain was verified."""


@dataclass(frozen=True, slots=True)
class LedgerStateFile:
    """STUDY/ledger.json. Authenticated by the study's key, so that it cannot be forged for a truncated ledger."""

    path: Path
    key: bytes

    def read(self) -> LedgerState | None:
        """None where there is no file. Raises LedgerFaultError if it is damaged, or not of this study."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            parts = content["head"], content["keyed_from"], content["verified"]
            state = LedgerState(Head(**parts[0]), int(parts[1]), Head(**parts[2]))
            if not hmac.compare_digest(content["mac"], self._mac(state)):
                raise ValueError
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise LedgerFaultError(
                f"{self.path}: is damaged, edited by hand or from another study, so lost verdicts would go "
                "unnoticed; restore a backup (`overread restore`), or if the ledger is known to be intact "
                "(`overread verify --against EXPORT`): `overread verify --trust`"
            ) from error
        return state

    def write(self, state: LedgerState) -> None:
        """Write the file, unless the study is read-only. It is not flushed to the disk: an older state is valid too."""
        content = asdict(state) | {"mac": self._mac(state)}
        with suppress(OSError), atomic_writer(self.path, mode=ledger_mode(self.path), is_flushed=False) as file:
            file.write(json.dumps(content).encode() + b"\n")

    def _mac(self, state: LedgerState) -> str:
        content = json.dumps(asdict(state), sort_keys=True)
        return hmac.digest(self.key, f"ledger.json {content}".encode(), "sha256").hex()
