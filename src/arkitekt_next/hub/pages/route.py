"""How a browser is let in: where it comes from first, then its session, then the token of the form, then the work.

`PageRoute` is the class of every page. What a page refuses is answered as a page; who has no session is sent to the
sign-in. The rule: nothing that a form says is acted upon before a page of ours is known to have sent it.
"""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from arkitekt_next.errors import ArkitektError, HubBusy, NotAuthenticated, RequestRefused
from arkitekt_next.hub.core.cookies import StaleForm
from arkitekt_next.hub.core.http import context_of
from arkitekt_next.hub.core.route import WORK_S, Handler, Route, read_body

from .answer import ACCOUNT, ask_to_sign_in, refuse
from .visit import CSRF_FIELD, Visit, visit_of

_FORM_LIMIT_BYTES = 64 * 1024
_FIELDS_LIMIT = 64
_FORM_TYPE = "application/x-www-form-urlencoded"
_SHOWN_AT = {"/device": "/device", "/device/decide": "/device"}
"""Which page has the form that is sent to an address, where it is not the account."""


class PageRoute(Route):
    """A page with a policy."""

    def get_route_handler(self) -> Handler:
        """Give the function that serves a request."""
        work = APIRoute.get_route_handler(self)

        async def handle(request: Request) -> Response:
            request.scope["visit"] = Visit(context_of(request))
            try:
                await self._admit(request)
                async with asyncio.timeout(WORK_S):
                    return await work(request)
            except NotAuthenticated:
                return await _to_sign_in(request)
            except TimeoutError:
                late = HubBusy(reason=f"the request took longer than {WORK_S:g} s", retry_after_s=5)
                return await refuse(request, late, status=503)
            except ArkitektError as error:
                context_of(request).metrics.refused.labels(error.code).inc()
                return await refuse(request, error)

        return handle

    async def _admit(self, request: Request) -> None:
        visit = visit_of(request)
        hub, cookies = visit.hub, visit.hub.cookies
        if self.rule.verb is None:
            hub.guard_public(request, f"{request.method} {self.path}", self.rule.burst)
        is_writing = request.method not in ("GET", "HEAD")
        if is_writing:
            cookies.check_origin(request)
        await _find_session(request, visit)
        if self.rule.verb is not None:
            if visit.who is None:
                raise NotAuthenticated(reason="There is no session", remedy="Sign in first")
            self.rule.check(visit.who)
        if is_writing:
            visit.form = await _read_form(request)
            holder = visit.session or ("" if visit.is_new else visit.visit)
            if not holder or not cookies.is_csrf(holder, visit.get(CSRF_FIELD)):
                raise StaleForm.of_form()


async def _find_session(request: Request, visit: Visit) -> None:
    cookies = visit.hub.cookies
    session = cookies.session_of(request)
    if session is not None:
        try:
            visit.who = await visit.hub.accounts.logins.identify_token(session, kind="page")
            visit.session = session
            return
        except NotAuthenticated:
            pass  # it has ended: the browser is as good as one that never had any
    known = cookies.visit_of(request)
    visit.is_new = known is None
    visit.visit = known or cookies.new_visit()


async def _read_form(request: Request) -> dict[str, list[str]]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise RequestRefused(where="form", problem="expected the fields of a page's form")
    body = await read_body(request, _FORM_LIMIT_BYTES)
    try:
        text = body.decode("utf-8")
        return parse_qs(text, keep_blank_values=True, max_num_fields=_FIELDS_LIMIT, errors="strict")
    except ValueError:
        raise RequestRefused(where="form", problem="expected the fields of a page's form") from None


async def _to_sign_in(request: Request) -> Response:
    """Send to the sign-in, and back from there. A form is not sent a second time, its page is shown."""
    path, query = request.url.path, request.scope["query_string"]
    if request.method == "POST" and not query:
        path = _SHOWN_AT.get(path, ACCOUNT)
    return await ask_to_sign_in(request, path, query)


def router() -> APIRouter:
    """Make a router of pages. They are for people, so the description of the API leaves them out."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, redirect_slashes=False)
