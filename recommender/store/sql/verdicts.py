"""The verdicts of readers of both texts, in the database: one row for each pair of texts."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import sqlalchemy as sa

from recommender.reranking.base import Verdict
from recommender.store.sql.database import Database, batches
from recommender.store.sql.tables import reader_failure, verdict
from recommender.store.sql.times import milliseconds, moment
from recommender.store.verdicts import Failure, Verdicts

_FETCH = 1_000  # rows held at once while streaming


class SqlVerdicts:
    """`VerdictStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, reranker: str, article: str, verdicts: Verdicts) -> None:
        if not verdicts:
            return
        this = (verdict.c.reranker == reranker) & (verdict.c.article == article)
        with self._database.writing() as connection:
            for keys in batches(list(verdicts)):
                connection.execute(sa.delete(verdict).where(this, verdict.c.candidate.in_(keys)))
            connection.execute(
                sa.insert(verdict),
                [
                    {
                        "reranker": reranker,
                        "article": article,
                        "candidate": key,
                        "grade": None if said is None else said.grade,
                        "reason": "" if said is None else said.reason,
                    }
                    for key, said in verdicts.items()
                ],
            )

    def grades(self, reranker: str, articles: Sequence[str]) -> dict[str, dict[str, float | None]]:
        grades: dict[str, dict[str, float | None]] = {}
        columns = verdict.c.article, verdict.c.candidate, verdict.c.grade
        with self._database.reading() as connection:
            for batch in batches(articles):
                query = sa.select(*columns).where(verdict.c.reranker == reranker, verdict.c.article.in_(batch))
                for article, candidate, grade in connection.execute(query):
                    grades.setdefault(article, {})[candidate] = grade
        return grades

    def verdicts(self, reranker: str, article: str, candidates: Sequence[str]) -> dict[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        query = sa.select(verdict.c.candidate, verdict.c.grade, verdict.c.reason).where(
            verdict.c.reranker == reranker, verdict.c.article == article, verdict.c.grade.is_not(None)
        )
        with self._database.reading() as connection:
            for batch in batches(candidates):
                rows = connection.execute(query.where(verdict.c.candidate.in_(batch)))
                verdicts |= {row.candidate: Verdict(row.grade, row.reason) for row in rows}
        return verdicts

    def of(self, reranker: str) -> Iterator[tuple[str, Verdicts]]:
        columns = verdict.c.article, verdict.c.candidate, verdict.c.grade, verdict.c.reason
        query = sa.select(*columns).where(verdict.c.reranker == reranker).order_by(verdict.c.article)
        with self._database.reading() as connection:
            rows = connection.execute(query.execution_options(yield_per=_FETCH))
            for article, group in groupby(rows, key=lambda row: str(row.article)):
                yield (
                    article,
                    {row.candidate: None if row.grade is None else Verdict(row.grade, row.reason) for row in group},
                )

    def count(self, reranker: str) -> int:
        query = sa.select(sa.func.count()).select_from(verdict).where(verdict.c.reranker == reranker)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def versions(self) -> list[str]:
        with self._database.reading() as connection:
            return sorted(connection.execute(sa.select(verdict.c.reranker).distinct()).scalars())

    def prune(self, rerankers: Sequence[str], texts: Sequence[str]) -> int:
        known = frozenset(texts)
        with self._database.writing() as connection:
            gone = connection.execute(sa.delete(verdict).where(verdict.c.reranker.not_in(rerankers))).rowcount
            for column in (verdict.c.article, verdict.c.candidate):
                kept = connection.execute(sa.select(column).distinct()).scalars()
                for batch in batches([key for key in kept if key not in known]):
                    gone += connection.execute(sa.delete(verdict).where(column.in_(batch))).rowcount
        return gone

    def note_failure(self, reranker: str, failure: Failure) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.delete(reader_failure).where(reader_failure.c.reranker == reranker))
            values = {"reranker": reranker, "at": milliseconds(failure.at), "message": failure.message}
            connection.execute(sa.insert(reader_failure).values(values))

    def last_failure(self, reranker: str) -> Failure | None:
        query = sa.select(reader_failure).where(reader_failure.c.reranker == reranker)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Failure(moment(row.at), row.message)
