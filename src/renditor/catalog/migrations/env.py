"""Runs the migrations on the connection that ``Catalog.migrate`` hands over."""

from alembic import context

from renditor.catalog.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
