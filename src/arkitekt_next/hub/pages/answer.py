"""What a browser gets: pages from the templates, redirects on this site, refusals in plain words.

The rule: a page has no script or style but ours, asks nothing elsewhere, is kept in no cache and shown in no frame.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from arkitekt_next.auth.addresses import LONGEST_PATH
from arkitekt_next.errors import ArkitektError

from . import words
from .visit import CSRF_FIELD, Visit, visit_of

if TYPE_CHECKING:
    from jinja2 import Environment

ACCOUNT = "/account"
"""Where people have their account, and see what became of the forms on it."""
_IN_QUERIES = "%!$&'()*+,;=:@/?"  # what stays as it was written, besides letters, digits and -._~
_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'{also}; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def _headers(also: str = "") -> dict[str, str]:
    return {
        "Content-Security-Policy": _CSP.format(also=f" {also}" if also else ""),
        "Cache-Control": "no-store",
        # With `no-referrer` a browser hides the origin of a form even from its own site, and we have to know it.
        "Referrer-Policy": "same-origin",
    }


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["role_words"] = words.ROLES
    environment.globals["csrf_field"] = CSRF_FIELD
    environment.filters["ago"] = words.ago
    environment.filters["until"] = words.until
    return environment


async def show(request: Request, template: str, *, status: int = 200, answers_at: str = "", **values: Any) -> Response:
    """Show a page. `answers_at` is another site that its form may end at, after a redirect."""
    visit = visit_of(request)
    person = await _name_of(visit)
    html = _templates().get_template(template).render(visit=visit, person=person, **values)
    response = HTMLResponse(html, status, headers=_headers(answers_at))
    if visit.session is None and visit.is_new and visit.visit:
        visit.hub.cookies.set_visit(response, visit.visit)
    return response


async def _name_of(visit: Visit) -> str | None:
    return (await visit.hub.accounts.people.find(visit.who.person)).name if visit.who is not None else None


async def refuse(request: Request, error: ArkitektError, *, status: int | None = None) -> Response:
    """Show why something was refused."""
    title, text = words.refusal(error)
    response = await show(request, "refused.html", status=status or error.status, title=title, text=text)
    retry_after_s = error.fields.get("retry_after_s")
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(float(retry_after_s))))
    return response


def go(path: str) -> Response:
    """Send the browser on to another address; it asks for it anew, whatever it asked for now."""
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})


async def ask_to_sign_in(request: Request, path: str, query: bytes = b"") -> Response:
    """Send the browser to the sign-in, and back from there to a path and query of this site.

    Browsers leave signs in a query as they were typed that no redirect should hold, as braces: they are written out.
    What is too long for the way, and for the headers that proxies take, waits in the browser's tab.
    """
    written = quote(query, safe=_IN_QUERIES)
    wanted = f"{path}?{written}" if written else path
    if len(wanted) > LONGEST_PATH:
        return await show(request, "parked.html", next=path)
    return go(f"/sign-in?next={quote(wanted, safe='')}")
