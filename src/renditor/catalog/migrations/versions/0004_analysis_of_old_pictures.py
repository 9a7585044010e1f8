"""Pictures that came before there was an analysis get theirs: workers find the jobs within a minute."""

import sqlalchemy as sa
from alembic import op

from renditor.models import new_id, now_ms

revision = "0004"
down_revision = "0003"

_AT_ONCE = 1000


def upgrade() -> None:
    connection = op.get_bind()
    ids = connection.scalars(
        sa.text(
            "SELECT id FROM assets WHERE media_type = 'image' AND id NOT IN"
            " (SELECT asset_id FROM jobs WHERE recipe = 'analysis') ORDER BY id DESC"
        )
    ).all()
    insert = sa.text(
        "INSERT INTO jobs (id, asset_id, recipe, status, created_at, updated_at, progress, attempts)"
        " VALUES (:id, :asset_id, 'analysis', 'queued', :now, :now, 0, 0)"
    )
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        connection.execute(insert, [{"id": new_id(), "asset_id": asset_id, "now": now_ms()} for asset_id in some])
