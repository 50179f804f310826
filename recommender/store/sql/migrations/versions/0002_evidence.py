"""Candidate lists with themes, names and topics; scales, stories, names and exposure. Neighbours are built anew.

Articles and vectors stay. Until the next `recommender build` the sidebars hold fallbacks.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _drop()
    op.create_table(
        "generation",
        sa.Column("number", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("geometry", sa.LargeBinary, nullable=False),
        sa.Column("scales", sa.Text, nullable=False),
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
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("story", sa.Integer, nullable=False),
        sa.Column("demand", sa.Integer, nullable=False),
        sa.Column("shown", sa.Integer, nullable=False),
        sa.Column("prepared", sa.LargeBinary),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("generation", "number", name="pk_neighbour"),
        sa.ForeignKeyConstraint(
            ["generation"], ["generation.number"], name="fk_neighbour_generation", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_neighbour_revision", "neighbour", ["generation", "revision"])
    op.create_index("ix_neighbour_story", "neighbour", ["generation", "story"])


def downgrade() -> None:
    _drop()
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


def _drop() -> None:
    op.execute("UPDATE state SET live_generation = NULL, revision = revision + 1 WHERE live_generation IS NOT NULL")
    op.drop_table("neighbour")
    op.drop_table("generation")
