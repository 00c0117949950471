"""Runs the migrations on the connection that ``server.storage.database.migrate`` hands over."""

from alembic import context

from server.storage.tables import metadata

connection = context.config.attributes["connection"]
# Batch mode: SQLite changes a table by copying it.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
