"""Use case: the sidebar of an article, of an address, or of a draft."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from recommender.article import HOLD_FLAG, Article
from recommender.candidates import EMPTY, CandidateArray, IntArray
from recommender.catalogue import UNKNOWN_CODE, Catalogue
from recommender.errors import ArticleNotFound, NotBuilt
from recommender.gazetteer import Gazetteer
from recommender.interfaces import Found, State, Store
from recommender.ranking import (
    RELATED,
    ROLES,
    BoolArray,
    Columns,
    Ranker,
    Rules,
    SourceArticle,
    Teaser,
    events_among,
    fallbacks,
    near_identical,
    select,
    shortlist,
    without_versions,
)
from recommender.reasons import shared
from recommender.scoring import DEFAULT, USUAL, RankingModel, Scales
from recommender.sentences import SentencePair, closest_sentences

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
    model: RankingModel = DEFAULT
    roles: tuple[str, ...] = ROLES


@dataclass(frozen=True)
class Item:
    """One teaser with the article it shows, and what that shares with the source: see `reasons.shared`."""

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


@dataclass(frozen=True)
class Story:
    """A running story: its articles in the order of time, the oldest first."""

    articles: list[Article]


class Recommender:
    """Answers from the neighbour table; loads no model. Safe to use from several threads."""

    def __init__(
        self, store: Store, defaults: RankingDefaults, gazetteer: Gazetteer, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._defaults = defaults
        self.gazetteer = gazetteer
        self._clock = clock
        self._catalogue = Catalogue(store)
        self._models: dict[int, str | None] = {}
        self._scales: dict[int, Scales] = {}
        # Names the site's choices: an answer made under others is not used.
        choices = repr((defaults, gazetteer.digest))
        self.fingerprint = hashlib.blake2b(choices.encode(), digest_size=8).hexdigest()

    def columns(self) -> Columns:
        """What ranking knows of every article, as of now."""
        return self._fresh_columns(self._store.state())

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

    def for_draft(self, draft: Article, found: Found, query: Query) -> Recommendation:
        """The sidebar of a text that is not in the archive, with the candidates found for it."""
        with self._store.reading():
            return self._recommendation(NO_NUMBER, draft, found, query, self._store.state())

    def closest_sentences(self, found: Recommendation) -> dict[str, SentencePair]:
        """By the id of each teaser, the sentences in which it is most like the source."""
        source = found.article
        if source is None:
            return {}
        with self._store.reading():
            numbers = [item.teaser.number for item in found.items]
            texts = self._store.articles.get([*numbers, *([] if source.body else [found.basis.number])])
        source = source if source.body else texts.get(found.basis.number, source)
        pairs = {
            texts[number].id: closest_sentences(source, texts[number], self.gazetteer)
            for number in numbers
            if number in texts
        }
        return {key: pair for key, pair in pairs.items() if pair is not None}

    def coverage(self, draft: Article, found: Found) -> list[Article]:
        """What has been published already that reports nearly the same as a draft, newest first."""
        with self._store.reading():
            state = self._store.state()
            facts = self._catalogue.columns(state).take(found.rows["number"])
            same = facts.language == self._catalogue.code(draft.language)
            public = facts.shown & ~(facts.posted > self._clock().timestamp())
            covered = facts.number[public & near_identical(found.rows, same, self._ranker(state).scales)]
            articles = self._store.articles.get(covered.tolist(), texts=False).values()
        return sorted(articles, key=lambda one: one.posted_on.timestamp() if one.posted_on else 0.0, reverse=True)

    def linked(self, links: Sequence[str]) -> list[Article]:
        """The published articles at some addresses."""
        with self._store.reading():
            found = [self._store.articles.by_url(link) for link in links]
        return [article for _, article in filter(None, found) if HOLD_FLAG not in article.flags]

    def story(self, article_id: str) -> Story:
        """The running story that an article belongs to. Raises ArticleNotFound."""
        with self._store.reading():
            state = self._store.state()
            found = self._store.articles.by_id(article_id)
            columns = self._catalogue.columns(state)
            now = self._clock().timestamp()
            if found is None or not columns.shown[found[0]] or columns.posted[found[0]] > now:
                raise ArticleNotFound(article_id)
            first = int(columns.story[found[0]])
            numbers = [] if state.generation is None else self._store.generations.story(state.generation, first)
            shown = [number for number in numbers if columns.shown[number] and not columns.posted[number] > now]
            articles = list(self._store.articles.get(shown or [found[0]], texts=False).values())
        ordered = sorted(articles, key=lambda one: (one.posted_on.timestamp() if one.posted_on else 0.0, one.id))
        return Story(ordered)

    def _known(self, found: tuple[int, Article] | None, key: str, query: Query) -> Recommendation:
        state = self._store.state()
        if found is None:
            if query.fallback != "latest":
                raise ArticleNotFound(key)
            return self._recommendation(NO_NUMBER, None, Found(EMPTY, ()), query, state)
        number, article = found
        lists = {} if state.generation is None else self._store.generations.candidates(state.generation, [number])
        names = {} if state.generation is None else self._store.generations.names(state.generation, [number])
        own = Found(lists.get(number, EMPTY), names.get(number, ()))
        return self._recommendation(number, article, own, query, state)

    def _recommendation(
        self, number: int, article: Article | None, found: Found, query: Query, state: State
    ) -> Recommendation:
        columns = self._catalogue.columns(state)
        source = self._source(number, article, columns)
        rules = self._rules(query, article)
        held = article is not None and HOLD_FLAG in article.flags
        teasers = [] if held else self._teasers(columns, source, rules, found.rows, state)
        basis = _basis(state, number, rules, columns.take(found.rows["number"]), teasers)
        return Recommendation(article, self._items(article, found.names, teasers, state), basis, self._model(state))

    def _teasers(
        self, columns: Columns, source: SourceArticle, rules: Rules, rows: CandidateArray, state: State
    ) -> list[Teaser]:
        ranker = self._ranker(state)
        short = shortlist(rows, columns.take(rows["number"]), source, rules, ranker)
        lists = (
            self._store.generations.candidates(state.generation, short.numbers.tolist())
            if state.generation is not None and len(short.numbers)
            else {}
        )
        related, dropped = select(short, lists, rules, source, ranker)
        missing = rules.n - len(related)
        taken = dropped | {teaser.number for teaser in related}
        spare = fallbacks(columns, source, rules, missing + SPARE_FALLBACKS if missing else 0, taken)
        if not spare:
            return related

        def events(numbers: IntArray) -> BoolArray:
            generation = state.generation
            lists = {} if generation is None else self._store.generations.candidates(generation, numbers.tolist())
            return events_among(columns.take(numbers), lists, ranker.scales)

        return without_versions(related, spare, events, rules.n)

    def _items(self, source: Article | None, names: Sequence[str], teasers: list[Teaser], state: State) -> list[Item]:
        numbers = [teaser.number for teaser in teasers]
        articles = self._store.articles.get(numbers, texts=False)
        theirs = {} if state.generation is None else self._store.generations.names(state.generation, numbers)
        return [
            Item(article, teaser, shared(source, names, article, theirs.get(teaser.number, ())))
            for teaser in teasers
            for article in [articles[teaser.number]]
        ]

    def _ranker(self, state: State) -> Ranker:
        if state.generation is None:
            return Ranker(self._defaults.model, USUAL)
        if state.generation not in self._scales:
            self._scales = {state.generation: self._store.generations.scales(state.generation)}
        return Ranker(self._defaults.model, self._scales[state.generation])

    def _source(self, number: int, article: Article | None, columns: Columns) -> SourceArticle:
        if article is None:
            return SourceArticle(NO_NUMBER, np.nan, UNKNOWN_CODE, UNKNOWN_CODE)
        # A draft is about to be published: what is near to now is near to it.
        undated = self._clock().timestamp() if number == NO_NUMBER else np.nan
        return SourceArticle(
            number=number,
            posted=article.posted_on.timestamp() if article.posted_on else undated,
            edition=self._catalogue.code(article.edition),
            language=self._catalogue.code(article.language),
            desk=self._catalogue.code(article.author) if article.author else UNKNOWN_CODE,
            story=int(columns.story[number]) if number != NO_NUMBER else NO_NUMBER,
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
            roles=frozenset(self._defaults.roles),
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
