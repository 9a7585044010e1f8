"""The tables. Times are ms since 1970 (UTC), sizes bytes; ``owner`` and ``tenant`` stand on all that is owned."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("scopes", sa.String(64), nullable=False),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("uploads", sa.String(32)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
    sa.Column("expires_at", sa.BigInteger),
)

# Upload tokens: what a program gives to a browser. ``uploads_left`` is counted down by the statement that admits one.
upload_tokens = sa.Table(
    "upload_tokens",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("made_by", sa.String(64), nullable=False),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("max_bytes", sa.BigInteger),
    sa.Column("media_types", sa.String(64), nullable=False),
    sa.Column("uploads_left", sa.Integer, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
    sa.Index("ix_upload_tokens_expires_at", "expires_at"),
)

# Secrets of the server, sealed with the master key. The newest of a purpose signs, all that are not retired verify.
secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("purpose", sa.String(32), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("retired_at", sa.BigInteger),
    sa.Index("ix_secrets_purpose", "purpose", "created_at"),
)

# The bytes of originals: one row, and one object in storage, for the same bytes within a tenant.
originals = sa.Table(
    "originals",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    # When its bytes were last read back and compared with ``sha256``, and when they were first found to be others.
    sa.Column("verified_at", sa.BigInteger),
    sa.Column("corrupt_at", sa.BigInteger),
    sa.UniqueConstraint("tenant", "sha256"),
    sa.Index("ix_originals_verified_at", "verified_at"),
)

assets = sa.Table(
    "assets",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    # Delivery knows two kinds of path: /image/ and /video/ (audio is delivered under /video/).
    sa.Column("resource_type", sa.String(8), nullable=False),
    sa.Column("public_id", sa.String(255), nullable=False),
    sa.Column("media_type", sa.String(8), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("visibility", sa.String(8), nullable=False),
    sa.Column("filename", sa.String(255)),
    sa.Column("content_type", sa.String(100), nullable=False),
    sa.Column("format", sa.String(16), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("original_key", sa.String(200), sa.ForeignKey("originals.key"), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("progress", sa.Integer, nullable=False),
    sa.Column("stage", sa.String(64)),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("duration", sa.Float),
    sa.Column("recipe", sa.String(64)),
    sa.Column("route", sa.String(64)),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    # Raised when stored pictures of the asset are dropped or swapped: what processes hold in memory is old then.
    sa.Column("stamp", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("token_id", sa.String(32)),
    # As of its original: delivery reads one row.
    sa.Column("corrupt_at", sa.BigInteger),
    sa.UniqueConstraint("tenant", "resource_type", "public_id"),
    sa.Index("ix_assets_owner", "tenant", "owner", "id"),
    sa.Index("ix_assets_original_key", "original_key"),
)

renditions = sa.Table(
    "renditions",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("asset_id", sa.String(32), sa.ForeignKey("assets.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("name", sa.String(1100), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("content_type", sa.String(100), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("duration", sa.Float),
    sa.Column("metadata", sa.JSON, nullable=False),
    # Of pictures: all that decided their bytes. A row of the same name with another digest is out of date.
    sa.Column("digest", sa.String(64)),
    sa.Column("used_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("hits", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("squeezed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("asset_id", "kind", "name"),
    # For eviction (least recently used first, and the sum of all bytes) and for the search for hot pictures.
    sa.Index("ix_renditions_used", "kind", "pinned", "used_at", "bytes"),
    sa.Index("ix_renditions_hot", "kind", "squeezed", "hits"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("asset_id", sa.String(32), sa.ForeignKey("assets.id", ondelete="CASCADE"), nullable=False),
    sa.Column("recipe", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("progress", sa.Integer, nullable=False),
    sa.Column("stage", sa.String(64)),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Column("task", sa.JSON(none_as_null=True)),
    sa.Index("ix_jobs_asset_id", "asset_id"),
    sa.Index("ix_jobs_status", "status", "updated_at"),
)

# Objects that storage should lose: written *before* an object is stored (with a date) and taken back in the transaction
# that makes the object known, so that a crash in between leaves no orphan; and written at each delete.
trash = sa.Table(
    "trash",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),  # ends in "/" for a whole folder
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("job_id", sa.String(32)),
    sa.Index("ix_trash_not_before", "not_before"),
)

# Generic cell rate algorithm: see ``ratelimits``. With SQLite they are in a file of their own.
rate_limits = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("tat", sa.Float, nullable=False),  # theoretical arrival time, s since 1970
)

# What an owner has: changed in the transactions that add and remove assets.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("files", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

# Resumable uploads. ``offset`` is how much of the spooled file counts: what lies behind it in the file never arrived.
uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("token_id", sa.String(32)),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("length", sa.BigInteger),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("concat", sa.String(8)),
    sa.Column("parts", sa.JSON(none_as_null=True)),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Index("ix_uploads_owner", "tenant", "owner", "status"),
    sa.Index("ix_uploads_expires_at", "expires_at"),
)

# Requests that may be sent again (Idempotency-Key): what the first one became.
idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("asset_id", sa.String(32)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Index("ix_idempotency_created_at", "created_at"),
)

# What happened, one chain a tenant: each entry is bound to the one before it. Rows are only ever added.
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("mac", sa.String(64), nullable=False),
)

# Where each chain had come to: signed, so that entries missing at its end are noticed.
audit_checkpoints = sa.Table(
    "audit_checkpoints",
    metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("mac", sa.String(64), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("signature", sa.String(128), nullable=False),
)
