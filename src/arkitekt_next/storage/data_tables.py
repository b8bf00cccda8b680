"""The tables of the data service: what is stored, how it lies in the store, who may read and write it for a while.

What `tables.py` says of texts and times holds here too. The rule: an object exists exactly while its row does; a file
of the store that no row names is swept.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from .columns import at, metadata, team_column

_OPEN = text("committed_at_us IS NULL")
_SHOWN = text("committed_at_us IS NOT NULL AND is_temporary = false AND trashed_at_us IS NULL")
_TEMPORARY = text("is_temporary = true AND removed_at_us IS NULL")
_TRASHED = text("trashed_at_us IS NOT NULL AND removed_at_us IS NULL")
_REMOVED = text("removed_at_us IS NOT NULL")
_UNCLEARED = text("removed_at_us IS NOT NULL AND cleared_at_us IS NULL")
_KEY = Text().with_variant(Text(collation="C"), "postgresql")
"""Keys are ordered by their bytes in both databases, as S3 lists them."""

folder = Table(
    "folder",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("parent_id", Text, nullable=False),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("private_to", Text, nullable=False),
    at("created_at_us"),
    UniqueConstraint("team_id", "parent_id", "name", "private_to"),
)
"""`private_to` is empty, or the person who alone sees the folder: nobody else meets its name, nor clashes with it."""

item = Table(
    "item",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("by_id", Text, ForeignKey("person.id"), nullable=False),
    Column("app", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("visibility", Text, nullable=False),
    Column("is_temporary", Boolean, nullable=False),
    Column("folder_id", Text, ForeignKey("folder.id")),
    Column("parent_id", Text),
    Column("task_id", Text),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("objects", Integer, nullable=False, server_default="0"),
    Column("digest", Text),
    Column("shape", Text, nullable=False, server_default=""),
    Column("dtype", Text, nullable=False, server_default=""),
    Column("meta", Text, nullable=False),
    Column("writes", BigInteger, nullable=False, server_default="0"),
    at("created_at_us"),
    at("used_at_us"),
    at("committed_at_us", nullable=True),
    at("trashed_at_us", nullable=True),
    at("removed_at_us", nullable=True),
    at("cleared_at_us", nullable=True),
    Index("ix_item_open", "created_at_us", sqlite_where=_OPEN),
    Index("ix_item_temporary", "used_at_us", sqlite_where=_TEMPORARY),
    Index("ix_item_trashed", "trashed_at_us", sqlite_where=_TRASHED),
    Index("ix_item_removed", "id", sqlite_where=_REMOVED),
    Index("ix_item_uncleared", "id", sqlite_where=_UNCLEARED),
    Index("ix_item_shown", "team_id", "id", sqlite_where=_SHOWN),
    Index("ix_item_team", "team_id", "id"),
    Index("ix_item_task", "team_id", "task_id"),
    Index("ix_item_folder", "folder_id"),
    Index("ix_item_parent", "parent_id"),
)

item_tag = Table(
    "item_tag",
    metadata,
    Column("item_id", Text, ForeignKey("item.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
    team_column(),
    Index("ix_item_tag", "team_id", "tag"),
)

task_item = Table(
    "task_item",
    metadata,
    Column("team_id", Text, ForeignKey("team.id"), primary_key=True),
    Column("task_id", Text, primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Index("ix_task_item", "team_id", "item_id", "role", "task_id"),
)
"""The index holds all columns: SQLite's planner would otherwise walk through a team's rows by the primary key."""

data_grant = Table(
    "data_grant",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False),
    Column("login_id", Text, nullable=False),
    Column("item_id", Text, ForeignKey("item.id"), nullable=False),
    Column("mode", Text, nullable=False),
    at("created_at_us"),
    at("expires_at_us"),
    at("revoked_at_us", nullable=True),
    Index("ix_data_grant_item", "item_id"),
    Index("ix_data_grant_login", "login_id"),
    Index("ix_data_grant_expires", "expires_at_us"),
)

object = Table(
    "object",
    metadata,
    Column("key", _KEY, primary_key=True),
    team_column(),
    Column("item_id", Text, ForeignKey("item.id"), nullable=False),
    Column("blob", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    at("modified_at_us"),
    Index("ix_object_item", "item_id"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", Text, primary_key=True),
    team_column(),
    Column("item_id", Text, ForeignKey("item.id"), nullable=False),
    Column("key", _KEY, nullable=False),
    Column("content_type", Text, nullable=False),
    at("created_at_us"),
    Index("ix_upload_item", "item_id"),
)

upload_part = Table(
    "upload_part",
    metadata,
    Column("upload_id", Text, ForeignKey("upload.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    team_column(),
    Column("blob", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    at("modified_at_us"),
)
