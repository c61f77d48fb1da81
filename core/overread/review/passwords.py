"""Passwords, stored as Argon2id hashes. Source: RFC 9106; the parameters are argon2-cffi's, the RFC's second choice."""

import threading
from functools import cache
from typing import TYPE_CHECKING

from overread.errors import AccountError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 10
MAX_LENGTH = 200
_turns = threading.BoundedSemaphore(2)
"""A hash takes 64 MiB: not more than two at a time."""


def hash_password(password: str) -> str:
    """Raises AccountError for a password that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise AccountError(f"a password must have {MIN_LENGTH} to {MAX_LENGTH} characters, not {len(password)}")
    with _turns:
        return _hasher().hash(password)


def is_right(stored: str, password: str) -> bool:
    """Whether the password has that hash. stored: empty for an account without a password, or for none: the answer is
    then no, and takes as long."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _turns:
        try:
            return _hasher().verify(stored or _no_password(), password[: MAX_LENGTH + 1]) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _no_password() -> str:
    return _hasher().hash("")
