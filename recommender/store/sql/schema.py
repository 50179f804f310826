"""Brings a database to the tables of this release, with Alembic."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from recommender.errors import StoreUnavailable
from recommender.store.sql.database import Database

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Creates or migrates the tables; does nothing where they are current.

    Raises StoreUnavailable for a database that a newer release has written. Two processes that start together take
    turns: the migration runs inside the store's write lock once the tables exist.
    """
    with database.reading() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == _newest():
        return
    config = _config()
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreUnavailable(
                f"The database is at schema {current}, which this release does not know. "
                "It was written by a newer release; upgrade this one."
            ) from error


@cache  # reading the migrations takes longer than opening a database that needs none
def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
