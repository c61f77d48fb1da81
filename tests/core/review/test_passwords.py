"""Hashes of passwords as they are stored."""

import pytest

from overread.errors import AccountError
from overread.review.passwords import MAX_LENGTH, hash_password, is_right


def test_a_hash_costs_what_rfc_9106_asks_and_is_right_for_its_password_alone():
    stored = hash_password("correct horse battery")
    # Section 4, the second recommended option: 64 MiB, three passes, four lanes.
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert is_right(stored, "correct horse battery")
    assert not is_right(stored, "correct horse batterY")
    assert not is_right("", "")  # an account without a password


@pytest.mark.parametrize("length", [9, MAX_LENGTH + 1])
def test_a_password_too_short_or_too_long_is_refused(length):
    with pytest.raises(AccountError, match=f"must have 10 to 200 characters, not {length}"):
        hash_password("x" * length)
