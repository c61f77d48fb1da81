"""The one hash of a reader's name: under the study's key, so that nobody without it can compute or compare it."""

import hmac


def reader_hash(key: bytes, purpose: str, *texts: str) -> str:
    """HMAC-SHA256 in hexadecimal. purpose: what the hash is for; hashes for two purposes have nothing in common."""
    return hmac.digest(key, "\x1f".join((purpose, *texts)).encode(), "sha256").hex()
