"""Failed attempts to sign in, in the database."""

from datetime import datetime

import sqlalchemy as sa

from recommender.store.failures import CODE, Failure, FailuresFrom, Tally
from recommender.store.sql.database import Database
from recommender.store.sql.tables import failure as failures
from recommender.store.sql.times import milliseconds, moment


class SqlFailures:
    """`FailureStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, failure: Failure) -> None:
        with self._database.writing() as connection:
            connection.execute(
                sa.insert(failures).values(
                    at=milliseconds(failure.at),
                    account=failure.account,
                    address=failure.address,
                    browser=failure.browser,
                    kind=failure.kind,
                    counts=True,
                )
            )

    def tally(
        self, since: datetime, *, account: int | None = None, address: str | None = None, browser: str | None = None
    ) -> Tally:
        query = sa.select(sa.func.count(), sa.func.max(failures.c.at)).where(
            failures.c.at > milliseconds(since), failures.c.counts, *_of(account, address, browser)
        )
        with self._database.reading() as connection:
            count, latest = connection.execute(query).one()
        return Tally(count, moment(latest))

    def forgive(self, account: int, *, address: str | None = None, browser: str | None = None) -> None:
        with self._database.writing() as connection:
            connection.execute(
                sa.update(failures).where(failures.c.counts, *_of(account, address, browser)).values(counts=False)
            )

    def of(self, account: int, since: datetime) -> list[FailuresFrom]:
        latest = sa.func.max(failures.c.at)
        query = (
            sa.select(
                failures.c.address,
                sa.func.count(),
                sa.func.sum(sa.case((failures.c.kind == CODE, 1), else_=0)),
                sa.func.min(failures.c.at),
                latest,
            )
            .where(failures.c.account == account, failures.c.at > milliseconds(since))
            .group_by(failures.c.address)
            .order_by(latest.desc(), failures.c.address)
        )
        with self._database.reading() as connection:
            return [
                FailuresFrom(address, count, int(codes), moment(first), moment(last))
                for address, count, codes, first, last in connection.execute(query)
            ]

    def drop(self, before: datetime, nameless_before: datetime) -> None:
        with self._database.writing() as connection:
            connection.execute(
                sa.delete(failures).where(
                    sa.or_(
                        failures.c.at <= milliseconds(before),
                        failures.c.account.is_(None) & (failures.c.at <= milliseconds(nameless_before)),
                    )
                )
            )


def _of(account: int | None, address: str | None, browser: str | None) -> list[sa.ColumnElement[bool]]:
    asked = ((failures.c.account, account), (failures.c.address, address), (failures.c.browser, browser))
    return [column == value for column, value in asked if value is not None]
