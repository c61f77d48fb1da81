"""The code for a reader's name: as there is no sign-in, it keeps people from reviewing under each other's names.

The code is short, shown once, and kept as a keyed hash in a row of the ledger. It protects against mistakes and casual
misuse, not against somebody who can read the study's files.
"""

import hmac
import secrets
import uuid

from sqlalchemy import Connection, select

from overread.errors import LedgerError
from overread.review.ledger import Ledger
from overread.review.reader_hash import reader_hash
from overread.review.row_rules import check_texts
from overread.review.schema import ledger as table

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without characters that are easily confused."""
_LENGTH = 6


def has_code(ledger: Ledger, reader: str) -> bool:
    """Whether the name has a code, which a new browser must give."""
    return bool(_stored(ledger, reader))


def claim_name(ledger: Ledger, reader: str, code: str = "") -> str:
    """Give a name its code, and return it: it is not stored anywhere. code: the reader's code in another study, if any.

    Raises LedgerError if the name has a code here.
    """
    check_texts(reader=reader)
    code = _plain(code) if len(_plain(code)) == _LENGTH else "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    with ledger.writing() as connection:
        if _hash_in(connection, ledger, reader):
            raise LedgerError(f"the name {reader!r} is used by another reader of this study; choose another one")
        ledger.append(
            connection,
            kind="reader",
            sample_id="",
            reader=reader,
            note=_hash(ledger, reader, code),
            idempotency_key=str(uuid.uuid4()),
        )
    return code


def is_right_code(ledger: Ledger, reader: str, code: str) -> bool:
    """Whether the code is the name's; case, spaces and dashes are ignored."""
    return hmac.compare_digest(_stored(ledger, reader), _hash(ledger, reader, _plain(code)))


def _plain(code: str) -> str:
    return "".join(character for character in code.upper() if character.isalnum())


def _stored(ledger: Ledger, reader: str) -> str:
    with ledger.reading() as connection:
        return "" if connection is None else _hash_in(connection, ledger, reader)


def _hash_in(connection: Connection, ledger: Ledger, reader: str) -> str:
    rows = select(table.c.note).where(table.c.study == ledger.study, table.c.reader == reader, table.c.kind == "reader")
    return connection.execute(rows.limit(1)).scalar_one_or_none() or ""


def _hash(ledger: Ledger, reader: str, code: str) -> str:
    return reader_hash(ledger.key, "reader code", reader, code)
