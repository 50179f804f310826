"""Verdicts of a reader of both texts, the grades in the lists of a generation, and which reader these are of."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verdict",
        sa.Column("reranker", sa.Text, primary_key=True),
        sa.Column("article", sa.Text, primary_key=True),
        sa.Column("candidate", sa.Text, primary_key=True),
        sa.Column("grade", sa.Float),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "reader_failure",
        sa.Column("reranker", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.add_column("generation", sa.Column("reranker", sa.Text))
    op.add_column("neighbour", sa.Column("grades", sa.LargeBinary))


def downgrade() -> None:
    op.drop_column("neighbour", "grades")
    op.drop_column("generation", "reranker")
    op.drop_table("reader_failure")
    op.drop_table("verdict")
