"""A person's own account over HTTP: name, e-mail address, password."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Principal
from arkitekt_next.errors import Conflict, HubBusy, NotPermitted, RequestRefused
from arkitekt_next.hub.accounts import people, service
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, Name, TimeUs
from arkitekt_next.hub.core.policy import OWN, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api/account", tag="accounts")

_REFUSED = refusals(
    RequestRefused(where="password", problem="expected 10 to 256 characters, got 4"),
    Conflict(problem="Somebody has the address ada@lab.org already", remedy="Sign in, or use another one"),
    NotPermitted(
        person="01a1fb9b-0001-7000-8000-000000000001",
        verb="change",
        what="the password",
        remedy="The old password is another one",
    ),
    HubBusy(reason="too many tries", retry_after_s=60),
)
_ACCOUNT: dict[str, Any] = {
    "id": "01a1fb9b-0001-7000-8000-000000000001",
    "name": "ada",
    "email": "ada@lab.org",
    "has_password": True,
    "is_hub_owner": False,
    "created_at_us": 1795222602284847,
}
Password = Annotated[str, Field(max_length=1024)]


class Account(Strict):
    """Your account."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ACCOUNT]})
    id: Id
    name: str
    email: str | None
    has_password: bool
    is_hub_owner: bool
    created_at_us: TimeUs


class AccountChange(Form):
    """What is to change about your account; a new password asks for the old one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Ada", "password": "three green apples", "old_password": "two red apples"}]
        }
    )
    name: Name | None = None
    email: Name | None = None
    password: Password | None = None
    old_password: Password | None = None


@router.get("", summary="Show your account", response_model=Account)
@policy(OWN)
async def get_account(request: Request, who: Who) -> SafeJSON:
    """Give the account of the person behind the token."""
    return reply(_shown(await context_of(request).accounts.people.find(who.person)))


@router.patch("", summary="Change your account", response_model=Account, responses=_REFUSED)
@policy(OWN)
async def change_account(request: Request, who: Who, form: AccountChange) -> SafeJSON:
    """Change name, address or password. A new password ends all your other browser sessions."""
    accounts = context_of(request).accounts
    if form.password is not None:
        await _change_password(accounts, who, form.password, form.old_password or "")
    if form.name is not None or form.email is not None:
        await accounts.people.rename(who.person, name=form.name, email=form.email)
        changed = [name for name in ("name", "email") if getattr(form, name) is not None]
        await accounts.audit.note("account.changed", who, subject=who.person, fields=changed)
    return reply(_shown(await accounts.people.find(who.person)))


async def _change_password(accounts: service.Accounts, who: Principal, password: str, old: str) -> None:
    if not (await accounts.people.find(who.person)).has_password:
        raise Conflict(
            problem="This account has no password yet",
            remedy="The hub's owner makes a link to choose one: `arkitekt-next hub user link`",
        )
    accounts.sign_in_throttle.take(f"password of {who.person}")
    if not await accounts.people.is_password(who.person, old):
        raise NotPermitted(
            person=who.person, verb="change", what="the password", remedy="The old password is another one"
        )
    accounts.sign_in_throttle.give_back(f"password of {who.person}")
    await accounts.people.set_password(who.person, password)
    ended = await accounts.logins.revoke_pages(who.person, but=who.login)
    await accounts.audit.note("account.password_changed", who, subject=who.person, logins_ended=ended)


def _shown(person: people.Person) -> Account:
    return Account(
        id=person.id,
        name=person.name,
        email=person.email,
        has_password=person.has_password,
        is_hub_owner=person.is_hub_owner,
        created_at_us=person.created_at_us,
    )
