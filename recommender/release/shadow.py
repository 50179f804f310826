"""Use case: what a model version in the shadow would show. Readers neither see it nor wait for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from recommender import metrics
from recommender.errors import ArticleNotFound, InvalidInput
from recommender.serving.answers import Basis, Query
from recommender.serving.recommender import Recommender
from recommender.store.base import State, Store
from recommender.store.generation_view import generation_view
from recommender.store.shadow import ShadowSidebar

COMPARED_AT_ONCE = 50
SHOWN = 20  # articles whose sidebars differ most


class Shadowing:
    """Computes the sidebars of both versions, some at a time, and anew where one was overtaken. For one thread."""

    def __init__(self, store: Store, recommender_of: Callable[[Store], Recommender]) -> None:
        """`recommender_of` gives the service over a store."""
        self._store = store
        self._recommender_of = recommender_of
        self._live = recommender_of(store)
        self._shadow: tuple[int, Recommender] | None = None
        self._state: State | None = None
        self._bases: dict[int, tuple[Basis, Basis]] = {}
        self._due: list[int] = []

    def step(self, most: int = COMPARED_AT_ONCE) -> bool:
        """Does what is due, up to `most` articles; whether more is left. Raises Unavailable."""
        with self._store.reading():
            state, number = self._store.state(), self._store.generations.shadow()
            if number is None or state.generation is None:
                self._shadow = None
                return False
            if self._shadow is None or self._shadow[0] != number:
                self._shadow = (number, self._recommender_of(generation_view(self._store, number)))
                self._state, self._bases = None, {}
            shadow = self._shadow[1]
            if state != self._state:
                self._look(state, number, shadow)
            batch, self._due = self._due[:most], self._due[most:]
            rows = self._compared(batch, number, shadow)
        self._store.shadow.put(number, rows)
        return bool(self._due)

    def _look(self, state: State, number: int, shadow: Recommender) -> None:
        """Finds what has been overtaken since the last look."""
        theirs = State(state.revision, number)

        def right(article: int) -> bool:
            bases = self._bases.get(article)
            return (
                bases is not None and self._live.still_right(bases[0], state) and shadow.still_right(bases[1], theirs)
            )

        self._due = [article for article in self._store.generations.numbers(number) if not right(article)]
        self._state = state

    def _compared(self, batch: list[int], number: int, shadow: Recommender) -> list[ShadowSidebar]:
        """Both sidebars of some articles.

        One is left out where the live version shows an article that came after the shadow was built: the shadow does
        not know it, so the difference says nothing of the models.
        """
        in_shadow = frozenset(self._store.generations.numbers(number)) if batch else frozenset()
        rows = []
        for article in self._store.articles.get(batch, texts=False).values():
            try:
                live, other = (recommender.for_article(article.id, Query()) for recommender in (self._live, shadow))
            except ArticleNotFound:
                continue  # not published, or withdrawn since
            self._bases[live.basis.number] = (live.basis, other.basis)
            if in_shadow.issuperset(live.basis.teasers):
                at = self._live.now()
                rows.append(ShadowSidebar(live.basis.number, at, live.basis.teasers, other.basis.teasers))
        return rows


@dataclass(frozen=True)
class Differing:
    """An article whose sidebars differ, by title."""

    article: str
    title: str
    live: tuple[str, ...]
    shadow: tuple[str, ...]
    overlap: float


@dataclass(frozen=True)
class ShadowReport:
    """What a shadow run has shown so far.

    Of `compared` sidebars of `articles`, `differ` do not show the same stories in the same order; `overlap` is the mean
    share of stories in common. `latest` is when the last of them was computed.
    """

    shadow: str
    live: str
    articles: int
    compared: int
    differ: int
    overlap: float
    latest: datetime | None
    most: tuple[Differing, ...]


def shadow_report(store: Store) -> ShadowReport:
    """What the shadow run has shown so far. Raises InvalidInput where there is none."""
    with store.reading():
        number, live = store.generations.shadow(), store.state().generation
        if number is None or live is None:
            raise InvalidInput(
                "No model version runs in the shadow. Start one with `recommender models shadow NAME/VERSION`."
            )
        rows = store.shadow.rows(number)
        numbers = {article for row in rows for article in (row.article, *row.live, *row.shadow)}
        articles = store.articles.get(sorted(numbers), texts=False)
        size = store.generations.size(number)
        names = store.generations.model_version(number) or "", store.generations.model_version(live) or ""
    rows = [row for row in rows if row.article in articles]
    overlaps = {row.article: metrics.overlap(row.live, row.shadow, Query().n) for row in rows}
    differ = [row for row in rows if row.live != row.shadow]

    def titles(numbers: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(articles[number].title for number in numbers if number in articles)

    most = sorted(differ, key=lambda row: (overlaps[row.article], row.article))[:SHOWN]
    return ShadowReport(
        shadow=names[0],
        live=names[1],
        articles=size,
        compared=len(rows),
        differ=len(differ),
        overlap=fmean(overlaps.values()) if rows else 1.0,
        latest=max((row.at for row in rows), default=None),
        most=tuple(
            Differing(
                articles[row.article].id,
                articles[row.article].title,
                titles(row.live),
                titles(row.shadow),
                overlaps[row.article],
            )
            for row in most
        ),
    )
