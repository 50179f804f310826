"""The store as the use cases see it."""

from contextlib import AbstractContextManager

from recommender.store.base import Look, State
from recommender.store.sql.accounts import SqlAccounts
from recommender.store.sql.articles import SqlArticles
from recommender.store.sql.audit import SqlAudit
from recommender.store.sql.database import Database
from recommender.store.sql.failures import SqlFailures
from recommender.store.sql.generations import SqlGenerations
from recommender.store.sql.grading import SqlGrading
from recommender.store.sql.interleaving import SqlInterleaving
from recommender.store.sql.keys import SqlKeys
from recommender.store.sql.ledger import SqlLedger
from recommender.store.sql.quick_reader import SqlQuickReader
from recommender.store.sql.reviews import SqlReviews
from recommender.store.sql.shadow import SqlShadow
from recommender.store.sql.signals import SqlSignals
from recommender.store.sql.verdicts import SqlVerdicts


class SqlStore:
    """`Store` over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.articles = SqlArticles(database)
        self.generations = SqlGenerations(database)
        self.accounts = SqlAccounts(database)
        self.failures = SqlFailures(database)
        self.keys = SqlKeys(database)
        self.audit = SqlAudit(database)
        self.signals = SqlSignals(database)
        self.reviews = SqlReviews(database)
        self.ledger = SqlLedger(database)
        self.grading = SqlGrading(database)
        self.shadow = SqlShadow(database)
        self.interleaving = SqlInterleaving(database)
        self.verdicts = SqlVerdicts(database)

    def state(self) -> State:
        return self._database.state()

    def last_look(self) -> Look | None:
        return self._database.last_look()

    def probe(self) -> None:
        self._database.probe()

    def quick_reader(self) -> SqlQuickReader | None:
        return SqlQuickReader(self._database) if self._database.is_sqlite else None

    def reading(self) -> AbstractContextManager[object]:
        return self._database.reading()

    def writing(self) -> AbstractContextManager[object]:
        return self._database.writing()

    def close(self) -> None:
        self._database.close()
