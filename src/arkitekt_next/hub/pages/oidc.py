"""Signing in with the OpenID Connect provider: leaving for it, coming back, and linking what it vouches for.

What an identity may open is decided in `accounts.identities`; here people are led there and back. The rule: an answer
is looked at only in the browser that has asked for it, and once.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from urllib.parse import quote, urlsplit

from fastapi import Request, Response

from arkitekt_next.auth.addresses import local_path
from arkitekt_next.errors import Conflict, NotFound, RequestRefused
from arkitekt_next.hub.accounts.identities import mark_of
from arkitekt_next.hub.accounts.oidc.attempts import ATTEMPT_S, Attempt, Purpose
from arkitekt_next.hub.accounts.oidc.attempts import begin as begin_attempt
from arkitekt_next.hub.accounts.oidc.provider import CALLBACK, Proof, Provider
from arkitekt_next.hub.accounts.oidc.trouble import ProviderTrouble, Trouble
from arkitekt_next.hub.core.policy import OWN, SIGN_IN, policy
from arkitekt_next.hub.core.telemetry import log

from . import words
from .answer import ACCOUNT, go, show
from .entry import address_of
from .route import router as make_router
from .sessions import begin, require_fresh
from .visit import visit_of

router = make_router()

_CODE_LIMIT = 4_000
_ERROR = re.compile(r"[a-z_]{1,64}")
_MOVED = "moved"


def _provider(request: Request) -> Provider:
    provider = visit_of(request).hub.provider
    if provider is None:
        raise NotFound(what="provider", name="", remedy="This hub knows no other place to sign in")
    return provider


# -- leaving -----------------------------------------------------------------------------------------------------------


@router.get("/oidc/start")
@policy(SIGN_IN)
async def leave_to_sign_in(request: Request) -> Response:
    """Send the browser to the provider to sign in; who has a session is sent on."""
    visit, wanted = visit_of(request), local_path(request.query_params.get("next"))
    _provider(request)
    if visit.who is not None:
        return go(wanted)
    # The provider sends back to the hub's own address, and the cookie has to be there by then.
    if not _is_at(request.headers.get("host", ""), visit.hub.url) and _MOVED not in request.query_params:
        return go(f"{visit.hub.url}/oidc/start?next={quote(wanted, safe='')}&{_MOVED}=1")
    return await _leave(request, begin_attempt(Purpose.SIGN_IN, next=wanted))


@router.post("/oidc/join")
@policy(SIGN_IN)
async def leave_to_join(request: Request) -> Response:
    """Send the browser to the provider, to accept an invitation as whom it vouches for."""
    visit = visit_of(request)
    _provider(request)
    _require_own_address(request)
    try:
        await visit.hub.accounts.invitations.find(visit.secret())
    except NotFound:
        return await _invitation_gone(request)
    return await _leave(request, begin_attempt(Purpose.JOIN, invitation=visit.secret()))


@router.post("/oidc/link")
@policy(OWN)
async def leave_to_link(request: Request) -> Response:
    """Send the browser to the provider, to link whom it vouches for with the account that is signed in."""
    _provider(request)
    _require_own_address(request)
    require_fresh(request, verb="link", what="an account elsewhere")
    return await _leave(request, begin_attempt(Purpose.LINK, login=visit_of(request).principal.login))


async def _leave(request: Request, attempt: Attempt) -> Response:
    visit = visit_of(request)
    try:
        address = await _provider(request).address_for(attempt, asks_again=attempt.purpose is Purpose.LINK)
    except ProviderTrouble as trouble:
        return await _tell(request, attempt, trouble)
    # A form may not end at another site (`form-action`), so what was posted is answered by a page that goes on.
    response = go(address) if request.method == "GET" else await show(request, "leaving.html", address=address)
    visit.hub.cookies.set_attempt(response, await asyncio.to_thread(visit.hub.attempts.seal, attempt), ATTEMPT_S)
    return response


def _is_at(authority: str, url: str) -> bool:
    return urlsplit(f"//{authority}").hostname == urlsplit(url).hostname


def _require_own_address(request: Request) -> None:
    """Refuse a page that was opened at another name of this hub: the provider would not send back to it."""
    url = visit_of(request).hub.url
    if not _is_at(urlsplit(request.headers.get("origin", url)).netloc, url):
        raise RequestRefused(f"Open the hub at {url} first: the provider knows it by this address only")


# -- coming back -------------------------------------------------------------------------------------------------------


@router.get(CALLBACK)
@policy(SIGN_IN)
async def come_back(request: Request) -> Response:
    """Take the provider's answer, if this browser has asked for it."""
    visit = visit_of(request)
    provider = _provider(request)
    try:
        attempt = await _attempt_of(request)
    except ProviderTrouble as trouble:
        return await _tell(request, None, trouble)
    try:
        proof = await _proof_of(request, provider, attempt)
        response = await _ACTS[attempt.purpose](request, provider, attempt, proof)
    except ProviderTrouble as trouble:
        await visit.hub.accounts.audit.note(
            "identity.refused", visit.who, address=address_of(request), reason=trouble.trouble.value
        )
        response = await _tell(request, attempt, trouble)
    visit.hub.cookies.end_attempt(response)
    return response


async def _attempt_of(request: Request) -> Attempt:
    hub = visit_of(request).hub
    sealed, state = hub.cookies.attempt_of(request), _only(request, "state")
    attempt = await asyncio.to_thread(hub.attempts.unseal, sealed) if sealed is not None else None
    if attempt is None or state != attempt.state or not hub.attempts.spend(attempt):
        raise ProviderTrouble(Trouble.STALE, "an answer that this browser has not asked for, or too long ago")
    return attempt


async def _proof_of(request: Request, provider: Provider, attempt: Attempt) -> Proof:
    await provider.check_answerer(_only(request, "iss"))
    error, code = _only(request, "error"), _only(request, "code")
    if error is not None:
        said = error if _ERROR.fullmatch(error) else "an error without a name"
        raise ProviderTrouble(Trouble.DENIED if said == "access_denied" else Trouble.FAILED, said)
    if not code or len(code) > _CODE_LIMIT:
        raise ProviderTrouble(Trouble.FAILED, "an answer without a code")
    return await provider.redeem(attempt, code)


def _only(request: Request, name: str) -> str | None:
    """Give a parameter of the answer. Raises `ProviderTrouble` when it is there twice."""
    given = request.query_params.getlist(name)
    if len(given) > 1:
        raise ProviderTrouble(Trouble.STALE, f"an answer with {len(given)} of {name}")
    return given[0] if given else None


async def _sign_in(request: Request, provider: Provider, attempt: Attempt, proof: Proof) -> Response:
    accounts = visit_of(request).hub.accounts
    identities = accounts.identities
    person = await identities.find(provider.issuer, proof.subject)
    if person is not None:
        return await _enter(request, person, to=attempt.next)
    # Somebody who unlinked an account and was removed since would come in anew by the same one.
    was_unlinked = await accounts.audit.has("identity.unlinked", mark_of(provider.issuer, proof.subject))
    if identities.team is None or was_unlinked:
        await accounts.audit.note("identity.refused", address=address_of(request), reason="unknown")
        title, *texts = words.newcomer(provider.name)
        return await show(request, "came_back.html", status=403, title=title, texts=texts, back="/sign-in")
    profile = await provider.describe(proof)
    person, is_new = await identities.enrol(provider.issuer, proof.subject, profile)
    if is_new:
        await accounts.audit.note("person.created", person=person, subject=person, by=provider.issuer)
        await accounts.audit.note(
            "member.joined", team=identities.team, person=person, subject=person, role=identities.role.value
        )
    return await _enter(request, person, to=attempt.next)


async def _join(request: Request, provider: Provider, attempt: Attempt, proof: Proof) -> Response:
    accounts = visit_of(request).hub.accounts
    identities, has_joined = accounts.identities, False
    try:
        invitation = await accounts.invitations.find(attempt.invitation)  # nobody gets an account without one
        person = await identities.find(provider.issuer, proof.subject)
        if person is None:
            profile = await provider.describe(proof)
            person, has_joined = await identities.enrol_invited(provider.issuer, proof.subject, profile, invitation)
        if has_joined:
            await accounts.audit.note("person.created", person=person, subject=person, by=provider.issuer)
        elif not (await accounts.people.find(person)).is_disabled:
            with suppress(Conflict):  # who belongs to the team already just comes in
                await accounts.invitations.accept(attempt.invitation, person)
                has_joined = True
    except NotFound:
        return await _invitation_gone(request)
    if has_joined:
        await accounts.audit.note(
            "invitation.accepted",
            team=invitation.team,
            person=person,
            subject=invitation.id,
            role=invitation.role.value,
        )
    return await _enter(request, person, team=invitation.team)


async def _link(request: Request, provider: Provider, attempt: Attempt, proof: Proof) -> Response:
    visit = visit_of(request)
    if visit.who is None or visit.who.login != attempt.login:
        raise ProviderTrouble(Trouble.STALE, "the session that wanted to link an account has ended")
    try:
        is_new = await visit.hub.accounts.identities.link(provider.issuer, proof.subject, visit.who.person)
    except Conflict:
        title, *texts = words.linked_elsewhere(provider.name)
        return await show(request, "came_back.html", status=409, title=title, texts=texts, back=ACCOUNT)
    if is_new:
        mark = mark_of(provider.issuer, proof.subject)
        await visit.hub.accounts.audit.note("identity.linked", visit.who, subject=mark, by=provider.issuer)
    return go(ACCOUNT)


_ACTS = {Purpose.SIGN_IN: _sign_in, Purpose.JOIN: _join, Purpose.LINK: _link}


async def _enter(request: Request, person: str, *, team: str | None = None, to: str = "/") -> Response:
    visit = visit_of(request)
    provider = _provider(request)
    if (await visit.hub.accounts.people.find(person)).is_disabled:
        await visit.hub.accounts.audit.note(
            "identity.refused", person=person, subject=person, address=address_of(request), reason="disabled"
        )
        title, *texts = words.DISABLED
        return await show(request, "came_back.html", status=403, title=title, texts=texts, back="/sign-in")
    return await begin(request, person, team=team, to=to, by=provider.issuer)


# -- unlinking ---------------------------------------------------------------------------------------------------------


@router.post("/oidc/unlink")
@policy(OWN)
async def unlink(request: Request) -> Response:
    """Let an identity open this account no more, unless it is the only way in."""
    visit = visit_of(request)
    accounts, who = visit.hub.accounts, visit.principal
    issuer, subject = visit.get("issuer")[:500], visit.get("subject")[:300]
    provider = visit.hub.provider
    try:
        await accounts.identities.unlink(
            issuer, subject, who.person, provider=provider.issuer if provider is not None else ""
        )
    except Conflict:
        title, *texts = words.ONLY_WAY_IN
        return await show(request, "came_back.html", status=409, title=title, texts=texts, back=ACCOUNT)
    await accounts.audit.note("identity.unlinked", who, subject=mark_of(issuer, subject), by=issuer)
    return go(ACCOUNT)


# -- what is said ------------------------------------------------------------------------------------------------------


async def _tell(request: Request, attempt: Attempt | None, trouble: ProviderTrouble) -> Response:
    """Say in plain words what came of an attempt, and lead back to where it began."""
    if trouble.trouble not in (Trouble.STALE, Trouble.DENIED):
        log.warning("sign-in with the provider failed", trouble=trouble.trouble.value, detail=trouble.detail)
    title, *texts = words.provider_trouble(trouble, _provider(request).name)
    is_linking = attempt is not None and attempt.purpose is Purpose.LINK
    is_in = visit_of(request).who is not None
    back = ACCOUNT if is_linking or is_in else f"/sign-in?next={quote(attempt.next if attempt else '/', safe='')}"
    status = {Trouble.STALE: 400, Trouble.UNTRUSTED: 400, Trouble.DENIED: 403}.get(trouble.trouble, trouble.status)
    return await show(request, "came_back.html", status=status, title=title, texts=texts, back=back)


async def _invitation_gone(request: Request) -> Response:
    return await show(request, "invite_link.html", status=404, problem=words.INVITATION_GONE)
