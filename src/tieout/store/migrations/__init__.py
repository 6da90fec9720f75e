"""The Alembic environment that both databases of a home share; the revisions lie beside their tables."""
