"""Alembic's versions of the schema. They travel inside the package, so that an installed service can upgrade its own
database."""
