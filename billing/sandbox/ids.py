"""Ids and secrets as Stripe spells them: a prefix and base62 that begins with the time and goes on at random."""

import secrets
import time

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MOMENT_LENGTH = 6


def token(length: int = 24) -> str:
    return "".join([_ALPHABET[byte % 62] for byte in secrets.token_bytes(length)])


def new_id(prefix: str, length: int = 24) -> str:
    """A new id. What is made together lies together in the store's index, which keeps large files quick."""
    return f"{prefix}_{_moment(int(time.time()))}{token(length - _MOMENT_LENGTH)}"


def _moment(seconds: int) -> str:
    digits = ""
    for _ in range(_MOMENT_LENGTH):
        seconds, digit = divmod(seconds, 62)
        digits = _ALPHABET[digit] + digits
    return digits
