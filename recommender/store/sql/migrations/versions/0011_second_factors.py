"""Second factors with their recovery codes, sessions that wait for one, and failed attempts to sign in.

Failures were counted for each account, and locked it; a lock that runs at the time of the upgrade ends with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "failure",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.number"], name="fk_failure_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name="pk_failure"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_failure_account", "failure", ["account", "at"])
    op.create_index("ix_failure_address", "failure", ["address", "at"])
    op.create_index("ix_failure_at", "failure", ["at"])
    op.create_table(
        "recovery_code",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.number"], name="fk_recovery_code_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account", "code", name="pk_recovery_code"),
    )
    op.add_column("session", sa.Column("pending", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("account", sa.Column("factor", sa.Text()))
    op.add_column("account", sa.Column("factor_since", sa.BigInteger()))
    op.add_column("account", sa.Column("factor_step", sa.BigInteger()))
    op.add_column("account", sa.Column("told", sa.BigInteger()))
    op.drop_column("account", "failures")
    op.drop_column("account", "locked_until")


def downgrade() -> None:
    op.add_column("account", sa.Column("locked_until", sa.BigInteger()))
    op.add_column("account", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    for column in ("told", "factor_step", "factor_since", "factor"):
        op.drop_column("account", column)
    op.execute("DELETE FROM session WHERE pending")  # the release before would take them for whole ones
    op.drop_column("session", "pending")
    op.drop_table("recovery_code")
    op.drop_table("failure")
