"""The database's history, for Alembic. `billing.core.migrate` runs it."""
