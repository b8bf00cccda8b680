"""Runs the steps that a database lacks, with Alembic. Only `migrate` calls it, which takes the errors from here.

The rule: whether there is something to do is asked again under the database's own lock, since another opener may have
been faster.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from arkitekt_next.errors import Conflict

from . import refusal

_LOCK = 724001


def upgrade(connection: Connection, folder: Path) -> None:
    """Run what is missing in one transaction. Raises `Conflict` for a schema that this release does not know."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    try:
        if not _is_current(connection, script):
            connection.rollback()
            _lock(connection)
            if not _is_current(connection, script):
                command.upgrade(config, "head")
                _check_references(connection)
    except CommandError as error:
        raise refusal(error) from error
    connection.commit()


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none before DDL
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _is_current(connection: Connection, script: ScriptDirectory) -> bool:
    """Whether there is nothing to do. Raises `Conflict` for a schema that this release does not know."""
    current = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise Conflict(
            problem=f"The database has the schema '{current}', which is newer than this release knows "
            f"(it knows up to '{script.get_current_head()}')",
            remedy="Nothing was changed. Start it with the newer release, or restore a backup made with this one",
        )
    return current == script.get_current_head()


def _check_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if dangling:
        raise Conflict(
            problem=f"After the upgrade {len(dangling)} rows would refer to rows that are not there",
            remedy="Nothing was changed. Restore a backup, or report it",
        )
