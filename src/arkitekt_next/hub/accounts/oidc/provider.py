"""The OpenID Connect provider that people may sign in with: where it is, what it says of whoever comes back.

Its metadata and keys are asked for when somebody first signs in, and kept for an hour. The rule: nobody is believed but
the configured issuer, and it only about the attempt that this hub has begun.
Source: OpenID Connect Core and Discovery 1.0, RFC 9700 §2.1, RFC 9207.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from arkitekt_next.hub.core.ids import monotonic, now_us

from . import tokens
from .exchange import ask, is_address
from .trouble import ProviderTrouble, Trouble

if TYPE_CHECKING:
    from arkitekt_next.hub.core.config import HubSettings

    from .attempts import Attempt

CALLBACK = "/oidc/callback"
_KEPT_S = 3600.0
_SCOPES = "openid profile email"
_NAME_LIMIT = 64
_NAMES = ("name", "preferred_username", "nickname")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the provider says of itself. `answers_with_issuer`: it names itself when it sends people back."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    takes_basic: bool
    answers_with_issuer: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """Whom the provider vouches for, in this attempt."""

    subject: str
    claims: Mapping[str, Any]
    access_token: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What the provider knows of a person. `email` is None unless it has checked that it is theirs."""

    name: str
    email: str | None


class Provider:
    """The provider of one hub, which is its client; `name` is what people call it."""

    def __init__(self, *, issuer: str, client: str, secret: str, name: str | None, hub_url: str) -> None:
        self.issuer = issuer
        self.name = name or urlsplit(issuer).netloc
        self._client = client
        self._secret = secret
        self._callback = f"{hub_url}{CALLBACK}"
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, list[dict[str, Any]]] | None = None
        self._asking = asyncio.Lock()
        self._failed: tuple[float, ProviderTrouble] | None = None

    @classmethod
    def of(cls, settings: HubSettings, hub_url: str) -> Provider | None:
        """Make the provider that the settings name, if they do."""
        issuer, client, secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
        if issuer is None or client is None or secret is None:
            return None
        return cls(
            issuer=issuer, client=client, secret=secret.get_secret_value(), name=settings.oidc_name, hub_url=hub_url
        )

    # -- leaving for it --------------------------------------------------------------------------------------------

    async def address_for(self, attempt: Attempt, *, asks_again: bool) -> str:
        """Give where the browser goes to sign in. `asks_again`: also somebody who is signed in there. Raises
        `ProviderTrouble`.
        """
        endpoint = (await self._learn()).authorization_endpoint
        asked = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": self._callback,
            "scope": _SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        asked |= {"prompt": "login"} if asks_again else {}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked, quote_via=quote)}"

    # -- coming back -----------------------------------------------------------------------------------------------

    async def check_answerer(self, named: str | None) -> None:
        """Refuse an answer that another issuer has sent. Raises `ProviderTrouble`. Source: RFC 9207 §2.4."""
        if named is None and not (await self._learn()).answers_with_issuer:
            return
        if named != self.issuer:
            raise ProviderTrouble(Trouble.UNTRUSTED, f"the answer is of {str(named)[:200]!r}, not of {self.issuer!r}")

    async def redeem(self, attempt: Attempt, code: str) -> Proof:
        """Give whom a code vouches for in this attempt. Raises `ProviderTrouble`."""
        metadata = await self._learn()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": attempt.verifier,
        }
        basic = None
        if metadata.takes_basic:  # the form's encoding first. Source: RFC 6749 §2.3.1
            basic = (quote(self._client, safe=""), quote(self._secret, safe=""))
        else:
            form |= {"client_id": self._client, "client_secret": self._secret}
        status, answer = await ask(metadata.token_endpoint, form=form, basic=basic)
        if status != 200:
            error = str(answer.get("error"))[:64]
            trouble = Trouble.UNUSABLE if error in ("invalid_client", "unauthorized_client") else Trouble.FAILED
            raise ProviderTrouble(trouble, f"{metadata.token_endpoint}: answered {status}, error {error!r}")
        text, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(text, str):
            raise ProviderTrouble(Trouble.FAILED, f"{metadata.token_endpoint}: gave no ID token")
        claims = await self._read(text)
        subject = tokens.check(
            claims, issuer=self.issuer, client=self._client, nonce=attempt.nonce, now_s=now_us() / 1e6
        )
        return Proof(subject, claims, access if isinstance(access, str) else None)

    async def describe(self, proof: Proof) -> Profile:
        """Give what is known of somebody, asking for it where the ID token says nothing. Raises `ProviderTrouble`."""
        claims, endpoint = proof.claims, (await self._learn()).userinfo_endpoint
        name, email = _name_of(claims), _email_of(claims)
        if name is None and endpoint is not None and proof.access_token is not None:
            status, more = await ask(endpoint, token=proof.access_token)
            if status != 200 or more.get("sub") != proof.subject:
                raise ProviderTrouble(Trouble.UNTRUSTED, f"{endpoint}: answered {status}, about somebody else")
            name, email = _name_of(more), email or _email_of(more)
        return Profile(name or "Somebody new", email)

    async def _read(self, text: str) -> dict[str, Any]:
        keys, are_new = await self._signing_keys()
        try:
            return await asyncio.to_thread(tokens.read, text, keys)
        except tokens.KeyUnknown:
            if are_new:
                raise
        keys, _ = await self._signing_keys(anew=True)
        return await asyncio.to_thread(tokens.read, text, keys)

    # -- what it says of itself ------------------------------------------------------------------------------------

    async def _learn(self) -> Metadata:
        came_at = monotonic()
        async with self._asking:
            if self._metadata is not None and self._metadata[0] > monotonic() - _KEPT_S:
                return self._metadata[1]
            if self._failed is not None and self._failed[0] > came_at:
                raise self._failed[1]  # whoever waited for the same answer has it now
            try:
                metadata = _metadata(
                    self.issuer, *await ask(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                )
            except ProviderTrouble as trouble:
                self._failed = monotonic(), trouble
                raise
            self._metadata = monotonic(), metadata
            return metadata

    async def _signing_keys(self, *, anew: bool = False) -> tuple[list[dict[str, Any]], bool]:
        """Give the provider's keys, and whether they were asked for just now."""
        if not anew and self._keys is not None and self._keys[0] > monotonic() - _KEPT_S:
            return self._keys[1], False
        address = (await self._learn()).jwks_uri
        status, answer = await ask(address)
        keys = answer.get("keys")
        if status != 200 or not isinstance(keys, list):
            raise ProviderTrouble(Trouble.UNREACHABLE, f"{address}: answered {status} without keys")
        self._keys = monotonic(), [key for key in keys if isinstance(key, dict)]
        return self._keys[1], True


def _metadata(issuer: str, status: int, answer: Mapping[str, Any]) -> Metadata:
    if status != 200:
        raise ProviderTrouble(Trouble.UNREACHABLE, f"{issuer}: answered {status} when asked for its metadata")
    if answer.get("issuer") != issuer:
        said = str(answer.get("issuer"))[:200]
        raise ProviderTrouble(Trouble.UNUSABLE, f"oidc_issuer is {issuer!r}, but its metadata is of {said!r}")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not is_address(answer.get(name), issuer=issuer):
            said = str(answer.get(name))[:200]
            raise ProviderTrouble(Trouble.UNUSABLE, f"{issuer}: {name} is {said!r}, expected an https address")
    methods = answer.get("token_endpoint_auth_methods_supported")
    takes_basic = not isinstance(methods, list) or "client_secret_basic" in methods
    if not takes_basic and "client_secret_post" not in (methods or ()):
        raise ProviderTrouble(Trouble.UNUSABLE, f"{issuer}: takes no client secret, but {str(methods)[:200]}")
    userinfo = answer.get("userinfo_endpoint")
    return Metadata(
        str(answer["authorization_endpoint"]),
        str(answer["token_endpoint"]),
        str(answer["jwks_uri"]),
        str(userinfo) if is_address(userinfo, issuer=issuer) else None,
        takes_basic,
        answer.get("authorization_response_iss_parameter_supported") is True,
    )


def _name_of(claims: Mapping[str, Any]) -> str | None:
    both = " ".join(str(claims[part]) for part in ("given_name", "family_name") if claims.get(part))
    for said in (claims.get(_NAMES[0]), both, *(claims.get(name) for name in _NAMES[1:])):
        if isinstance(said, str):
            clean = " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())
            if clean:
                return clean[:_NAME_LIMIT].strip()
    return None


def _email_of(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email") if claims.get("email_verified") is True else None
    return email if isinstance(email, str) else None
