"""ID tokens of the provider: by which of its keys one is signed, and whether it is about this attempt.

The rule: the header only says which of the provider's own keys to take. What it claims beyond that, an algorithm that
is not on the list or a key of its own, is refused. Source: OpenID Connect Core §3.1.3.7, RFC 8725 §3.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from arkitekt_next.wire.codec import loads

from .trouble import ProviderTrouble, Trouble

LEEWAY_S = 120
_OLDEST_S = 900
_LATEST_S = 1e12
_TOKEN_LIMIT = 64 * 1024
_HEADER_LIMIT = 8 * 1024
_SUBJECT_LIMIT = 255
_KEY_KINDS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}


class KeyUnknown(ProviderTrouble):
    """None of the keys at hand has signed the token; the provider may have others by now."""

    def __init__(self, detail: str) -> None:
        super().__init__(Trouble.UNTRUSTED, detail)


def read(text: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the claims of a token that one of these keys has signed. Raises `KeyUnknown`, `ProviderTrouble`."""
    from joserfc import jwt
    from joserfc.errors import BadSignatureError, JoseError
    from joserfc.jwk import JWKRegistry
    from joserfc.jws import JWSRegistry

    if len(text) > _TOKEN_LIMIT:
        raise _untrusted("the ID token is too long")
    header = _header_of(text)
    algorithm = str(header.get("alg"))
    if algorithm not in _KEY_KINDS or "crit" in header:
        raise _untrusted(f"the ID token is signed as {algorithm[:20]!r}")
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = _HEADER_LIMIT
    try:
        key = JWKRegistry.import_key(_pick(header, algorithm, keys))
        return dict(jwt.decode(text, key, algorithms=[algorithm], registry=registry).claims)
    except BadSignatureError:
        raise KeyUnknown("the ID token's signature does not fit the key it names") from None
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _untrusted(f"the ID token can't be read ({type(error).__name__})") from None


def _header_of(text: str) -> dict[str, Any]:
    part = text.partition(".")[0]
    try:
        header = loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or text.count(".") != 2:
        raise _untrusted("the ID token is no signed token")
    return header


def _pick(header: Mapping[str, Any], algorithm: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kind, curve = _KEY_KINDS[algorithm]
    fitting = [
        dict(key)
        for key in keys
        if key.get("kty") == kind
        and key.get("crv") == curve
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    ]
    if "kid" in header:
        fitting = [key for key in fitting if key.get("kid") == header["kid"]]
    if len(fitting) != 1:
        raise KeyUnknown(f"{len(fitting)} keys of the provider fit the ID token, expected one")
    return fitting[0]


def check(claims: Mapping[str, Any], *, issuer: str, client: str, nonce: str, now_s: float) -> str:
    """Refuse claims that are not for this client and this attempt, or not of now; give the subject.

    Raises `ProviderTrouble`.
    """
    if claims.get("iss") != issuer:
        raise _untrusted(f"the ID token is of {str(claims.get('iss'))[:200]!r}, expected {issuer!r}")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client not in audiences or claims.get("azp", client) != client:
        raise _untrusted("the ID token is for another client")
    if len(audiences) > 1 and "azp" not in claims:
        raise _untrusted("the ID token is for several clients, and does not say who asked for it")
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), nonce.encode()):
        raise _untrusted("the ID token belongs to another sign-in")
    _check_times(claims, now_s)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_LIMIT or not subject.isprintable():
        raise _untrusted("the ID token names nobody")
    return subject


def _check_times(claims: Mapping[str, Any], now_s: float) -> None:
    expires_s, made_s = _time(claims, "exp"), _time(claims, "iat")
    if expires_s + LEEWAY_S <= now_s:
        raise ProviderTrouble(Trouble.CLOCK, f"the ID token expired {now_s - expires_s:.0f} s ago")
    not_before_s = _time(claims, "nbf") if "nbf" in claims else made_s
    if max(made_s, not_before_s) - LEEWAY_S > now_s:
        raise ProviderTrouble(Trouble.CLOCK, f"the ID token is of {max(made_s, not_before_s) - now_s:.0f} s from now")
    if made_s + _OLDEST_S < now_s:
        raise ProviderTrouble(Trouble.CLOCK, f"the ID token was made {now_s - made_s:.0f} s ago")


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LATEST_S:
        raise _untrusted(f"the ID token has no time {name!r}")
    return float(value)


def _untrusted(detail: str) -> ProviderTrouble:
    return ProviderTrouble(Trouble.UNTRUSTED, detail)
