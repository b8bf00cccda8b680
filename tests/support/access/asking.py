"""How a cell is asked: a probe asks for one actor and gives the word that stands in the matrix.

A probe that changes something looks afterwards whether it has happened; what was refused and has happened all the same,
or the other way round, gets a word that stands in no cell.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from .stage import SECRET, Actor, Stage

Probe = Callable[[Stage, Actor], Awaitable[str]]
Probes = Mapping[str, Mapping[str, Probe]]
CODES = {"not_authenticated": "401", "not_permitted": "403", "not_found": "404"}


def word_of(answer: Any) -> str:
    """Say how a request was answered; a refusal has to carry the code that belongs to its status."""
    if answer.status_code < 400:
        return "ok"
    status = str(answer.status_code)
    code = answer.json().get("code", "no code")
    expected = {status: code for code, status in CODES.items()}.get(status)
    return status if expected in (None, code) else f"{status} {code}"


def checked(word: str, *, has_happened: bool, wanted: tuple[str, ...] = ("ok",)) -> str:
    """Give the word, unless what has happened belies it."""
    if (word in wanted) == has_happened:
        return word
    return f"{word}, but it {'happened' if has_happened else 'did not happen'}"


def fill(template: str, stage: Stage, **more: Any) -> str:
    """Write a path with what is on the stage."""
    return template.format(**{**vars(stage), **more})


def asks(path: str, method: str = "GET", body: Any = None) -> Probe:
    """Ask for something that is there or not, and changes nothing."""

    async def probe(stage: Stage, actor: Actor) -> str:
        return word_of(await actor.web.request(method, fill(path, stage), json=body))

    return probe


def shows(path: str, what: str) -> Probe:
    """Ask for something in whose answer a text stands or not."""

    async def probe(stage: Stage, actor: Actor) -> str:
        answer, text = await actor.web.get(fill(path, stage)), fill(what, stage)
        word = word_of(answer)
        if word != "ok":
            assert text not in answer.text or text == actor.person  # a refusal names whom it refuses
            return word
        return "shown" if text in answer.text else "hidden"

    return probe


def reads(path: str) -> Probe:
    """Ask for a task, of which the contents may be missing."""

    async def probe(stage: Stage, actor: Actor) -> str:
        answer = await actor.web.get(fill(path, stage))
        word = word_of(answer)
        is_readable = str(SECRET) in answer.text
        if word != "ok":
            assert not is_readable
            return word
        assert answer.json()["is_readable"] is is_readable
        return "ok" if is_readable else "bare"

    return probe
