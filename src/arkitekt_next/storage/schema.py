"""All tables of a hub's database, as one: what migrations and backups go by."""

from __future__ import annotations

from . import data_tables, history_tables, tables
from .columns import metadata

__all__ = ["data_tables", "history_tables", "metadata", "tables"]
