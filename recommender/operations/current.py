"""A database that is looked at as it is: one of this release, which is neither made nor migrated by looking."""

from collections.abc import Iterator
from contextlib import contextmanager

from recommender.errors import Unavailable
from recommender.settings import Settings
from recommender.store.inspection import Inspection
from recommender.wiring import database_file, opened_inspection


@contextmanager
def opened_current(settings: Settings) -> Iterator[Inspection]:
    """The database of the settings. Raises Unavailable where there is none, or one of another release."""
    file = database_file(settings)
    if file is not None and not file.exists():
        raise Unavailable(f"There is no database: {file} does not exist.")
    with opened_inspection(settings.database_url.get_secret_value()) as inspection:
        schema = inspection.schema()
        if schema.kept != schema.newest:
            raise Unavailable(
                f"The database has schema {schema.kept}, this release {schema.newest}; `recommender doctor` says more."
            )
        yield inspection
