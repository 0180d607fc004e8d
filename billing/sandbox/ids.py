"""Ids and secrets as Stripe spells them: a prefix and base62 that begins with the time and goes on at random."""

import secrets
import time
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BY_BYTE = bytes(ord(_ALPHABET[byte % 62]) for byte in range(256))
_MOMENT_LENGTH = 6


def token(length: int = 24) -> str:
    return secrets.token_bytes(length).translate(_BY_BYTE).decode()


def new_id(prefix: str, length: int = 24) -> str:
    """A new id. What is made together lies together in the store's index, which keeps large files quick."""
    return f"{prefix}_{_moment(int(time.time()))}{token(length - _MOMENT_LENGTH)}"


@lru_cache(maxsize=1)
def _moment(seconds: int) -> str:
    digits = ""
    for _ in range(_MOMENT_LENGTH):
        seconds, digit = divmod(seconds, 62)
        digits = _ALPHABET[digit] + digits
    return digits
