"""Readers' accounts: made by the owner at the command line, in the review database or one beside the studies."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from sqlalchemy import Connection, Engine, delete, insert, select, update

from overread.errors import AccountError
from overread.home import home_folder
from overread.review.database import open_engine, prepare, transaction
from overread.review.passwords import hash_password
from overread.review.places import has_content
from overread.review.roles import Role
from overread.review.row_rules import check_characters
from overread.review.schema import accounts, grants, sessions
from overread.review.sqlite import ledger_file

MAX_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Account:
    """An account, without its password."""

    name: str
    role: Role
    has_password: bool
    issuer: str
    """Of the OpenID Connect provider that it is linked to; empty for none."""
    subject: str
    """By which the provider identifies the person."""
    created_at: str
    """UTC, ISO 8601."""
    disabled_at: str
    """Empty while it may sign in."""
    studies: tuple[str, ...]
    """The `Study.ledger_study` of those that it was given."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of one database. Holds no connection."""

    engine: Engine

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """url: in SQLAlchemy's form; by default `accounts_url`. Raises LedgerError if a newer program wrote it."""
        opened = cls(open_engine(url or accounts_url()))
        if opened.is_there():
            prepare(opened.engine)
        return opened

    def is_there(self) -> bool:
        """Whether there is a database; the first account creates it."""
        return self.engine.dialect.name != "sqlite" or has_content(ledger_file(self.engine))

    @property
    def place(self) -> str:
        """Where they are stored, in words."""
        return "the review database" if self.engine.dialect.name != "sqlite" else str(ledger_file(self.engine))

    def add(self, name: str, role: Role, *, password: str = "", issuer: str = "", subject: str = "") -> None:
        """Make an account, with a password or linked to a provider's subject, or both.

        Raises AccountError where the name or the subject is taken or empty, there is neither, or a password is too
        short.
        """
        name = plain_name(name)
        if bool(issuer) != bool(subject):
            raise AccountError("a provider's account is an issuer and a subject; give both")
        if not (password or subject):
            raise AccountError("an account needs a password, or a provider's issuer and subject")
        check_characters(name=name, issuer=issuer, subject=subject)
        hashed = hash_password(password) if password else ""
        prepare(self.engine)
        with transaction(self.engine, is_writing=True) as connection:
            if _row(connection, name) is not None:
                raise AccountError(f"there is an account {name!r} already; choose another name")
            linked = select(accounts.c.name).where(accounts.c.issuer == issuer, accounts.c.subject == subject)
            if subject and (other := connection.execute(linked).scalar()) is not None:
                raise AccountError(f"that subject is the account {other!r} already; one person has one account")
            connection.execute(
                insert(accounts).values(
                    name_key=name_key(name),
                    name=name,
                    role=Role(role).value,
                    password=hashed,
                    issuer=issuer,
                    subject=subject,
                    created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                    disabled_at="",
                )
            )

    def all(self) -> list[Account]:
        """Every account, by name."""
        if not self.is_there():
            return []
        with transaction(self.engine) as connection:
            given: dict[str, list[str]] = {}
            for key, study in connection.execute(select(grants).order_by(grants.c.study)):
                given.setdefault(key, []).append(study)
            rows = connection.execute(select(accounts).order_by(accounts.c.name_key)).all()
        return [
            Account(
                row.name,
                Role(row.role),
                bool(row.password),
                row.issuer,
                row.subject,
                row.created_at,
                row.disabled_at,
                tuple(given.get(row.name_key, ())),
            )
            for row in rows
        ]

    def has(self, name: str) -> bool:
        """Whether the name is an account's, disabled or not."""
        if not self.is_there():
            return False
        with transaction(self.engine) as connection:
            return _row(connection, name) is not None

    def set_password(self, name: str, password: str) -> None:
        """Give an account a new password, and end its sessions. Raises AccountError."""
        self._change(name, password=hash_password(password))

    def set_role(self, name: str, role: Role) -> None:
        """Raises AccountError for the last owner."""
        self._change(name, role=Role(role).value)

    def disable(self, name: str) -> None:
        """Refuse an account from now on, and end its sessions; its verdicts stay. Raises AccountError for the last
        owner."""
        self._change(name, disabled_at=datetime.now(UTC).isoformat(timespec="seconds"))

    def enable(self, name: str) -> None:
        """Let a disabled account sign in again. Raises AccountError."""
        self._change(name, disabled_at="")

    def grant(self, name: str, studies: Sequence[str]) -> None:
        """Let an account read these studies, by their `ledger_study`. Raises AccountError."""
        with self._writing(name) as (connection, key):
            known = set(connection.execute(select(grants.c.study).where(grants.c.name_key == key)).scalars())
            for study in sorted({*studies} - known):
                connection.execute(insert(grants).values(name_key=key, study=study))

    def revoke(self, name: str, studies: Sequence[str]) -> None:
        """Take these studies from an account. Raises AccountError."""
        with self._writing(name) as (connection, key):
            connection.execute(delete(grants).where(grants.c.name_key == key, grants.c.study.in_(studies)))

    def _change(self, name: str, **values: str) -> None:
        with self._writing(name) as (connection, key):
            connection.execute(update(accounts).where(accounts.c.name_key == key).values(**values))
            owners = select(accounts.c.name).where(accounts.c.role == Role.OWNER.value, accounts.c.disabled_at == "")
            was_owner = "role" in values or values.get("disabled_at")
            if was_owner and connection.execute(owners).first() is None:
                raise AccountError(f"{name!r} is the last owner; make another owner first")
            connection.execute(delete(sessions).where(sessions.c.name_key == key))

    @contextmanager
    def _writing(self, name: str) -> Iterator[tuple[Connection, str]]:
        """A transaction that changes an account, by its key."""
        if not self.has(name):
            raise AccountError(f"there is no account {plain_name(name)!r}; see `overread reader list`")
        with transaction(self.engine, is_writing=True) as connection:
            yield connection, name_key(name)


def accounts_url() -> str:
    """OVERREAD_DATABASE where it is set, else readers.db beside the studies: a study's own file goes along with the
    study, and password hashes must not."""
    return os.environ.get("OVERREAD_DATABASE") or f"sqlite:///{home_folder() / 'readers.db'}"


def plain_name(name: str) -> str:
    """A name with normalised spaces and characters. Raises AccountError if it is empty or too long."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise AccountError(f"a name must have 1 to {MAX_NAME_LENGTH} characters, not {len(name)}")
    return name


def name_key(name: str) -> str:
    """By which a name is found, in upper or lower case."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def _row(connection: Connection, name: str) -> object | None:
    return connection.execute(select(accounts.c.name).where(accounts.c.name_key == name_key(name))).one_or_none()
