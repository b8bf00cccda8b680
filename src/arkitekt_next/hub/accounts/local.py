"""The machine-local sign-in: prove that you can read the hub's 0600 key file, and you are its operating-system user.

Both sides prove it by HMAC over fresh nonces and the address dialled, so whoever squats the port learns nothing and
can't pass a proof on to another hub. The key itself is never sent.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from arkitekt_next.errors import NotAuthenticated
from arkitekt_next.platform import write_private

KEY_NAME = "local.key"
_CHALLENGE_S = 30.0
_OPEN_LIMIT = 1024


def load_or_make_key(folder: Path) -> bytes:
    """Read the key file of a hub's folder, making it on the first start."""
    path = folder / KEY_NAME
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    text = path.read_text().strip()
    if len(text) != 64:
        raise NotAuthenticated(
            reason=f"{path} does not hold 64 hexadecimal digits", remedy="Delete it and restart the hub"
        )
    return bytes.fromhex(text)


def prove(key: bytes, side: str, authority: str, client_nonce: str, server_nonce: str) -> str:
    """Write a proof; `side` is `hub` or `client`."""
    text = f"arkitekt-{side}|{authority}|{client_nonce}|{server_nonce}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass(slots=True)
class LocalSignIn:
    """The open challenges of one hub. A challenge works once, for half a minute."""

    key: bytes
    open: dict[str, tuple[str, str, str, float]] = field(default_factory=dict)

    def challenge(self, authority: str, client_nonce: str, now: float) -> tuple[str, str, str]:
        """Open a challenge; give its id, the hub's nonce and the hub's proof."""
        for old in [c for c, entry in self.open.items() if entry[3] < now]:
            del self.open[old]
        while len(self.open) >= _OPEN_LIMIT:
            del self.open[next(iter(self.open))]
        challenge, server_nonce = secrets.token_urlsafe(16), secrets.token_hex(32)
        self.open[challenge] = (authority, client_nonce, server_nonce, now + _CHALLENGE_S)
        return challenge, server_nonce, prove(self.key, "hub", authority, client_nonce, server_nonce)

    def redeem(self, challenge: str, proof: str, authority: str, now: float) -> None:
        """Check a proof and use the challenge up. Raises `NotAuthenticated`."""
        entry = self.open.pop(challenge, None)
        if entry is None or entry[3] < now or entry[0] != authority:
            raise NotAuthenticated(reason="This challenge is unknown or used up", remedy="Ask for a new one")
        expected = prove(self.key, "client", authority, entry[1], entry[2])
        if not hmac.compare_digest(expected.encode(), proof.encode("utf-8", "replace")):
            raise NotAuthenticated(reason="The proof is wrong", remedy="Read the key file of this hub's folder")
