"""Hashes of passwords that take a moment: the true ones are made to take long, and tests make hundreds."""

from argon2 import PasswordHasher

from overread.review import passwords

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def use_quick_passwords(patch):
    """What is hashed from now on is also checked quickly, in any process: a hash names its cost."""
    patch.setattr(passwords, "_hasher", lambda: QUICK)
