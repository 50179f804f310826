"""Accounts, sessions, one-time links and secrets in the database."""

import unicodedata
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recommender.errors import InvalidInput, NotFound
from recommender.store.accounts import Account, SecondFactor
from recommender.store.sql.database import Database
from recommender.store.sql.tables import account as accounts
from recommender.store.sql.tables import link, recovery_code, secret, session
from recommender.store.sql.texts import storable
from recommender.store.sql.times import milliseconds, moment

_ACCOUNT = sa.select(accounts)
# Asked on every request of an editor, so made once.
_BY_TOKEN = _ACCOUNT.join(session).where(session.c.token == sa.bindparam("token"), session.c.until > sa.bindparam("at"))
_BY_SESSION = _BY_TOKEN.where(sa.not_(session.c.pending))
_BY_PENDING = _BY_TOKEN.where(session.c.pending)
_BY_LINK = _ACCOUNT.join(link).where(
    link.c.token == sa.bindparam("token"), link.c.until > sa.bindparam("at"), link.c.used.is_(None)
)


class SqlAccounts:
    """`AccountStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account: Account) -> int:
        with self._database.writing() as connection:
            if self.by_name(account.name) is not None:
                raise InvalidInput(f"There is an account {account.name!r} already. Choose another name.")
            values = {
                "name": storable(account.name),
                "folded": _folded(account.name),
                "created": milliseconds(account.created),
                **_changing(account),
            }
            return int(connection.execute(sa.insert(accounts).values(values).returning(accounts.c.number)).scalar_one())

    def by_name(self, name: str) -> Account | None:
        return self._first(_ACCOUNT.where(accounts.c.folded == _folded(name)))

    def by_number(self, number: int) -> Account | None:
        return self._first(_ACCOUNT.where(accounts.c.number == number))

    def everyone(self) -> list[Account]:
        with self._database.reading() as connection:
            everyone = [_account(row) for row in connection.execute(_ACCOUNT)]
        return sorted(everyone, key=lambda account: _folded(account.name))  # by the same order on both databases

    def replace(self, account: Account) -> None:
        with self._database.writing() as connection:
            done = connection.execute(
                sa.update(accounts).where(accounts.c.number == account.number).values(_changing(account))
            )
        if not done.rowcount:
            raise NotFound(f"There is no account with the number {account.number}.")

    def open_session(self, token: str, account: int, at: datetime, until: datetime, *, pending: bool = False) -> None:
        opened = milliseconds(at)
        with self._database.writing() as connection:
            connection.execute(sa.delete(session).where(session.c.until <= opened))
            values = {"token": token, "account": account, "opened": opened, "until": milliseconds(until)}
            connection.execute(sa.insert(session).values(**values, pending=pending))

    def session(self, token: str, at: datetime) -> Account | None:
        return self._first(_BY_SESSION, token=token, at=milliseconds(at))

    def pending_session(self, token: str, at: datetime) -> Account | None:
        return self._first(_BY_PENDING, token=token, at=milliseconds(at))

    def close_session(self, token: str) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.delete(session).where(session.c.token == token))

    def close_sessions(self, account: int) -> None:
        with self._database.writing() as connection:
            for table in (session, link):
                connection.execute(sa.delete(table).where(table.c.account == account))

    def put_recovery_codes(self, account: int, codes: list[str]) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.delete(recovery_code).where(recovery_code.c.account == account))
            if codes:
                connection.execute(sa.insert(recovery_code), [{"account": account, "code": code} for code in codes])

    def use_recovery_code(self, account: int, code: str, at: datetime) -> bool:
        with self._database.writing() as connection:
            done = connection.execute(
                sa.update(recovery_code)
                .where(*_unused(account), recovery_code.c.code == code)
                .values(used=milliseconds(at))
            )
        return done.rowcount > 0

    def recovery_codes(self, account: int) -> int:
        with self._database.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).where(*_unused(account))) or 0

    def add_link(self, token: str, account: int, until: datetime) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.insert(link).values(token=token, account=account, until=milliseconds(until)))

    def link(self, token: str, at: datetime) -> Account | None:
        return self._first(_BY_LINK, token=token, at=milliseconds(at))

    def use_link(self, token: str, at: datetime) -> Account | None:
        with self._database.writing() as connection:
            account_of_link = self.link(token, at)
            if account_of_link is not None:
                connection.execute(sa.update(link).where(link.c.token == token).values(used=milliseconds(at)))
            return account_of_link

    def secret(self, name: str, new: str) -> str:
        stored = self._secret(name)  # first without the write lock, so that a start need not wait for a build
        if stored is not None:
            return stored
        with self._database.writing() as connection:
            stored = self._secret(name)
            if stored is not None:
                return stored
            connection.execute(sa.insert(secret).values(name=name, value=new))
            return new

    def _secret(self, name: str) -> str | None:
        with self._database.reading() as connection:
            return connection.execute(sa.select(secret.c.value).where(secret.c.name == name)).scalar()

    def _first(self, query: sa.Select[Any], **values: Any) -> Account | None:
        with self._database.reading() as connection:
            row = connection.execute(query, values).first()
        return None if row is None else _account(row)


def _folded(name: str) -> str:
    """A name without case, and with one spelling of each accented letter."""
    composed = unicodedata.normalize("NFC", storable(name))
    return unicodedata.normalize("NFC", composed.casefold())


def _unused(account: int) -> tuple[sa.ColumnElement[bool], ...]:
    return recovery_code.c.account == account, recovery_code.c.used.is_(None)


def _changing(account: Account) -> dict[str, Any]:
    factor = account.second_factor
    return {
        "role": account.role,
        "password": account.password,
        "disabled": account.disabled,
        "factor": None if factor is None else factor.secret,
        "factor_since": None if factor is None else milliseconds(factor.since),
        "factor_step": None if factor is None else factor.step,
        "told": milliseconds(account.told),
    }


def _account(row: Any) -> Account:
    return Account(
        number=row.number,
        name=row.name,
        role=row.role,
        created=moment(row.created),
        password=row.password,
        disabled=row.disabled,
        second_factor=(
            None if row.factor is None else SecondFactor(row.factor, moment(row.factor_since), row.factor_step)
        ),
        told=moment(row.told),
    )
