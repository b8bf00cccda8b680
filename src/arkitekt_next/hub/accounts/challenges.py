"""Challenges for passkeys: random, kept by the browser in a sealed cookie, good for five minutes, and used once.

Only those that were used are remembered, until they have expired; so asking for many costs the hub nothing. The rule:
one is spent by the first answer to it, right or wrong.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from arkitekt_next.auth.passkeys import decode, encode
from arkitekt_next.auth.secrets import digest_of
from arkitekt_next.errors import HubBusy
from arkitekt_next.hub.core.ids import now_us

CHALLENGE_S = 300
_BYTES = 32
_SPENT_LIMIT = 100_000


class Challenges:
    """The challenges of one hub. `purpose` and `holder` say what for, and for which browser; both are sealed in."""

    def __init__(self, master: bytes) -> None:
        self._key = hmac.new(master, b"arkitekt-next passkey challenges", hashlib.sha256).digest()
        self._spent: dict[str, int] = {}

    def make(self, purpose: str, holder: str) -> tuple[bytes, str]:
        """Make a challenge; give it, and the text for the cookie."""
        challenge = secrets.token_bytes(_BYTES)
        number, until = encode(challenge), str(now_us() + CHALLENGE_S * 1_000_000)
        return challenge, f"{number}.{until}.{self._seal(purpose, holder, number, until)}"

    def use(self, sealed: str, purpose: str, holder: str) -> bytes | None:
        """Give the challenge of a cookie, which spends it; None for one that is not good, or not any more.

        Raises `HubBusy` when more are spent than can be kept in mind.
        """
        number, _, rest = sealed.partition(".")
        until, _, seal = rest.partition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(purpose, holder, number, until).encode()):
            return None
        now = now_us()
        if int(until) <= now or number in self._spent:
            return None
        if len(self._spent) >= _SPENT_LIMIT:
            self._spent = {known: ends for known, ends in self._spent.items() if ends > now}
            if len(self._spent) >= _SPENT_LIMIT:
                raise HubBusy(reason="too many passkeys at once", retry_after_s=float(CHALLENGE_S))
        self._spent[number] = int(until)
        return decode(number)

    def _seal(self, purpose: str, holder: str, number: str, until: str) -> str:
        text = f"{purpose}|{digest_of(holder).hex()}|{number}|{until}"
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
