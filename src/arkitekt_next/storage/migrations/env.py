"""Runs the migrations on the connection that `storage.engine` hands in."""

from alembic import context

from arkitekt_next.storage.schema import metadata

for table in metadata.tables.values():
    for index in table.indexes:
        condition = index.dialect_kwargs["sqlite_where"]
        if condition is not None:  # it holds for both; said in `tables`, every hub would load PostgreSQL's dialect
            index.dialect_kwargs["postgresql_where"] = condition

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
