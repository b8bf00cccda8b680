"""Passwords: how long they have to be, and their argon2id hashes.

Hashing takes tens of milliseconds and 64 MiB on purpose: run it in a thread, never on a loop.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from arkitekt_next.errors import RequestRefused

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 10
LONGEST = 256


def check_password(password: str) -> None:
    """Refuse a password that is too short or too long, or one letter again and again.

    Source: NIST SP 800-63B §5.1.1.2 (length counts, rules of composition do not).
    """
    if not SHORTEST <= len(password) <= LONGEST:
        problem = f"expected {SHORTEST} to {LONGEST} characters, got {len(password)}"
        raise RequestRefused(where="password", problem=problem)
    if len(set(password)) < 4:
        raise RequestRefused(where="password", problem="expected more than the same few characters again and again")


def hash_password(password: str) -> str:
    """Give the argon2id hash, with its parameters and salt."""
    return _hasher().hash(password)


def is_password(hashed: str | None, password: str) -> bool:
    """Whether it is the password. Without a hash it takes as long, so nobody learns who has an account."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(hashed or _nobody(), password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()  # argon2id with the parameters of RFC 9106 §4, second choice


@cache
def _nobody() -> str:
    return hash_password("nobody has this password")
