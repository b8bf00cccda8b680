"""A hub with a long history: many tasks and a large catalogue, put into its database while it is not running."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.million import fill, provide_all

from arkitekt_next.embedded import serve
from tests.support.browsing import set_up_owner

_TOPICS = ("nuclei", "membranes", "tracks", "spots", "fibres", "colonies", "plates", "wells")
_VERBS = ("segment", "count", "track", "denoise", "register", "measure", "stitch", "export")


def body(number: int) -> dict[str, Any]:
    """Give the definition of one function of a large catalogue."""
    verb, topic = _VERBS[number % 8], _TOPICS[number // 8 % 8]
    return {
        "name": f"{verb}_{topic}_{number:05d}",
        "label": f"{verb.title()} {topic} {number}",
        "description": f"{verb.title()} {topic} in images of plate {number % 97}, by the method of group {number % 13}.",
        "args": [
            {"key": "image", "kind": "structure", "identifier": "data.image"},
            {
                "key": "sigma", "kind": "float", "required": False, "default": 1.5, "unit": "px",
                "constraints": {"ge": 0, "le": 10}, "widget": {"kind": "slider", "min": 0, "max": 10, "step": 0.1},
            },
            {"key": "mode", "kind": "enum", "identifier": "Mode", "choices": [{"value": "FAST"}, {"value": "EXACT"}]},
            {"key": "sizes", "kind": "list", "required": False, "default": [], "children": [{"key": "0", "kind": "int"}]},
        ],
        "returns": [{"key": "out", "kind": "structure", "identifier": "data.image"}],
        "effects": "none",
        "collections": [topic, f"group {number % 13}"],
    }  # fmt: skip


def add_actions(path: Path, count: int) -> None:
    """Put so many functions, of an app that is there, into the database of a hub that does not run."""
    now = time.time_ns() // 1000
    with closing(sqlite3.connect(path)) as db:
        app, team, identifier = db.execute(
            "SELECT id, team_id, identifier FROM app WHERE identifier = 'app0'"
        ).fetchone()
        actions, definitions = [], []
        for number in range(count):
            text = json.dumps(body(number))
            action, hashed = str(uuid.uuid4()), hashlib.sha256(text.encode()).hexdigest()
            actions.append((action, team, app, f"{identifier}.{body(number)['name']}", now))
            definitions.append((str(uuid.uuid4()), team, action, hashed, hashed, "team", text, now, now))
        db.executemany("INSERT INTO action (id, team_id, app_id, name, created_at_us) VALUES (?, ?, ?, ?, ?)", actions)
        db.executemany(
            "INSERT INTO definition (id, team_id, action_id, definition_hash, signature_hash, visibility, body, "
            "created_at_us, offered_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            definitions,
        )
        db.commit()


def serve_many(folder: Path, *, tasks: int, actions: int) -> Iterator[Any]:
    """Serve a hub that has so many tasks and functions; its owner has a password."""
    with serve(folder, log_level="error") as first:
        set_up_owner(first)
        with ThreadPoolExecutor(1) as apart:  # a browser's loop may run in this thread
            apart.submit(asyncio.run, provide_all(first)).result(60)
    fill(folder / "hub.db", tasks)
    add_actions(folder / "hub.db", actions)
    with serve(folder, log_level="error") as running:
        yield running
