"""Interleaving runs in the database: one row for each teaser that was shown, with its clicks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from recommender.store.interleaving import CHALLENGER, LIVE, HourCount, InterleavingRun, MixedSidebar, Pick
from recommender.store.sql.database import Database, batches
from recommender.store.sql.tables import trial, trial_teaser
from recommender.store.sql.times import milliseconds, moment

_CLICKS = trial_teaser.c.clicks


class SqlInterleaving:
    """`InterleavingStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, live: str, challenger: str, at: datetime) -> int:
        values = {"live": live, "challenger": challenger, "since": milliseconds(at)}
        with self._database.writing() as connection:
            self._database.bump()
            connection.execute(sa.delete(trial))
            return int(connection.execute(sa.insert(trial).values(values).returning(trial.c.number)).scalar_one())

    def end(self, number: int, at: datetime) -> None:
        with self._database.writing() as connection:
            self._database.bump()
            connection.execute(sa.update(trial).where(trial.c.number == number).values(until=milliseconds(at)))

    def latest(self) -> InterleavingRun | None:
        with self._database.reading() as connection:
            row = connection.execute(sa.select(trial).order_by(trial.c.number.desc()).limit(1)).first()
        if row is None:
            return None
        return InterleavingRun(row.number, row.live, row.challenger, moment(row.since), moment(row.until))

    def note(self, answers: Sequence[MixedSidebar]) -> None:
        new = {answer.request: answer for answer in answers}
        with self._database.writing() as connection:
            for batch in batches(list(new)):
                stored = sa.select(trial_teaser.c.request).where(trial_teaser.c.request.in_(batch)).distinct()
                for request in connection.execute(stored).scalars():
                    del new[request]
            runs = set(connection.execute(sa.select(trial.c.number)).scalars())
            rows = [
                {
                    "request": answer.request,
                    "target": pick.number,
                    "trial": answer.run,
                    "article": answer.article,
                    "hour": answer.hour,
                    "slot": slot,
                    "team": pick.team,
                    "clicks": 0,
                }
                for answer in new.values()
                if answer.run in runs
                for slot, pick in enumerate(answer.picks, start=1)
            ]
            if rows:
                connection.execute(sa.insert(trial_teaser), rows)

    def shown(self, request: str) -> tuple[MixedSidebar, Mapping[int, int]] | None:
        query = sa.select(trial_teaser).where(trial_teaser.c.request == request).order_by(trial_teaser.c.slot)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return None
        picks = tuple(Pick(row.target, row.team) for row in rows)
        answer = MixedSidebar(request, rows[0].trial, rows[0].article, rows[0].hour, picks)
        return answer, {row.target: row.clicks for row in rows}

    def count(self, clicks: Mapping[tuple[str, int], int], most: int) -> None:
        with self._database.writing() as connection:
            for (request, target), added in clicks.items():
                total = sa.case((_CLICKS + added > most, most), else_=_CLICKS + added)
                this = (trial_teaser.c.request == request) & (trial_teaser.c.target == target)
                connection.execute(sa.update(trial_teaser).where(this).values(clicks=total))

    def counts(self, number: int) -> list[HourCount]:
        team = trial_teaser.c.team
        sums = [
            sa.func.sum(sa.case((which, _CLICKS), else_=0))
            for which in (team == LIVE, team == CHALLENGER, team.is_(None))
        ]
        query = (
            sa.select(trial_teaser.c.article, trial_teaser.c.hour, *sums)
            .where(trial_teaser.c.trial == number)
            .group_by(trial_teaser.c.article, trial_teaser.c.hour)
            .order_by(trial_teaser.c.article, trial_teaser.c.hour)
        )
        with self._database.reading() as connection:
            return [HourCount(*map(int, row)) for row in connection.execute(query)]
