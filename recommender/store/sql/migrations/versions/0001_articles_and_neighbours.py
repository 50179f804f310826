"""Articles, vectors, generations, neighbours."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    state = op.create_table(
        "state",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("live_generation", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_state"),
    )
    op.bulk_insert(state, [{"id": 1, "revision": 0, "live_generation": None}])
    op.create_table(
        "article",
        sa.Column("number", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("url_key", sa.Text),
        sa.Column("posted", sa.BigInteger),
        sa.Column("edition", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("countries", sa.JSON, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("read_count", sa.BigInteger, nullable=False),
        sa.Column("image_url", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("flags", sa.JSON, nullable=False),
        sa.Column("is_held", sa.Boolean, nullable=False),
        sa.Column("is_update", sa.Boolean, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("text_hash", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_article"),
        sa.UniqueConstraint("id", name="uq_article_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_article_url_key", "article", ["url_key"])
    op.create_index("ix_article_text_hash", "article", ["text_hash"])
    op.create_index("ix_article_revision", "article", ["revision"])
    op.create_table(
        "embedding",
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("text_hash", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("model", "text_hash", name="pk_embedding"),
    )
    op.create_table(
        "generation",
        sa.Column("number", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("centres", sa.LargeBinary, nullable=False),
        sa.Column("lexical", sa.LargeBinary, nullable=False),
        sa.Column("built", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_generation"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "neighbour",
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("text_hash", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("terms", sa.LargeBinary, nullable=False),
        sa.Column("candidates", sa.LargeBinary, nullable=False),
        sa.Column("prepared", sa.LargeBinary),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("generation", "number", name="pk_neighbour"),
        sa.ForeignKeyConstraint(
            ["generation"], ["generation.number"], name="fk_neighbour_generation", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_neighbour_revision", "neighbour", ["generation", "revision"])


def downgrade() -> None:
    for table in ("neighbour", "generation", "embedding", "article", "state"):
        op.drop_table(table)
