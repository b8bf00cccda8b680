"""What the pages say in plain words: roles, scopes, times, and why something was refused."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from arkitekt_next.auth.passwords import LONGEST, SHORTEST
from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.errors import ArkitektError, HubBusy, NotFound, NotPermitted
from arkitekt_next.hub.accounts.oidc.trouble import ProviderTrouble, Trouble
from arkitekt_next.hub.core.cookies import ForeignPage, StaleForm
from arkitekt_next.hub.core.ids import now_us

ROLES: Mapping[Role, str] = MappingProxyType(
    {
        Role.OWNER: "may do everything in the team",
        Role.ADMIN: "invites, changes roles and ends sign-ins, except an owner's",
        Role.MEMBER: "calls what the team shares, and offers functions of their own",
        Role.GUEST: "sees and calls only what was shared with them",
    }
)

SCOPES: Mapping[Scope, tuple[str, str]] = MappingProxyType(
    {
        Scope.READ: ("See", "what you can see in the team: functions, apps, and the tasks you may look into"),
        Scope.CALL: ("Call", "functions in your name, and stop those calls"),
        Scope.PROVIDE: ("Offer functions", "in your name. What others call then runs on the app's machine"),
        Scope.MANAGE: ("Manage", "what you can manage: sharing, sign-ins and, where you may, the team's members"),
    }
)

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "local": "on the hub's own machine",
        "page": "in a browser",
        "device": "approved by code",
        "code": "approved in the browser",
        "redeem": "by a redeem token",
    }
)

WRONG_SIGN_IN = "This address and password do not fit together. Check both and try again."

WRONG_PASSWORD = "This is not your password."
WRONG_PASSKEY = "This passkey was not accepted. Try again, or sign in with your password."
PASSKEY_NOT_ADDED = "The passkey was not added. Try again; it has to be confirmed within five minutes."
NOT_FRESH_PASSWORD = "It is a while since you signed in. Type your password as well, so that the hub knows it is you."
NOT_FRESH = "It is a while since you signed in. Sign out and in again, so that the hub knows it is you."

HAS_PASSWORD = "You have one already. Whoever keeps the hub can make you a link that sets a new one"
PROVE_AGAIN = "Sign out and in again first: it is a while since you signed in"
UNDECIDED = "Please decide: approve it, or deny it."
DOOR_CLOSED = "It opens once, and for two minutes. “arkitekt-next hub open” opens another one."
LINK_GONE = (
    "It was used already, or is older than 30 minutes. Ask whoever keeps the hub for another one. On the hub's own "
    "machine, “arkitekt-next hub open” lets its owner in."
)
INVITATION_GONE = "It was used up or taken back, or has expired. Ask whoever invited you for another one."
DISABLED = (
    "Your account is closed",
    "Whoever keeps this hub has closed it. Ask them if you think that this is a mistake.",
)
ONLY_WAY_IN = (
    "This is your only way in",
    "Without it you could not sign in any more. Set a password first, or link another account.",
)


def field_problem(error: ArkitektError) -> str:
    """Say what is wrong with a field of an account's form."""
    where = error.fields.get("where")
    if where == "password":
        return f"Choose a password of {SHORTEST} to {LONGEST} characters that is not the same few again and again."
    if where == "email":
        return "This is no e-mail address; it should look like ada@lab.org."
    if where == "name":
        return "The name should have 1 to 64 letters."
    return error.message if error.message.endswith(".") else f"{error.message}."


def refusal(error: ArkitektError) -> tuple[str, str]:
    """Give the title and the text of the page for what was refused."""
    if isinstance(error, HubBusy):
        return "Too many tries", f"Please wait {span(float(error.fields.get('retry_after_s', 60)))} and try again."
    if isinstance(error, ForeignPage):
        text = "So the hub did nothing. If it was you, open the hub's own address and do it there."
        return "Another site has sent this", text
    if isinstance(error, StaleForm):
        text = "Nothing has changed. Go back, load the page again, and repeat what you did."
        return "This page was out of date", text
    if isinstance(error, NotPermitted):
        return "You may not do this", _sentence(str(error.fields.get("remedy", error.message)))
    if isinstance(error, NotFound):
        return "This is not here any more", _sentence(str(error.fields.get("remedy", error.message)))
    return "This did not work", _sentence(error.message)


def newcomer(provider: str) -> tuple[str, ...]:
    """Say to somebody whom the provider vouches for that no account here is theirs; the title first."""
    return (
        "You have no account here yet",
        f"{provider} knows you, but this hub does not. Ask somebody of the team for an invitation; on its page you can "
        f"join with {provider}.",
        f"You do have an account? Sign in with its password, then link {provider} on your account. From then on "
        f"{provider} leads to it.",
    )


def linked_elsewhere(provider: str) -> tuple[str, ...]:
    """Say that an identity opens another account; the title first."""
    return (
        "This account is linked already",
        f"The account that you used at {provider} opens another account of this hub. Sign in there, unlink it, and try "
        "again; or use another one.",
    )


def provider_trouble(trouble: ProviderTrouble, provider: str) -> tuple[str, ...]:
    """Say why signing in with the provider came to nothing; the title first."""
    again = "Please begin again. If it stays like this, tell whoever keeps the hub: its log says more."
    said: Mapping[Trouble, tuple[str, ...]] = {
        Trouble.UNREACHABLE: (f"{provider} does not answer", f"The hub could not ask {provider} who you are. {again}"),
        Trouble.UNUSABLE: (
            f"Signing in with {provider} is not set up well",
            "You can do nothing about it. Whoever keeps the hub finds the reason in its log.",
        ),
        Trouble.DENIED: (
            f"{provider} has not let you in",
            "You said no there, or you may not use this hub with it. Nothing has changed.",
        ),
        Trouble.FAILED: (f"{provider} could not finish your sign-in", again),
        Trouble.STALE: (
            "This sign-in is no longer waiting",
            "It took longer than ten minutes, was finished already, or began in another browser or tab. Please begin "
            "again.",
        ),
        Trouble.UNTRUSTED: (
            f"The answer of {provider} is not to be believed",
            f"It does not fit what the hub has asked, so you have not been signed in. {again}",
        ),
        Trouble.CLOCK: (
            "The clocks do not agree",
            f"{provider} and this hub differ about what time it is, or the answer took too long. {again}",
        ),
    }
    return said[trouble.trouble]


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def span(seconds: float) -> str:
    """Write a duration the way people say it."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    count = max(1, round(seconds))
    return f"{count} second{'' if count == 1 else 's'}"


def ago(at_us: int) -> str:
    """Write a past time as people say it."""
    seconds = (now_us() - at_us) / 1e6
    return "just now" if seconds < 60 else f"{span(seconds)} ago"


def until(at_us: int) -> str:
    """Write how long something still holds."""
    return span(max(1.0, (at_us - now_us()) / 1e6))
