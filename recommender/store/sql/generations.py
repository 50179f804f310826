"""Vectors, generations and neighbour lists in the database."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from recommender.arrays import Vectors
from recommender.articles.keys import ARTICLE, VECTOR_KEY, copy_key_of
from recommender.errors import InvalidInput, StoreUnavailable, Unavailable
from recommender.ranking import candidates
from recommender.ranking.candidates import CandidateArray, GradeArray
from recommender.ranking.scoring import USUAL, RankingModel, Scales
from recommender.store.generations import Generation, Member, NeighbourRow, NewGeneration, Published, Stale, Standing
from recommender.store.sql.database import Database, batches
from recommender.store.sql.public import PUBLIC, second
from recommender.store.sql.tables import article, embedding, generation, neighbour, state

OVERTAKEN = "Another build started meanwhile and took this one's place."
_FETCH = 1_000  # rows held at once while streaming

_VECTOR = np.dtype("<f4")
_PUBLISHED = article.c.status == "published"
# Made once, as it is part of every request: building a statement costs more than running it.
_CANDIDATES = sa.select(neighbour.c.number, neighbour.c.candidates).where(
    neighbour.c.generation == sa.bindparam("generation"),
    neighbour.c.number.in_(sa.bindparam("numbers", expanding=True)),
    neighbour.c.text_hash != "",
)

_NAMES = sa.select(neighbour.c.number, neighbour.c.names).where(
    neighbour.c.generation == sa.bindparam("generation"),
    neighbour.c.number.in_(sa.bindparam("numbers", expanding=True)),
)

_GRADES = sa.select(neighbour.c.number, neighbour.c.grades).where(
    neighbour.c.generation == sa.bindparam("generation"),
    neighbour.c.number.in_(sa.bindparam("numbers", expanding=True)),
    neighbour.c.grades.is_not(None),
)

PREPARED = (
    sa.select(neighbour.c.prepared)
    .join(article, article.c.number == neighbour.c.number)
    .where(article.c.id == sa.bindparam("key"), PUBLIC, neighbour.c.generation == sa.bindparam("generation"))
)


class SqlGenerations:
    """`GenerationStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- vectors ---------------------------------------------------------------------------------------------------

    def published(self, numbers: Sequence[int] | None = None) -> list[Published]:
        query = sa.select(article.c.number, article.c.text_hash).where(_PUBLISHED).order_by(article.c.number)
        articles: list[Published] = []
        with self._database.reading() as connection:
            for batch in [None] if numbers is None else batches(sorted(numbers)):
                rows = connection.execute(query if batch is None else query.where(article.c.number.in_(batch)))
                articles += [Published(*row) for row in rows]
        return articles

    def put_vectors(self, model: str, vectors: Mapping[str, Vectors]) -> None:
        with self._database.writing() as connection:
            for keys in batches(list(vectors)):
                replaced = (embedding.c.model == model) & embedding.c.text_hash.in_(keys)
                connection.execute(sa.delete(embedding).where(replaced))
                connection.execute(
                    sa.insert(embedding),
                    [
                        {"model": model, "text_hash": key, "vector": np.asarray(vectors[key], _VECTOR).tobytes()}
                        for key in keys
                    ],
                )

    def vectors(self, model: str, keys: Sequence[str]) -> dict[str, Vectors]:
        vectors: dict[str, Vectors] = {}
        with self._database.reading() as connection:
            for batch in batches(keys):
                query = sa.select(embedding.c.text_hash, embedding.c.vector).where(
                    embedding.c.model == model, embedding.c.text_hash.in_(batch)
                )
                vectors |= {row[0]: np.frombuffer(row[1], _VECTOR) for row in connection.execute(query)}
        return vectors

    def prune_vectors(self) -> int:
        # Lists, and not sub-queries for each vector: no index knows the first part of a hash.
        used = sa.union(sa.select(_vector_key(article.c.text_hash)), sa.select(_vector_key(neighbour.c.text_hash)))
        with self._database.writing() as connection:
            return connection.execute(sa.delete(embedding).where(embedding.c.text_hash.not_in(used))).rowcount

    def members(self, model: str, generation: int) -> list[Member]:
        row = (neighbour.c.number == article.c.number) & (neighbour.c.generation == generation)
        current = _is_current(neighbour.c.text_hash)
        indexed = sa.case((current, neighbour.c.text_hash), else_=article.c.text_hash)
        query = (
            sa.select(article.c.number, indexed, article.c.language, embedding.c.vector)
            .select_from(sa.outerjoin(article, neighbour, row))
            .join(embedding, embedding.c.text_hash == _vector_key(indexed))
            .where(_PUBLISHED, embedding.c.model == model)
            .order_by(article.c.number)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query)
            return [Member(row[0], row[1], row[2], np.frombuffer(row[3], _VECTOR)) for row in rows]

    # -- generations -----------------------------------------------------------------------------------------------

    def live(self) -> Generation | None:
        return self._generation(sa.select(generation).join(state, state.c.live_generation == generation.c.number))

    def live_model(self) -> str | None:
        query = sa.select(generation.c.model).join(state, state.c.live_generation == generation.c.number)
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def previous(self) -> int | None:
        with self._database.reading() as connection:
            return connection.execute(sa.select(state.c.previous_generation)).scalar()

    def shadow(self) -> int | None:
        with self._database.reading() as connection:
            return connection.execute(sa.select(state.c.shadow_generation)).scalar()

    def generation(self, number: int) -> Generation | None:
        return self._generation(sa.select(generation).where(generation.c.number == number, generation.c.complete))

    def _generation(self, query: sa.Select[Any]) -> Generation | None:
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Generation(
            number=row.number,
            model=row.model,
            geometry=row.geometry,
            lexical=row.lexical,
            scales=Scales.from_json(row.scales),
            built_on=datetime.fromtimestamp(row.built, UTC),
            model_version=row.release,
            ranking=_ranking(row.ranking),
            reranker=row.reranker,
        )

    def model(self, number: int) -> str | None:
        return self._column(number, generation.c.model)

    def model_version(self, number: int) -> str | None:
        return self._column(number, generation.c.release)

    def ranking(self, number: int) -> RankingModel | None:
        return _ranking(self._column(number, generation.c.ranking))

    def reranker(self, number: int) -> str | None:
        return self._column(number, generation.c.reranker)

    def recipe(self, number: int) -> str | None:
        return self._column(number, generation.c.recipe)

    def built_on(self, number: int) -> datetime | None:
        query = sa.select(generation.c.built).where(generation.c.number == number)
        with self._database.reading() as connection:
            built = connection.execute(query).scalar()
        return None if built is None else datetime.fromtimestamp(built, UTC)

    def scales(self, number: int) -> Scales:
        text = self._column(number, generation.c.scales)
        return USUAL if text is None else Scales.from_json(text)

    def geometry(self, number: int) -> bytes | None:
        with self._database.reading() as connection:
            return connection.execute(sa.select(generation.c.geometry).where(generation.c.number == number)).scalar()

    def _column(self, number: int, column: sa.Column[Any]) -> str | None:
        with self._database.reading() as connection:
            return connection.execute(sa.select(column).where(generation.c.number == number)).scalar()

    def begin(self, new: NewGeneration) -> int:
        with self._database.writing() as connection:
            connection.execute(sa.delete(generation).where(~generation.c.complete))
            return int(
                connection.execute(
                    sa.insert(generation)
                    .values(
                        model=new.model,
                        recipe=new.recipe,
                        geometry=new.geometry,
                        lexical=new.lexical,
                        scales=new.scales.to_json(),
                        built=int(new.built_on.timestamp()),
                        revision=self._database.state().revision,
                        complete=False,
                        release=new.model_version,
                        ranking=new.ranking.to_json(),
                        reranker=new.reranker,
                    )
                    .returning(generation.c.number)
                ).scalar_one()
            )

    def write(self, number: int, rows: Sequence[NeighbourRow]) -> None:
        if not rows:
            return
        with self._database.writing() as connection:
            revision = self._revision(number)
            counted: dict[int, dict[str, int]] = {}
            for batch in batches([row.number for row in rows]):
                gone = connection.execute(
                    sa.delete(neighbour)
                    .where(neighbour.c.generation == number, neighbour.c.number.in_(batch))
                    .returning(neighbour.c.number, neighbour.c.demand, neighbour.c.shown)
                )
                counted |= {row[0]: {"demand": row[1], "shown": row[2]} for row in gone}
            connection.execute(
                sa.insert(neighbour),
                [
                    {
                        "generation": number,
                        "number": row.number,
                        "text_hash": row.text_hash,
                        "language": row.language,
                        "terms": row.terms,
                        "candidates": candidates.to_bytes(row.candidates),
                        "names": " ".join(row.names),
                        "story": row.story,
                        "revision": revision,
                        **counted.get(row.number, {"demand": 0, "shown": 0}),
                    }
                    for row in rows
                ],
            )

    def write_candidates(self, number: int, lists: Mapping[int, CandidateArray]) -> None:
        if not lists:
            return
        with self._database.writing() as connection:
            connection.execute(
                sa.update(neighbour)
                .where(neighbour.c.generation == number, neighbour.c.number == sa.bindparam("article_number"))
                .values(candidates=sa.bindparam("rows"), revision=self._revision(number)),
                [{"article_number": key, "rows": candidates.to_bytes(rows)} for key, rows in lists.items()],
            )

    def _revision(self, number: int) -> int:
        """The stamp of a write: a new revision if readers can see it, the present one in a generation being built."""
        with self._database.writing() as connection:
            row = connection.execute(sa.select(generation.c.complete).where(generation.c.number == number)).first()
            if row is None:
                raise Unavailable(OVERTAKEN)
            return self._database.bump() if row.complete else self._database.state().revision

    def finish(self, number: int) -> None:
        with self._database.writing() as connection:
            this = generation.c.number == number
            if not connection.execute(sa.update(generation).where(this).values(complete=True)).rowcount:
                raise Unavailable(OVERTAKEN)

    def activate(self, number: int, *, keep: bool = False) -> None:
        with self._database.writing():
            self.finish(number)
            live = self._database.state().generation
            self._switch(number, live if keep and live != number else self.previous())

    def swap_back(self) -> int:
        with self._database.writing():
            previous = self.previous()
            if previous is None:
                raise InvalidInput("There is no generation to go back to: only a promotion keeps the one before it.")
            self._switch(previous, self._database.state().generation)
        return previous

    def _switch(self, live: int, previous: int | None) -> None:
        """One generation has one part: what is live is neither the previous one nor the shadow."""
        values = {"live_generation": live, "previous_generation": None if previous == live else previous}
        if self.shadow() == live:
            values["shadow_generation"] = None
        with self._database.writing() as connection:
            self._database.bump()
            connection.execute(sa.update(state).where(state.c.id == 1).values(values))

    def put_shadow(self, number: int | None) -> None:
        with self._database.writing() as connection:
            if number is not None and (number == self._database.state().generation or self.generation(number) is None):
                raise InvalidInput(f"Generation {number} cannot be tried beside the live one: it is live or not whole.")
            self._database.bump()
            connection.execute(sa.update(state).where(state.c.id == 1).values(shadow_generation=number))

    def drop_retired(self) -> None:
        with self._database.writing() as connection:
            used = connection.execute(
                sa.select(state.c.live_generation, state.c.previous_generation, state.c.shadow_generation)
            ).one()
            used_numbers = [number for number in used if number is not None]
            connection.execute(
                sa.delete(generation).where(generation.c.complete, generation.c.number.not_in(used_numbers))
            )

    # -- neighbour rows --------------------------------------------------------------------------------------------

    def candidates(self, number: int, articles: Sequence[int]) -> dict[int, CandidateArray]:
        lists: dict[int, CandidateArray] = {}
        with self._database.reading() as connection:
            for batch in batches(articles):
                rows = connection.execute(_CANDIDATES, {"generation": number, "numbers": list(batch)})
                lists |= {row[0]: candidates.from_bytes(row[1]) for row in rows}
        return lists

    def grades(self, number: int, articles: Sequence[int]) -> dict[int, GradeArray]:
        grades: dict[int, GradeArray] = {}
        with self._database.reading() as connection:
            for batch in batches(articles):
                rows = connection.execute(_GRADES, {"generation": number, "numbers": list(batch)})
                grades |= {row[0]: np.frombuffer(row[1], candidates.GRADE_ROW) for row in rows}
        return grades

    def graded(self, number: int) -> int:
        query = sa.select(sa.func.count()).where(neighbour.c.generation == number, neighbour.c.grades.is_not(None))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def put_grades(self, number: int, grades: Mapping[int, GradeArray]) -> None:
        if not grades:
            return
        with self._database.writing() as connection:
            connection.execute(
                sa.update(neighbour)
                .where(neighbour.c.generation == number, neighbour.c.number == sa.bindparam("article_number"))
                .values(grades=sa.bindparam("rows"), revision=self._revision(number)),
                [{"article_number": key, "rows": rows.tobytes() or None} for key, rows in grades.items()],
            )

    def forget_grades(self, number: int, articles: Sequence[int], candidates: Sequence[int]) -> None:
        with self._database.writing():
            grades = self.grades(number, articles)
            left = {key: rows[~np.isin(rows["number"], candidates)] for key, rows in grades.items()}
            self.put_grades(number, {key: rows for key, rows in left.items() if len(rows) < len(grades[key])})

    def rows_since(self, number: int, revision: int) -> Iterator[NeighbourRow]:
        columns = [neighbour.c[name] for name in ("number", "text_hash", "language", "terms", "candidates", "names")]
        query = (
            sa.select(*columns, neighbour.c.story)
            .where(neighbour.c.generation == number, neighbour.c.revision > revision)
            .order_by(neighbour.c.number)
            .execution_options(yield_per=_FETCH)
        )
        with self._database.reading() as connection:
            for row in connection.execute(query):
                yield NeighbourRow(*row[:4], candidates.from_bytes(row[4]), tuple(row[5].split()), row[6])

    def standings_since(self, number: int, revision: int) -> dict[int, Standing]:
        columns = [neighbour.c[name] for name in ("number", "revision", "story", "demand", "text_hash")]
        query = sa.select(*columns).where(neighbour.c.generation == number, neighbour.c.revision > revision)
        with self._database.reading() as connection:
            return {
                row.number: Standing(row.revision, row.story, row.demand, copy_key_of(row.text_hash))
                for row in connection.execute(query)
            }

    def names(self, number: int, articles: Sequence[int]) -> dict[int, tuple[str, ...]]:
        names: dict[int, tuple[str, ...]] = {}
        with self._database.reading() as connection:
            for batch in batches(articles):
                rows = connection.execute(_NAMES, {"generation": number, "numbers": list(batch)})
                names |= {row[0]: tuple(row[1].split()) for row in rows}
        return names

    def story(self, number: int, story: int) -> list[int]:
        query = sa.select(neighbour.c.number).where(
            neighbour.c.generation == number, neighbour.c.story == story, neighbour.c.text_hash != ""
        )
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(neighbour.c.number)).scalars())

    def numbers(self, number: int) -> list[int]:
        query = sa.select(neighbour.c.number).where(neighbour.c.generation == number, neighbour.c.text_hash != "")
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(neighbour.c.number)).scalars())

    # -- finished answers ------------------------------------------------------------------------------------------

    def put_prepared(self, number: int, answers: Mapping[int, bytes]) -> None:
        if not answers:
            return
        with self._database.writing() as connection:
            connection.execute(
                sa.update(neighbour)
                .where(neighbour.c.generation == number, neighbour.c.number == sa.bindparam("article_number"))
                .values(prepared=sa.bindparam("answer")),
                [{"article_number": key, "answer": answer} for key, answer in answers.items()],
            )

    def prepared(self, number: int, article_id: str, at: datetime) -> bytes | None:
        row = self._database.look_up(PREPARED, generation=number, key=article_id, at=second(at))
        return bytes(row[0]) if row is not None and row[0] is not None else None

    def all_prepared(self, number: int) -> Iterator[tuple[int, bytes]]:
        query = (
            sa.select(neighbour.c.number, neighbour.c.prepared)
            .where(neighbour.c.generation == number, neighbour.c.prepared.is_not(None))
            .order_by(neighbour.c.number)
            .execution_options(yield_per=_FETCH)
        )
        with self._database.reading() as connection:
            for row in connection.execute(query):
                yield row[0], bytes(row[1])

    def put_standings(self, number: int, stories: Mapping[int, int], demand: Mapping[int, int]) -> None:
        if not stories:
            return
        with self._database.writing() as connection:
            connection.execute(
                sa.update(neighbour)
                .where(neighbour.c.generation == number, neighbour.c.number == sa.bindparam("article_number"))
                .values(story=sa.bindparam("first"), demand=sa.bindparam("wanted")),
                [
                    {"article_number": key, "first": story, "wanted": demand.get(key, 0)}
                    for key, story in stories.items()
                ],
            )

    # -- exposure ---------------------------------------------------------------------------------------------------

    def put_exposure(self, number: int, shown: Mapping[int, int]) -> None:
        with self._database.writing() as connection:
            mine = neighbour.c.generation == number
            connection.execute(sa.update(neighbour).where(mine).values(shown=0))
            if shown:
                connection.execute(
                    sa.update(neighbour)
                    .where(mine, neighbour.c.number == sa.bindparam("article_number"))
                    .values(shown=sa.bindparam("sidebars")),
                    [{"article_number": key, "sidebars": count} for key, count in shown.items()],
                )

    def exposure(self, number: int) -> dict[int, int]:
        query = sa.select(neighbour.c.number, neighbour.c.shown).where(
            neighbour.c.generation == number, neighbour.c.text_hash != ""
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    # -- what is behind --------------------------------------------------------------------------------------------

    def stale(self, number: int) -> Stale:
        joined = sa.outerjoin(
            article, neighbour, (neighbour.c.number == article.c.number) & (neighbour.c.generation == number)
        )
        indexed = sa.func.coalesce(neighbour.c.text_hash, "")
        newest_first = (article.c.revision.desc(), article.c.number)
        query = sa.select(article.c.number, _PUBLISHED).select_from(joined).order_by(*newest_first)
        with self._database.reading() as connection:
            rows = connection.execute(
                query.where((_PUBLISHED & ~_is_current(indexed)) | (~_PUBLISHED & (indexed != "")))
            ).all()
        return Stale([row[0] for row in rows if row[1]], [row[0] for row in rows if not row[1]])

    def outdated(self, number: int, before: datetime) -> bool:
        changed = sa.exists().where(_PUBLISHED, article.c.revision > generation.c.revision)
        query = sa.select(generation.c.number).where(
            generation.c.number == number, generation.c.built < int(before.timestamp()), changed
        )
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def size(self, number: int) -> int:
        query = sa.select(sa.func.count()).where(neighbour.c.generation == number, neighbour.c.text_hash != "")
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())


def _vector_key(text_hash: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """`keys.vector_key` in SQL."""
    return sa.func.substr(text_hash, 1, VECTOR_KEY)


def _is_current(indexed: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether what a generation holds of an article was made from its text as it is now.

    Earlier releases kept the article's hash alone.
    """
    own = sa.func.substr(indexed, ARTICLE + 1)
    return (indexed == article.c.text_hash) | (own == article.c.text_hash)


def _ranking(text: str | None) -> RankingModel | None:
    """Raises StoreUnavailable for weights that only a newer release can use: the software was rolled back."""
    try:
        return None if text is None else RankingModel.from_json(text)
    except ValueError as error:
        raise StoreUnavailable(f"The generation was built by a newer release; upgrade this one ({error}).") from error
