"""Generations know their model version, and the state which one to go back to and which one to try.

A generation that an earlier release has built names none: the ranking of the settings holds for it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("generation", sa.Column("release", sa.Text))
    op.add_column("generation", sa.Column("ranking", sa.Text))
    op.add_column("state", sa.Column("previous_generation", sa.Integer))
    op.add_column("state", sa.Column("shadow_generation", sa.Integer))


def downgrade() -> None:
    op.drop_column("state", "shadow_generation")
    op.drop_column("state", "previous_generation")
    op.drop_column("generation", "ranking")
    op.drop_column("generation", "release")
