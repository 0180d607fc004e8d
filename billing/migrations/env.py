"""Alembic's entry: runs the migrations on the connection `billing.core.migrate` hands over."""

from alembic import context

from billing.core.migrate import VERSION_TABLE

connection = context.config.attributes["connection"]

context.configure(
    connection=connection,
    version_table=VERSION_TABLE,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
