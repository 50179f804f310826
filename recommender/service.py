"""Use case: the sidebar of an article, of an address, or of a draft."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from recommender.article import HOLD_FLAG, Article
from recommender.candidates import EMPTY, CandidateArray, IntArray
from recommender.catalogue import UNKNOWN_CODE, Catalogue
from recommender.errors import ArticleNotFound, NotBuilt
from recommender.interfaces import State, Store
from recommender.ranking import (
    RELATED,
    Columns,
    Rules,
    SourceArticle,
    Teaser,
    Weights,
    fallbacks,
    select,
    shortlist,
    without_versions,
)

SAME_LANGUAGE = "same"
ANY_LANGUAGE = "any"
NO_NUMBER = -1
LOOK_AGAIN_SECONDS = 60.0  # fallbacks change with time: stories leave the last 30 days, dated ones come
SPARE_FALLBACKS = 10  # looked at beyond the places to be filled, as some may be versions of one report


@dataclass(frozen=True)
class Query:
    """What a caller asks for. None leaves the choice to the site's settings.

    `languages` is "same" (as the article), "any", or codes; `editions` empty means any.
    """

    n: int = 3
    exclude: tuple[str, ...] = ()
    editions: tuple[str, ...] = ()
    languages: tuple[str, ...] = (SAME_LANGUAGE,)
    since: datetime | None = None
    until: datetime | None = None
    diversity: float | None = None
    min_score: float | None = None
    fallback: str = "ladder"


@dataclass(frozen=True)
class RankingDefaults:
    """A site's choices where the query makes none."""

    min_score: float
    diversity: float
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True)
class Item:
    """One teaser with the article it shows, and what that shares with the source."""

    article: Article
    teaser: Teaser
    shared: Mapping[str, list[str]]


@dataclass(frozen=True)
class Basis:
    """What an answer was made from, and so how long it is right.

    It was made at `state` for the article `number`, out of the facts of `articles` (numbers, its own among them) and
    its candidate list; None says out of everything, as fallbacks are. At `until` (seconds since 1970) an article dated
    into the future may join it, or the answer is to be looked at again for other reasons.
    """

    state: State
    number: int
    articles: IntArray | None
    until: float

    @property
    def lasting(self) -> bool:
        """Whether only changes can make the answer wrong, and not time."""
        return self.articles is not None and self.until == np.inf


@dataclass(frozen=True)
class Recommendation:
    """A sidebar. `article` is None for an unknown source that got fallbacks."""

    article: Article | None
    items: list[Item]
    basis: Basis
    model: str | None

    @property
    def state(self) -> State:
        """The state of the store that the sidebar was made at."""
        return self.basis.state


class Recommender:
    """Answers from the neighbour table; loads no model. Safe to use from several threads."""

    def __init__(self, store: Store, defaults: RankingDefaults, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._defaults = defaults
        self._clock = clock
        self._catalogue = Catalogue(store)
        self._models: dict[int, str | None] = {}
        # Names the site's choices: an answer made under others is not used.
        self.fingerprint = hashlib.blake2b(repr(defaults).encode(), digest_size=8).hexdigest()

    def state(self) -> State:
        """Revision and generation as of now: an answer made at an equal state is still right."""
        return self._store.state()

    def still_right(self, basis: Basis, state: State) -> bool:
        """Whether an answer is right at a state: nothing that it was made from has changed since.

        Left aside is what its candidates' own lists say of each other, beyond their own changes: two versions of a
        report fall out of each other's lists only for `DEPTH` articles that are still more alike.
        """
        if self._clock().timestamp() >= basis.until:
            return False
        if basis.state == state:
            return True
        if basis.articles is None or basis.state.generation != state.generation:
            return False
        columns = self._fresh_columns(state)
        since = basis.state.revision
        return bool(columns.relisted[basis.number] <= since and (columns.changed[basis.articles] <= since).all())

    def _fresh_columns(self, state: State) -> Columns:
        known = self._catalogue.known(state)
        if known is not None:
            return known
        with self._store.reading():
            return self._catalogue.columns(self._store.state())

    def for_article(self, article_id: str, query: Query) -> Recommendation:
        """The sidebar of an article. Raises ArticleNotFound, unless `query.fallback` is "latest"."""
        with self._store.reading():
            return self._known(self._store.articles.by_id(article_id), article_id, query)

    def for_url(self, url: str, query: Query) -> Recommendation:
        """The same for the article at an address."""
        with self._store.reading():
            return self._known(self._store.articles.by_url(url), url, query)

    def for_draft(self, draft: Article, candidates: CandidateArray, query: Query) -> Recommendation:
        """The sidebar of a text that is not in the archive, with the candidates found for it."""
        with self._store.reading():
            return self._recommendation(NO_NUMBER, draft, candidates, query, self._store.state())

    def _known(self, found: tuple[int, Article] | None, key: str, query: Query) -> Recommendation:
        state = self._store.state()
        if found is None:
            if query.fallback != "latest":
                raise ArticleNotFound(key)
            return self._recommendation(NO_NUMBER, None, EMPTY, query, state)
        number, article = found
        lists = {} if state.generation is None else self._store.generations.candidates(state.generation, [number])
        return self._recommendation(number, article, lists.get(number, EMPTY), query, state)

    def _recommendation(
        self, number: int, article: Article | None, rows: CandidateArray, query: Query, state: State
    ) -> Recommendation:
        columns = self._catalogue.columns(state)
        source = self._source(number, article)
        rules = self._rules(query, article)
        held = article is not None and HOLD_FLAG in article.flags
        teasers = [] if held else self._teasers(columns, source, rules, rows, state)
        basis = _basis(state, number, rules, columns.take(rows["number"]), teasers)
        return Recommendation(article, self._items(article, teasers), basis, self._model(state))

    def _teasers(
        self, columns: Columns, source: SourceArticle, rules: Rules, rows: CandidateArray, state: State
    ) -> list[Teaser]:
        weights = self._defaults.weights
        short = shortlist(rows, columns.take(rows["number"]), source, rules, weights)
        lists = (
            self._store.generations.candidates(state.generation, short.numbers.tolist())
            if state.generation is not None and len(short.numbers)
            else {}
        )
        related, dropped = select(short, lists, rules)
        missing = rules.n - len(related)
        taken = dropped | {teaser.number for teaser in related}
        spare = fallbacks(columns, source, rules, missing + SPARE_FALLBACKS if missing else 0, taken)
        if not spare:
            return related
        if state.generation is not None:
            shown = [teaser.number for teaser in [*related, *spare]]
            lists = self._store.generations.candidates(state.generation, shown)
        return without_versions(related, spare, columns, lists, rules.n)

    def _items(self, source: Article | None, teasers: list[Teaser]) -> list[Item]:
        articles = self._store.articles.get([teaser.number for teaser in teasers], texts=False)
        return [Item(articles[teaser.number], teaser, _shared(source, articles[teaser.number])) for teaser in teasers]

    def _source(self, number: int, article: Article | None) -> SourceArticle:
        if article is None:
            return SourceArticle(NO_NUMBER, np.nan, UNKNOWN_CODE, UNKNOWN_CODE)
        return SourceArticle(
            number=number,
            posted=article.posted_on.timestamp() if article.posted_on else np.nan,
            edition=self._catalogue.code(article.edition),
            language=self._catalogue.code(article.language),
        )

    def _rules(self, query: Query, article: Article | None) -> Rules:
        languages: frozenset[int] | None = None
        if query.languages == (SAME_LANGUAGE,):
            languages = self._catalogue.codes([article.language]) if article else None
        elif query.languages != (ANY_LANGUAGE,):
            languages = self._catalogue.codes(query.languages)
        return Rules(
            now=self._clock().timestamp(),
            n=query.n,
            exclude=frozenset(self._store.articles.numbers(query.exclude).values()) if query.exclude else frozenset(),
            editions=self._catalogue.codes(query.editions) if query.editions else None,
            languages=languages,
            since=query.since.timestamp() if query.since else None,
            until=query.until.timestamp() if query.until else None,
            diversity=self._defaults.diversity if query.diversity is None else query.diversity,
            min_score=self._defaults.min_score if query.min_score is None else query.min_score,
            fallback=query.fallback,
        )

    def _model(self, state: State) -> str | None:
        if state.generation is None:
            return None
        if state.generation not in self._models:
            self._models = {state.generation: self._store.generations.live_model()}
        return self._models[state.generation]

    def require_build(self) -> None:
        """Raises NotBuilt where there is no generation yet."""
        if self._store.state().generation is None:
            raise NotBuilt


def _basis(state: State, number: int, rules: Rules, candidates: Columns, teasers: list[Teaser]) -> Basis:
    related = len(teasers) == rules.n and all(teaser.source == RELATED for teaser in teasers)
    if number == NO_NUMBER or not (related or rules.fallback == "none"):
        return Basis(state, number, None, rules.now + LOOK_AGAIN_SECONDS)
    until = np.min(candidates.posted, initial=np.inf, where=candidates.posted > rules.now)
    return Basis(state, number, np.append(candidates.number, np.int32(number)), float(until))


def _shared(source: Article | None, other: Article) -> dict[str, list[str]]:
    if source is None:
        return {"countries": [], "tags": []}
    return {
        "countries": [country for country in source.countries if country in other.countries],
        "tags": [tag for tag in source.tags if tag in other.tags],
    }


def reason(item: Item, language: str) -> str | None:
    """One short line for readers, in the language of the page; None where there is nothing to say."""
    countries = item.shared["countries"]
    if item.teaser.source != RELATED or not countries:
        return None
    names = ", ".join(countries[:2])
    return f"Également sur : {names}" if language == "fr" else f"Also about {names}"
