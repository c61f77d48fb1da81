"""Signing in: from a password or a provider's subject to a session, and from a session to who acts.

A session is a random token that only the browser has; the database has its hash. It ends after twelve hours, and when
its account is disabled, gets another role or another password.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from overread.errors import SignInError
from overread.review.accounts import Accounts, name_key
from overread.review.database import prepare, transaction
from overread.review.passwords import is_right
from overread.review.roles import Actor, Identity, Role
from overread.review.schema import accounts, attempts, grants, sessions

LIFETIME_S = 12 * 3600
NUM_FREE = 5
"""Wrong passwords in a row before the next attempt must wait."""
MAX_WAIT_S = 60.0
"""The longest wait: long enough against guessing, short enough that nobody can lock a reader out for a shift."""
_FORGET_S = 3600
"""Attempts are forgotten this long after the last one."""
WRONG = "The name or the password is wrong."


@dataclass(frozen=True, slots=True)
class SignIns:
    """The sessions of the accounts of one database."""

    accounts: Accounts

    def with_password(self, name: str, password: str) -> str:
        """The token of a new session. Raises SignInError where the name or the password is wrong, or too many were
        tried: the same for a name that is no account's."""
        self._count_attempt(name)
        with transaction(self.accounts.engine) as connection:
            row = connection.execute(select(accounts).where(accounts.c.name_key == name_key(name))).one_or_none()
        if not is_right(row.password if row else "", password) or row is None or row.disabled_at:
            raise SignInError(WRONG)
        return self._begin(row.name_key, Identity.PASSWORD)

    def with_provider(self, issuer: str, subject: str) -> str:
        """The token of a new session for the account that is linked to a provider's subject. Raises SignInError."""
        linked = accounts.c.issuer == issuer, accounts.c.subject == subject, accounts.c.disabled_at == ""
        prepare(self.accounts.engine)
        with transaction(self.accounts.engine) as connection:
            key = connection.execute(select(accounts.c.name_key).where(*linked)).scalar() if subject else None
        if key is None:
            raise SignInError(f"No account here is linked to this sign-in. Give the study's owner this: {subject}")
        return self._begin(key, Identity.PROVIDER)

    def actor(self, token: str) -> Actor | None:
        """Who a session is of, as their account is now; None where it has ended. Two queries."""
        if not token or not self.accounts.is_there():
            return None
        found = (
            select(accounts.c.name_key, accounts.c.name, accounts.c.role, sessions.c.identity)
            .join(sessions, sessions.c.name_key == accounts.c.name_key)
            .where(sessions.c.token_hash == _hash(token), sessions.c.expires_s > time.time())
            .where(accounts.c.disabled_at == "")
        )
        with transaction(self.accounts.engine) as connection:
            row = connection.execute(found).one_or_none()
            if row is None:
                return None
            studies = connection.execute(select(grants.c.study).where(grants.c.name_key == row.name_key)).scalars()
            return Actor(row.name, Role(row.role), Identity(row.identity), frozenset(studies))

    def end(self, token: str) -> None:
        """End a session."""
        with transaction(self.accounts.engine, is_writing=True) as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))

    def _begin(self, key: str, identity: Identity) -> str:
        token, now_s = secrets.token_urlsafe(32), time.time()
        with transaction(self.accounts.engine, is_writing=True) as connection:
            connection.execute(delete(attempts).where(attempts.c.name_key == key))
            connection.execute(delete(sessions).where(sessions.c.expires_s <= now_s))
            connection.execute(
                insert(sessions).values(
                    token_hash=_hash(token), name_key=key, identity=identity.value, expires_s=now_s + LIFETIME_S
                )
            )
        return token

    def _count_attempt(self, name: str) -> None:
        """Count an attempt before its password is looked at, so that attempts at once count too; the right password
        takes the count away. Raises SignInError where it comes too early."""
        key, now_s = name_key(name)[:200], time.time()
        prepare(self.accounts.engine)
        with transaction(self.accounts.engine, is_writing=True) as connection:
            _lock(connection)
            connection.execute(delete(attempts).where(attempts.c.retry_s < now_s - _FORGET_S))
            known = connection.execute(select(attempts).where(attempts.c.name_key == key)).one_or_none()
            if known is None:
                connection.execute(insert(attempts).values(name_key=key, num_failed=1, retry_s=now_s))
                return
            if known.retry_s > now_s:
                left_s = int(known.retry_s - now_s) + 1
                raise SignInError(f"Too many attempts. Wait {left_s} seconds, then try again.", wait_s=left_s)
            num = known.num_failed + 1
            wait_s = min(MAX_WAIT_S, 2.0 ** (num - NUM_FREE)) if num >= NUM_FREE else 0.0
            counted = {"num_failed": num, "retry_s": now_s + wait_s}
            connection.execute(update(attempts).where(attempts.c.name_key == key).values(**counted))


def _lock(connection: Connection) -> None:
    # One attempt after the other, so that two at once count twice. SQLite's writers take turns anyhow.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE sign_in_attempts IN SHARE ROW EXCLUSIVE MODE")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
