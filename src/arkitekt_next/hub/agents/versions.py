"""What an agent runs, written down once: its environment, and each of its functions as it is in this release.

The rule: ids are made of what they stand for, so that the same thing said again is the same row, at whichever hub.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import history_tables as h
from arkitekt_next.storage.ledger import Step, insert_or
from arkitekt_next.wire.codec import dumps

if TYPE_CHECKING:
    from arkitekt_next.hub.catalog.service import Contract
    from arkitekt_next.wire.messages import Environment, Offer, Release

_INSERT_ENVIRONMENT = insert_or(h.environment, ["team_id", "hash"], update=["body"])
_INSERT_VERSION = insert_or(h.function_version, ["id"], update=["code_hash"])
"""Both count a row that is there already as well: a step that changes none keeps those after it from being written."""

_ID_CHARS = 32
"""Every task names its version, so ids are as short as they may be: 128 bits of the digest, in hexadecimal."""


class Version(NamedTuple):
    """A function as an agent offers it: the id of its row, and which code it is (`""`: nobody can tell)."""

    id: str
    code_hash: str


def note_environment(team: str, environment: Environment) -> tuple[str, Step]:
    """Give the hash of an environment, and the step that writes it down."""
    body = dumps(environment.model_dump(mode="json"))
    hash = _digest(body)
    return hash, (_INSERT_ENVIRONMENT, {"team_id": team, "hash": hash, "body": body, "created_at_us": now_us()})


def note_version(
    team: str, contract: Contract, offer: Offer, release: Release, *, release_id: str, environment: str | None
) -> tuple[Version, Step]:
    """Give the version of an offered function, and the step that writes it down."""
    function = offer.function_hash or ""
    code = code_hash_of(
        contract.definition_hash, function, source=release.source_hash or "", lock=release.lock_hash or ""
    )
    id = _digest(team, contract.action.id, contract.definition_hash, function, release_id, environment or "")[
        :_ID_CHARS
    ]
    row = {
        "id": id,
        "team_id": team,
        "action_id": contract.action.id,
        "definition_hash": contract.definition_hash,
        "function_hash": function,
        "code_hash": code,
        "release_id": release_id,
        "environment_hash": environment,
        "created_at_us": now_us(),
    }
    return Version(id, code), (_INSERT_VERSION, row)


def code_hash_of(definition: str, function: str, *, source: str, lock: str) -> str:
    """Give what two functions have in common exactly when they run the same code; `""` when neither hash is known."""
    return _digest(definition, function, source, lock) if function or source else ""


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()
