"""Trials in which two models share the sidebars: what was shown in which hour, and how often it was clicked on."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trial",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("live", sa.Text, nullable=False),
        sa.Column("challenger", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "trial_teaser",
        sa.Column("request", sa.Text, primary_key=True),
        sa.Column("target", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("trial", sa.Integer, sa.ForeignKey("trial.number", ondelete="CASCADE"), nullable=False),
        sa.Column("article", sa.Integer, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column("team", sa.Text),
        sa.Column("clicks", sa.Integer, nullable=False),
    )
    op.create_index("ix_trial_teaser_trial", "trial_teaser", ["trial"])


def downgrade() -> None:
    op.drop_table("trial_teaser")
    op.drop_table("trial")
