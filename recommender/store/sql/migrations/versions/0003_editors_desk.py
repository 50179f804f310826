"""The editors' desk: accounts, audit trail, signals, reviews, what was shown, panels and grades.

The database itself keeps the audit trail append-only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_REFUSED = "the audit trail is append-only"
_SQLITE = (
    f"CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    f"CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
)
_POSTGRESQL = (
    f"""CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$""",
    "CREATE TRIGGER audit_keeps BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuses()",
    "CREATE TRIGGER audit_stays BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_account"),
        sa.UniqueConstraint("folded", name="uq_account_folded"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("article", sa.Integer(), nullable=True),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("request", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
        sa.UniqueConstraint("request", name="uq_audit_request"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_article", "audit", ["article"], unique=False)
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_table(
        "look",
        sa.Column("article", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("article", "by", name="pk_look"),
    )
    op.create_table(
        "panel",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_panel"),
        sa.UniqueConstraint("name", name="uq_panel_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "review",
        sa.Column("article", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("article", name="pk_review"),
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secret"),
    )
    op.create_table(
        "sidebar",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("doubt", sa.Float(), nullable=False),
        sa.Column("fallbacks", sa.Integer(), nullable=False),
        sa.Column("teasers", sa.Integer(), nullable=False),
        sa.Column("served", sa.Boolean(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sidebar"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_sidebar_current",
        "sidebar",
        ["current", "source", "digest", "doubt", "fallbacks", "teasers"],
        unique=False,
    )
    op.create_index("ix_sidebar_source", "sidebar", ["source", "at"], unique=False)
    op.create_table(
        "signal",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=True),
        sa.Column("target", sa.Integer(), nullable=True),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("factor", sa.Float(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_signal"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_signal_revision", "signal", ["revision"], unique=False)
    op.create_index("ix_signal_source", "signal", ["source"], unique=False)
    op.create_index("ix_signal_target", "signal", ["target"], unique=False)
    op.create_table(
        "grade",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("panel", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=True),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("grader", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["panel"], ["panel.number"], name="fk_grade_panel", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name="pk_grade"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_grade_panel", "grade", ["panel", "source"], unique=False)
    op.create_table(
        "link",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.number"], name="fk_link_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token", name="pk_link"),
    )
    op.create_table(
        "panel_sidebar",
        sa.Column("panel", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("pool", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["panel"], ["panel.number"], name="fk_panel_sidebar_panel", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("panel", "place", name="pk_panel_sidebar"),
    )
    op.create_table(
        "session",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.number"], name="fk_session_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token", name="pk_session"),
    )
    op.create_table(
        "sidebar_item",
        sa.Column("sidebar", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["sidebar"], ["sidebar.number"], name="fk_sidebar_item_sidebar", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sidebar", "slot", name="pk_sidebar_item"),
    )
    op.create_index("ix_sidebar_item_target", "sidebar_item", ["target"], unique=False)
    # Answers that an earlier release has prepared do not say which articles they show; they are prepared anew.
    op.execute("UPDATE neighbour SET prepared = NULL")
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_sidebar_item_target", table_name="sidebar_item")
    op.drop_table("sidebar_item")
    op.drop_table("session")
    op.drop_table("panel_sidebar")
    op.drop_table("link")
    op.drop_index("ix_grade_panel", table_name="grade")
    op.drop_table("grade")
    op.drop_index("ix_signal_target", table_name="signal")
    op.drop_index("ix_signal_source", table_name="signal")
    op.drop_index("ix_signal_revision", table_name="signal")
    op.drop_table("signal")
    op.drop_index("ix_sidebar_source", table_name="sidebar")
    op.drop_index("ix_sidebar_current", table_name="sidebar")
    op.drop_table("sidebar")
    op.drop_table("secret")
    op.drop_table("review")
    op.drop_table("panel")
    op.drop_table("look")
    op.drop_index("ix_audit_at", table_name="audit")
    op.drop_index("ix_audit_article", table_name="audit")
    op.drop_table("audit")
    op.drop_table("account")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_refuses()")
