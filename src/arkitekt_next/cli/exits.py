"""Every exit code of the command line, in one table; the reference page is generated from it.

The rule: scripts may rely on these numbers. A new way to fail gets a new row, an old row never changes its meaning.
"""

from __future__ import annotations

from enum import IntEnum

from arkitekt_next.errors import (
    AgentLost,
    Ambiguous,
    ArkitektError,
    Conflict,
    DeclarationError,
    HubUnavailable,
    HubUntrusted,
    InvalidValue,
    NoAgent,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RequestRefused,
    TaskCancelled,
    TaskExpired,
    TaskFailed,
    TaskInterrupted,
    TaskTimeout,
)


class Exit(IntEnum):
    """What the command line tells whoever started it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_HUB = 3
    NOT_FOUND = 4
    REFUSED = 5
    BROKEN_APP = 6
    INCOMPATIBLE = 7
    NOT_COMPLETED = 8
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.OK: "It worked. `run dev` and `run prod`: stopped as asked, everything under way was finished.",
    Exit.FAILED: "The called function raised, or something went wrong that no other row names.",
    Exit.USAGE: "The command line is wrong: an unknown option, a value that does not fit, or a question "
    "that can't be asked without a terminal.",
    Exit.NO_HUB: "No hub answers. `hub status`: none runs.",
    Exit.NOT_FOUND: "The action, app, module or file does not exist.",
    Exit.REFUSED: "Not signed in, not allowed, a hub whose certificate is not trusted, or in contradiction to what "
    "is there already. `status`: a sign-in has ended, or there is none.",
    Exit.BROKEN_APP: "The app can't be imported, or declares something that can't be published.",
    Exit.INCOMPATIBLE: "`check`: the app breaks callers of what the hub has.",
    Exit.NOT_COMPLETED: "The task ended without a result: cancelled, interrupted, lost, expired, timed out, "
    "or nobody was there to run it.",
    Exit.INTERRUPTED: "Stopped by Ctrl-C.",
}

# The first class that fits counts, so a class stands before the classes it derives from.
_BY_ERROR: tuple[tuple[type[ArkitektError], Exit], ...] = (
    (TaskFailed, Exit.FAILED),
    (TaskCancelled, Exit.NOT_COMPLETED),
    (TaskInterrupted, Exit.NOT_COMPLETED),
    (TaskExpired, Exit.NOT_COMPLETED),
    (TaskTimeout, Exit.NOT_COMPLETED),
    (AgentLost, Exit.NOT_COMPLETED),
    (NoAgent, Exit.NOT_COMPLETED),
    (HubUnavailable, Exit.NO_HUB),
    (DeclarationError, Exit.BROKEN_APP),
    (InvalidValue, Exit.USAGE),
    (RequestRefused, Exit.USAGE),
    (NotFound, Exit.NOT_FOUND),
    (Ambiguous, Exit.NOT_FOUND),
    (NotAuthenticated, Exit.REFUSED),
    (NotPermitted, Exit.REFUSED),
    (HubUntrusted, Exit.REFUSED),
    (Conflict, Exit.REFUSED),
)


def exit_of(error: BaseException) -> Exit:
    """Give the exit code an error ends the command with."""
    for kind, code in _BY_ERROR:
        if isinstance(error, kind):
            return code
    return Exit.FAILED
