"""The audit trail is a chain of hashes, and the database refuses to put an entry in the place of another.

Entries that are there get their hashes. SQLite calls no trigger for the row that `INSERT OR REPLACE` removes, so the
insertion itself is refused.
"""

import sqlalchemy as sa
from alembic import op

# Not a copy: the hashes must be those that the running release works out.
from recommender.store.audit_chain import COLUMNS, START, chained

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BATCH = 500
_REFUSED = "the audit trail is append-only"
_THERE = "SELECT 1 FROM audit WHERE number = NEW.number OR request = NEW.request"
_SQLITE_KEEPS = f"CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
_SQLITE_ADDS = (
    f"CREATE TRIGGER audit_adds BEFORE INSERT ON audit WHEN EXISTS ({_THERE}) "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
)
_POSTGRESQL_KEEPS = (
    "CREATE TRIGGER audit_keeps BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuses()"
)
_POSTGRESQL_ADDS = (
    f"""CREATE FUNCTION audit_adds() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF EXISTS ({_THERE}) THEN RAISE EXCEPTION '{_REFUSED}'; END IF; RETURN NEW; END $$""",
    "CREATE TRIGGER audit_adds BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_adds()",
)
_audit = sa.table(
    "audit",
    *(sa.column(name) for name in COLUMNS if name not in ("before", "after")),
    sa.column("before", sa.JSON(none_as_null=True)),
    sa.column("after", sa.JSON(none_as_null=True)),
    sa.column("hash"),
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DROP TRIGGER audit_keeps" if sqlite else "DROP TRIGGER audit_keeps ON audit")
    op.add_column("audit", sa.Column("hash", sa.Text(), nullable=False, server_default=""))
    _chain()
    for statement in (_SQLITE_KEEPS, _SQLITE_ADDS) if sqlite else (_POSTGRESQL_KEEPS, *_POSTGRESQL_ADDS):
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_adds")
    else:
        op.execute("DROP TRIGGER audit_adds ON audit")
        op.execute("DROP FUNCTION audit_adds()")
    op.drop_column("audit", "hash")


def _chain() -> None:
    connection = op.get_bind()
    columns = [_audit.c[name] for name in COLUMNS]
    page = sa.select(*columns).order_by(_audit.c.number).limit(BATCH)
    write = sa.update(_audit).where(_audit.c.number == sa.bindparam("of")).values(hash=sa.bindparam("new"))
    last, previous = -1, START
    while rows := connection.execute(page.where(_audit.c.number > last)).all():
        written = []
        for row in rows:
            previous = chained(previous, dict(zip(COLUMNS, row, strict=True)))
            written.append({"of": row.number, "new": previous})
        connection.execute(write, written)
        last = rows[-1].number
