"""The tables of what ran: which function of which release in which environment, and where its sources are kept.

What `tables.py` says of texts and times holds here too. The rule: a row is written once and never changes, so that a
task which names one tells for good what it ran.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from .columns import at, metadata, team_column

environment = Table(
    "environment",
    metadata,
    Column("team_id", Text, ForeignKey("team.id"), primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("body", Text, nullable=False),
    at("created_at_us"),
)

function_version = Table(
    "function_version",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("action_id", Text, ForeignKey("action.id"), nullable=False),
    Column("definition_hash", Text, nullable=False),
    Column("function_hash", Text, nullable=False),
    Column("code_hash", Text, nullable=False),
    Column("release_id", Text, ForeignKey("release.id"), nullable=False),
    Column("environment_hash", Text),
    at("created_at_us"),
    Index("ix_function_version_code", "team_id", "code_hash"),
)

release_source = Table(
    "release_source",
    metadata,
    Column("app_id", Text, ForeignKey("app.id"), primary_key=True),
    Column("source_hash", Text, primary_key=True),
    team_column(),
    Column("item_id", Text, ForeignKey("item.id"), nullable=False),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    at("created_at_us"),
    Index("ix_release_source_item", "item_id"),
)
