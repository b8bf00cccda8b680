"""What all tables share: the metadata they belong to, and the columns that nearly all of them have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def team_column() -> Column[str]:
    """Make the column of the team that a row belongs to."""
    return Column("team_id", Text, ForeignKey("team.id"), nullable=False)


def at(name: str, *, nullable: bool = False) -> Column[int]:
    """Make a column for a moment, in UTC microseconds."""
    return Column(name, BigInteger, nullable=nullable)
