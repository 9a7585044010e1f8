"""Pictures are found by digest, evicted when long unused, and encoded again when much used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Pictures stored until now are named by what they show alone: they are made anew, under names never used before.
    op.execute(
        "INSERT INTO trash (key, not_before, job_id) SELECT key, 0, NULL FROM renditions"
        " WHERE kind = 'image' AND key NOT IN (SELECT key FROM trash)"
    )
    op.execute("DELETE FROM renditions WHERE kind = 'image'")
    op.add_column("assets", sa.Column("stamp", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("renditions", sa.Column("digest", sa.String(length=64), nullable=True))
    op.add_column("renditions", sa.Column("used_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("renditions", sa.Column("hits", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("renditions", sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("renditions", sa.Column("squeezed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_renditions_used", "renditions", ["kind", "pinned", "used_at", "bytes"], unique=False)
    op.create_index("ix_renditions_hot", "renditions", ["kind", "squeezed", "hits"], unique=False)
