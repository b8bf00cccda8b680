"""What a browser brings by itself: the cookie of its session. So a request needs proof that a page of ours made it.

Two proofs, and both are asked for: where the request comes from, as the browser says it, and a token that only our own
pages hold, an HMAC over the session. Neither is stored. The rule: a cookie alone changes nothing.
Source: OWASP Cross-Site Request Forgery Prevention, "Signed Double-Submit Cookie" and "Verifying Origin".
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from arkitekt_next.errors import NotPermitted

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

CSRF_HEADER = "X-Arkitekt-CSRF"
_READING = frozenset({"GET", "HEAD"})
_VISIT_S = 24 * 3600
_KNOWN_S = 365 * 24 * 3600


class ForeignPage(NotPermitted):
    """A request that a page of another site has made."""

    @classmethod
    def at(cls, origin: str | None) -> ForeignPage:
        """Make it for an origin."""
        return cls(
            person="a page",
            verb="ask from",
            what=(origin or "elsewhere")[:200],
            remedy="Only pages of the hub itself may, at the address it is known by",
        )


class StaleForm(NotPermitted):
    """A request without the token that pages of this session hold."""

    @classmethod
    def of_form(cls) -> StaleForm:
        """Make it for a form."""
        return cls(person="a page", verb="send", what="this form", remedy="Load the page again and repeat what you did")

    @classmethod
    def of_api(cls) -> StaleForm:
        """Make it for a request to the API."""
        return cls(person="a page", verb="change", what="this", remedy=f"Send the page's token in {CSRF_HEADER}")


class Cookies:
    """The cookies of one hub: the session, and the visit of somebody who has none yet."""

    def __init__(self, master: bytes, url: str) -> None:
        self._key = hmac.new(master, b"arkitekt-next browser sessions", hashlib.sha256).digest()
        self.is_secure = url.startswith("https://")
        prefix = "__Host-" if self.is_secure else ""
        self.session_name = f"{prefix}arkitekt_page"
        self.visit_name = f"{prefix}arkitekt_visit"
        self.known_name = f"{prefix}arkitekt_known"
        self.attempt_name = f"{prefix}arkitekt_attempt"
        self.challenge_name = f"{prefix}arkitekt_passkey"
        self._url = url

    # -- reading ---------------------------------------------------------------------------------------------------

    def session_of(self, request: HTTPConnection) -> str | None:
        """Give the token that a request's session cookie holds; it may be anything."""
        return request.cookies.get(self.session_name) or None

    def visit_of(self, request: HTTPConnection) -> str | None:
        """Give the visit that a request's cookie holds, if we made it."""
        visit = request.cookies.get(self.visit_name) or ""
        number, _, seal = visit.partition(".")
        return visit if hmac.compare_digest(seal.encode(), self._seal("visit", number).encode()) else None

    def attempt_of(self, request: HTTPConnection) -> str | None:
        """Give the sealed attempt to sign in elsewhere that a request's cookie holds; it may be anything."""
        return request.cookies.get(self.attempt_name) or None

    def challenge_of(self, request: HTTPConnection) -> str:
        """Give what a request's cookie holds of a challenge; it may be anything, or empty."""
        return request.cookies.get(self.challenge_name) or ""

    def new_visit(self) -> str:
        """Make the visit of a browser that has no session."""
        number = secrets.token_urlsafe(24)
        return f"{number}.{self._seal('visit', number)}"

    def known_of(self, request: HTTPConnection, account: str) -> str | None:
        """Give the number of a browser in which somebody has signed in to an account before, or None.

        It opens nothing: it is merely tried apart from the browsers of strangers. Source: OWASP, "Slow Down Online
        Guessing Attacks with Device Cookies".
        """
        number, _, seal = (request.cookies.get(self.known_name) or "").partition(".")
        expected = self._seal("known", f"{number}|{account}")
        return number if number and hmac.compare_digest(seal.encode(), expected.encode()) else None

    def csrf_of(self, holder: str) -> str:
        """Give the token that forms carry in a session or visit."""
        return self._seal("form", holder)

    def is_csrf(self, holder: str, given: str) -> bool:
        """Whether a form carries the token of this session or visit."""
        return hmac.compare_digest(self.csrf_of(holder).encode(), given.encode("utf-8", "replace"))

    def _seal(self, what: str, text: str) -> str:
        return hmac.new(self._key, f"{what}|{text}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    # -- checking --------------------------------------------------------------------------------------------------

    def check_origin(self, request: HTTPConnection) -> None:
        """Refuse what a browser does not say to come from a page of this hub. Raises `NotPermitted`."""
        origin = request.headers.get("origin")
        if origin is None:
            is_own = request.headers.get("sec-fetch-site") == "same-origin"
        else:
            is_own = self.owns(origin, request)
        if not is_own:
            raise ForeignPage.at(origin)

    def owns(self, origin: str, request: HTTPConnection) -> bool:
        """Whether an origin is this hub: at the address people reach it by, or as this request has reached it.

        The Host is one of the hub's own by now (`guard`), so a name that was made to point here does not get so far.
        """
        scheme = {"ws": "http", "wss": "https"}.get(request.url.scheme, request.url.scheme)
        return origin in (self._url, f"{scheme}://{request.headers.get('host', '')}")

    def check_api(self, request: HTTPConnection, session: str, method: str) -> None:
        """Refuse a request to the API by cookie that no page of ours has made. Raises `NotPermitted`."""
        if method in _READING:
            if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                raise ForeignPage.at(request.headers.get("origin"))
            return
        self.check_origin(request)
        if not self.is_csrf(session, request.headers.get(CSRF_HEADER, "")):
            raise StaleForm.of_api()

    # -- writing ---------------------------------------------------------------------------------------------------

    def set_session(self, response: Response, token: str, lifetime_s: int) -> None:
        """Begin a session in the browser; the visit before it ends."""
        self._set(response, self.session_name, token, lifetime_s)
        self._set(response, self.visit_name, "", 0)

    def end_session(self, response: Response) -> None:
        """Take the session out of the browser."""
        self._set(response, self.session_name, "", 0)

    def set_known(self, response: Response, account: str) -> None:
        """Let a browser be known as one in which somebody has signed in to an account."""
        number = secrets.token_urlsafe(24)
        self._set(response, self.known_name, f"{number}.{self._seal('known', f'{number}|{account}')}", _KNOWN_S)

    def set_visit(self, response: Response, visit: str) -> None:
        """Give a browser its visit."""
        self._set(response, self.visit_name, visit, _VISIT_S)

    def set_attempt(self, response: Response, sealed: str, lifetime_s: int) -> None:
        """Keep an attempt to sign in elsewhere in the browser; lax, since another site sends the browser back."""
        self._set(response, self.attempt_name, sealed, lifetime_s)

    def end_attempt(self, response: Response) -> None:
        """Take the attempt out of the browser."""
        self._set(response, self.attempt_name, "", 0)

    def set_challenge(self, response: Response, sealed: str, lifetime_s: int) -> None:
        """Give a browser the challenge that it is to answer."""
        self._set(response, self.challenge_name, sealed, lifetime_s)

    def end_challenge(self, response: Response) -> None:
        """Take the challenge out of the browser."""
        self._set(response, self.challenge_name, "", 0)

    def _set(self, response: Response, name: str, value: str, lifetime_s: int) -> None:
        response.set_cookie(
            name, value, max_age=lifetime_s, path="/", secure=self.is_secure, httponly=True, samesite="lax"
        )
