"""What can go wrong between this hub and the provider, as far as people are told apart what to do about it."""

from __future__ import annotations

from enum import StrEnum

from arkitekt_next.errors import ArkitektError


class Trouble(StrEnum):
    """Why a sign-in with the provider came to nothing."""

    UNREACHABLE = "unreachable"
    UNUSABLE = "unusable"
    DENIED = "denied"
    FAILED = "failed"
    STALE = "stale"
    UNTRUSTED = "untrusted"
    CLOCK = "clock"


class ProviderTrouble(ArkitektError):
    """A sign-in with the provider came to nothing. `detail` is for the log, and holds no secret."""

    status = 502
    template = "{trouble}: {detail}"

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(trouble=trouble, detail=detail)
        self.trouble = trouble
        self.detail = detail
