"""Secrets that are given out once and kept as digests: tokens, links, device and user codes."""

from __future__ import annotations

import hashlib
import secrets

USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so no words, and nothing that is mistaken for a digit. Source: RFC 8628 §6.1."""
_USER_CODE_LENGTH = 8


def new_secret() -> str:
    """Make a secret of 256 bits, safe in addresses and headers."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """Give what is kept of a secret; it has too many bits to be guessed from it, so no salt is needed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def new_user_code() -> str:
    """Make a code that people type, of about 34 bits, as XXXX-XXXX."""
    letters = "".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(_USER_CODE_LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def normal_user_code(typed: str) -> str:
    """Bring a typed code into its one form; whatever else it holds is dropped. Source: RFC 8628 §6.1."""
    letters = "".join(letter for letter in typed.upper() if letter in USER_CODE_ALPHABET)[: _USER_CODE_LENGTH + 1]
    return f"{letters[:4]}-{letters[4:]}"
