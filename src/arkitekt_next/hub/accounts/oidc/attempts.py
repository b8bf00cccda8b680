"""One attempt to sign in with the provider, from leaving for it to coming back: sealed into a cookie, kept nowhere.

The cookie ties the answer to the browser that has asked, `state` the answer to this attempt, `nonce` the ID token and
`verifier` the code. The seal is the hub's own, so a browser can neither read nor make one. The rule: an attempt is good
once, for ten minutes. Source: RFC 9700 §2.1, RFC 7636 §4, OpenID Connect Core §3.1.2.1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import asdict, dataclass
from enum import StrEnum

from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.wire.codec import dumps, loads

ATTEMPT_S = 600
_SPENT_LIMIT = 10_000
_SEAL_LIMIT = 4_000
_ALGORITHMS = ("dir", "A256GCM")


class Purpose(StrEnum):
    """What an attempt is for."""

    SIGN_IN = "sign_in"
    JOIN = "join"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `login` is the session that links, `invitation` the secret of the one that is accepted."""

    purpose: Purpose
    state: str
    nonce: str
    verifier: str
    expires_at_us: int
    next: str = "/"
    login: str = ""
    invitation: str = ""

    @property
    def challenge(self) -> str:
        """What PKCE shows of the verifier."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


def begin(purpose: Purpose, *, next: str = "/", login: str = "", invitation: str = "") -> Attempt:
    """Begin an attempt."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(purpose, state, nonce, verifier, now_us() + ATTEMPT_S * 1_000_000, next, login, invitation)


class Attempts:
    """Seals attempts, and remembers which came back. Hubs that share a database share the seal, not the memory."""

    def __init__(self, master: bytes) -> None:
        self._key = hmac.new(master, b"arkitekt-next provider attempts", hashlib.sha256).digest()
        self._spent: OrderedDict[str, None] = OrderedDict()

    def seal(self, attempt: Attempt) -> str:
        """Write an attempt as what a cookie may hold."""
        from joserfc import jwe
        from joserfc.jwk import OctKey

        header = {"alg": "dir", "enc": "A256GCM"}
        return jwe.encrypt_compact(header, dumps(asdict(attempt)), OctKey.import_key(self._key))

    def unseal(self, sealed: str) -> Attempt | None:
        """Read what a cookie holds; None for what is not ours, or too old."""
        from joserfc import jwe
        from joserfc.errors import JoseError
        from joserfc.jwk import OctKey

        if len(sealed) > _SEAL_LIMIT:
            return None
        try:
            opened = jwe.decrypt_compact(sealed, OctKey.import_key(self._key), algorithms=list(_ALGORITHMS))
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            return None
        fields = loads(opened.plaintext or b"")
        attempt = Attempt(**{**fields, "purpose": Purpose(fields["purpose"])})
        return attempt if attempt.expires_at_us > now_us() else None

    def spend(self, attempt: Attempt) -> bool:
        """Use an attempt up; False when it was already."""
        if attempt.state in self._spent:
            return False
        self._spent[attempt.state] = None
        while len(self._spent) > _SPENT_LIMIT:  # the oldest goes; the provider takes its code no second time either
            self._spent.popitem(last=False)
        return True
