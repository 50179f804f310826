"""Brings a database to the tables of this release, or of an earlier one, with Alembic."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from recommender.errors import StoreUnavailable
from recommender.store.sql.database import Connection, Database

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Creates or migrates the tables; does nothing where they are current.

    Raises StoreUnavailable for a database that a newer release has written. Two processes that start together take
    turns: the migration runs inside the store's write lock once the tables exist.
    """
    with database.reading() as connection:
        current = revision_of(connection)
    if current == newest():
        return
    with database.migrating() as connection:
        migrate(connection)


def migrate(connection: Connection, revision: str = "head") -> None:
    """Creates or migrates the tables to those of a revision, inside the transaction of the connection.

    Raises StoreUnavailable for tables that a newer release has written.
    """
    current = revision_of(connection)
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StoreUnavailable(
            f"The database is at schema {current}, which this release does not know. "
            "It was written by a newer release; upgrade this one."
        ) from error


def revision_of(connection: Connection) -> str | None:
    """The revision of the tables; None where there are none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(revision: str) -> bool:
    """Whether it is a revision of this release or of an earlier one."""
    return revision in _revisions()


@cache  # reading the migrations takes longer than opening a database that needs none
def newest() -> str | None:
    """The revision of this release."""
    return ScriptDirectory.from_config(_config()).get_current_head()


@cache
def _revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
