"""Runs the migrations on the connection that `storage.engine` hands in."""

from alembic import context

from arkitekt_next.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
