"""What a model in the shadow would have shown beside what was shown, and the model version that a panel was drawn with.

A panel that an earlier release has drawn names none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shadow_sidebar",
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("article", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("live", sa.JSON, nullable=False),
        sa.Column("shadow", sa.JSON, nullable=False),
    )
    op.add_column("panel", sa.Column("release", sa.Text))


def downgrade() -> None:
    op.drop_column("panel", "release")
    op.drop_table("shadow_sidebar")
