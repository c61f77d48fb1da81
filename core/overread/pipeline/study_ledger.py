"""Opens a study's ledger, and detects one that is lost, incomplete or another study's."""

import hashlib
import hmac
import os
from contextlib import suppress

from overread.errors import LedgerError, LedgerFaultError, StudyError
from overread.review.chain import FIRST_HASH
from overread.review.ledger import Ledger
from overread.review.ledger_state import Head, LedgerStateFile
from overread.review.roles import Actor
from overread.review.sqlite import check_persistent
from overread.studies.study import Study, is_copied, update_study_file


def open_ledger(study: Study, actor: Actor | None = None) -> Ledger:
    """The ledger of a study; an empty one where no row was written yet. actor: for whom; None: for the study's owner,
    on this machine.

    Raises StudyError if the study's key is not its own, and LedgerError if the ledger is gone, damaged, shorter than
    recorded, or shared with the study that this folder was copied from.
    """
    if os.environ.get("OVERREAD_DATABASE") and is_copied(study.path):
        raise LedgerError(
            f"{study.path}: this folder was copied or moved to another disk, and its verdicts would be those of the "
            f"study that it was copied from; give it its own ledger with `overread adopt {study.path}`"
        )
    state_file = ledger_state_file(study)
    recorded = state_file.read()
    if study.has_ledger and recorded is None:
        raise LedgerFaultError(
            f"{state_file.path}: is missing, so lost verdicts would go unnoticed; restore a backup (`python -m "
            f"core restore`), or if the ledger is known to be intact, `overread verify {study.path} --trust` "
            "(with --against EXPORT, if there is an export)"
        )
    ledger = Ledger.open(study.ledger_url, study.ledger_study, chain_key(study), state_file=state_file, creates=False)
    if not study.has_ledger and ledger.head().sequence:
        mark_ledger_created(study)
    return ledger if actor is None else ledger.acting(actor)


def open_unchecked_ledger(study: Study) -> Ledger:
    """The study's ledger, without comparing it with the state file."""
    return Ledger.open(study.ledger_url, study.ledger_study, chain_key(study), creates=False)


def head_text(study: Study, head: Head) -> str:
    """How exports and backups write the head of a study's ledger."""
    return f"{study.ledger_study}:{head.sequence}:{head.hash or FIRST_HASH}"


def check_ledger_persistent(study: Study) -> None:
    """Raise LedgerError where the study has no ledger yet and is in a temporary folder."""
    if not os.environ.get("OVERREAD_DATABASE"):
        check_persistent(study.path / "review.db")


def ledger_state_file(study: Study) -> LedgerStateFile:
    """STUDY/ledger.json."""
    return LedgerStateFile(study.path / "ledger.json", chain_key(study))


def chain_key(study: Study) -> bytes:
    """The key under which the ledger's rows are hashed."""
    return hmac.new(study.key(), b"ledger chain", hashlib.sha256).digest()


def mark_ledger_created(study: Study) -> None:
    """Record in study.json that there is a ledger; nothing is done where the study cannot be written."""
    with suppress(OSError, StudyError):
        update_study_file(study.path, has_ledger=True)
