"""Our clients, codes and sign-ins as Authlib asks for them.

Loaded with the first request that needs it, as everything of Authlib's: a hub starts without.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Payload, OAuth2Request, TokenMixin
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin
from authlib.oauth2.rfc8628 import DeviceCredentialMixin

from arkitekt_next.auth.secrets import digest_of

from .scopes import WITHOUT_RIGHTS

if TYPE_CHECKING:
    from arkitekt_next.hub.accounts.clients import Client
    from arkitekt_next.hub.accounts.codes import Code
    from arkitekt_next.hub.accounts.devices import DeviceCode
    from arkitekt_next.hub.accounts.logins import Login

SECRET_METHODS = ("client_secret_basic", "client_secret_post")
ANY_METHOD = (*SECRET_METHODS, "none")

_HERE = "https://hub.invalid/"


class Payload(OAuth2Payload):
    """The fields of a form, each of which stands in it once."""

    def __init__(self, form: dict[str, str]) -> None:
        self._form = form

    @property
    def data(self) -> dict[str, str]:
        """Give the fields."""
        return self._form

    @property
    def datalist(self) -> dict[str, list[str]]:
        """Give the fields with all their values."""
        return {name: [value] for name, value in self._form.items()}


class FormRequest(OAuth2Request):
    """A request to one of the endpoints that take forms."""

    def __init__(self, form: dict[str, str], authorization: str | None) -> None:
        # Authlib refuses what is plain http at some address that is not this machine's. Where a hub may listen without
        # TLS is decided when it starts (loopback, behind a proxy, or told so), so what it checks here is a constant.
        super().__init__("POST", _HERE, headers={"Authorization": authorization} if authorization else {})
        self.payload = Payload(form)

    @property
    def form(self) -> dict[str, str]:
        """Give the fields."""
        form: dict[str, str] = self.payload.data
        return form


class KnownClient(ClientMixin):
    """A client of ours. One with a secret has to prove it, whatever it asks for."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get_client_id(self) -> str:
        """Give its id."""
        return self.client.id

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is its secret; takes as long whatever it is."""
        kept = self.client.secret_digest
        return compare_digest(kept or bytes(32), digest_of(client_secret)) and kept is not None

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may prove itself this way."""
        return (method in SECRET_METHODS) == (self.client.secret_digest is not None)

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use a grant: any, since each of them asks a person or a secret of its own."""
        return True


class KnownCode(AuthorizationCodeMixin):
    """An authorization code of ours, which always has an S256 challenge."""

    code_challenge_method = "S256"

    def __init__(self, code: Code) -> None:
        self.code = code
        self.code_challenge = code.challenge

    def get_redirect_uri(self) -> str:
        """Give the address its program was answered at."""
        return self.code.redirect_uri

    def get_scope(self) -> str:
        """Give what was agreed to."""
        return " ".join(sorted(self.code.scopes))


class KnownToken(TokenMixin):
    """A sign-in, found by one of its tokens, whose text is `text`."""

    def __init__(self, login: Login, text: str) -> None:
        self.login = login
        self.text = text

    def check_client(self, client: KnownClient) -> bool:
        """Whether it is this client's sign-in."""
        return self.login.client == client.get_client_id()

    def get_scope(self) -> str:
        """Give what it may be narrowed to; scopes without rights are always among it."""
        return " ".join(sorted({*self.login.scopes, *WITHOUT_RIGHTS}))


class KnownDevice(DeviceCredentialMixin):
    """A device code of ours."""

    def __init__(self, code: DeviceCode) -> None:
        self.code = code

    def get_client_id(self) -> str:
        """Give the client that shows the user code."""
        return self.code.client

    def get_scope(self) -> str:
        """Give what the app asks for."""
        return " ".join(sorted(self.code.scopes))

    def get_user_code(self) -> DeviceCode:
        """Give what stands for the typed code, of which we keep a digest only."""
        return self.code

    def is_expired(self) -> bool:
        """Whether nobody may decide it any more."""
        return self.code.has_expired
