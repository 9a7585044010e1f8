"""Jobs carry what exactly they were asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("task", sa.JSON(none_as_null=True), nullable=True))
