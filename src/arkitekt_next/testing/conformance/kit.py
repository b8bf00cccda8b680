"""Checks with a name and a deadline, and what runs them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from arkitekt_next.testing.conformance.raw import Failed

B = TypeVar("B", bound="Bench")


class Bench(Protocol):
    """What the checks of one candidate work with."""

    async def restore(self) -> None:
        """Bring everything into order before the next check, whatever the last one left."""

    def last_words(self) -> str:
        """Give what the candidate last wrote to its standard error."""


@dataclass(frozen=True, slots=True)
class Check(Generic[B]):
    """One thing that has to hold."""

    name: str
    within_s: float
    run: Callable[[B], Awaitable[None]]


class Checks(Generic[B]):
    """The checks of one kind of candidate, in order."""

    def __init__(self, prefix: str) -> None:
        self.all: list[Check[B]] = []
        self._prefix = prefix

    def __call__(self, name: str, within_s: float = 12.0) -> Callable[[Callable[[B], Awaitable[None]]], None]:
        """Declare a function as a check."""

        def declare(run: Callable[[B], Awaitable[None]]) -> None:
            self.all.append(Check(f"{self._prefix}: {name}", within_s, run))

        return declare


@dataclass(slots=True)
class Report:
    """What came of a run: one line a check, and why those failed that did."""

    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def line(self, text: str) -> None:
        """Print a line at once."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    async def run(self, checks: list[Check[B]], bench: B) -> None:
        """Run checks one after the other; none of them can hang or stop the others."""
        for check in checks:
            began = time.monotonic()
            problem = await _problem(check, bench)
            took = f"({time.monotonic() - began:.1f} s)"
            if problem is None:
                self.passed.append(check.name)
                self.line(f"ok      {check.name} {took}")
            else:
                self.failed[check.name] = problem
                self.line(f"failed  {check.name} {took}: {problem}")
                words = bench.last_words()
                if words:
                    self.line("        its last words: " + words.replace("\n", "\n        "))

    def summary(self) -> str:
        """Give the last line."""
        return f"{len(self.passed)} passed, {len(self.failed)} failed"


async def _problem(check: Check[B], bench: B) -> str | None:
    try:
        async with asyncio.timeout(30):
            await bench.restore()
        async with asyncio.timeout(check.within_s):
            await check.run(bench)
    except Failed as failed:
        return str(failed)
    except TimeoutError:
        return f"it took longer than {check.within_s:g} s"
    except Exception as error:  # a broken candidate may break the check itself
        return f"{type(error).__name__}: {error}"
    return None
