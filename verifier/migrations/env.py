"""Run by Alembic: apply the versions on the connection that verifier.schema hands over."""

from alembic import context

from verifier.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
