"""Use case: the sidebar of an article, of an address, or of a draft."""

import copy
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np

from recommender.arrays import BoolArray, IntArray
from recommender.articles.article import HOLD_FLAG, Article
from recommender.articles.gazetteer import Gazetteer
from recommender.articles.reasons import shared
from recommender.articles.sentences import MAX_SENTENCES, SentencePair, closest, passages
from recommender.curation.constraints import Directives, SidebarConstraints
from recommender.curation.rules import labels
from recommender.curation.sensitivity import bits
from recommender.curation.signals import Signal
from recommender.errors import ArticleNotFound, NotBuilt
from recommender.ranking.candidates import EMPTY, CandidateArray, TextCandidates
from recommender.ranking.events import events_among, near_identical
from recommender.ranking.facts import (
    PINNED,
    RELATED,
    ROLES,
    SIDEBAR_PLACES,
    Columns,
    Filters,
    RankedTeaser,
    Ranker,
    SourceArticle,
)
from recommender.ranking.filters import guarded
from recommender.ranking.scoring import DEFAULT, USUAL, RankingModel, Scales
from recommender.ranking.sidebar import let_through, sidebar
from recommender.serving.catalogue import UNKNOWN_CODE, Catalogue, Known
from recommender.store.base import State, Store

SAME_LANGUAGE = "same"
ANY_LANGUAGE = "any"
NO_NUMBER = -1
LOOK_AGAIN_SECONDS = 60.0  # fallbacks change with time: stories leave the last 30 days, dated ones come


@dataclass(frozen=True)
class Query:
    """What a caller asks for. None leaves the choice to the site's settings.

    `languages` is "same" (as the article; related stories may be of others, where the site allows it), "any", or codes;
    `editions` empty means any.
    """

    n: int = SIDEBAR_PLACES
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
    """A site's choices where the query makes none. `model` takes the place of the weights of every generation.

    With `other_languages` a sidebar that is asked for in the article's language may hold related stories of others.
    """

    min_score: float
    diversity: float
    model: RankingModel | None = None
    roles: tuple[str, ...] = ROLES
    other_languages: bool = True


@dataclass(frozen=True)
class Item:
    """One teaser with the article it shows, and what that shares with the source: see `reasons.shared`."""

    article: Article
    teaser: RankedTeaser
    shared: Mapping[str, list[str]]


@dataclass(frozen=True)
class Basis:
    """What an answer was made from, and so how long it is right.

    It was made at `state` for the article `number`, out of the facts of `articles` (numbers, its own among them) and
    its candidate list; None says out of everything, as fallbacks are. At `until` (seconds since 1970) an article dated
    into the future may join it, a signal may begin or end, or the answer is to be looked at again for other reasons.
    `teasers` are the articles it shows.
    """

    state: State
    number: int
    articles: IntArray | None
    until: float
    teasers: tuple[int, ...] = ()

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
class _Made:
    """What a generation was made with, and how likenesses spread in it."""

    model: str | None
    ranking: RankingModel
    scales: Scales


@dataclass(frozen=True)
class RunningStory:
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
        self._directives: Callable[[Directives], Directives] = _as_they_are
        self._made: dict[int, _Made] = {}
        # Names the site's choices: an answer made under others is not used.
        choices = repr((defaults, gazetteer.digest))
        self.fingerprint = hashlib.blake2b(choices.encode(), digest_size=8).hexdigest()

    def previewing(self, added: Sequence[Signal], ended: Iterable[int] = ()) -> "Recommender":
        """The same service as if some signals were kept and others (by number) ended; nothing is kept.

        Its answers are previews: they must not go into a cache.
        """
        gone = frozenset(ended)
        return self._with(_Remembering(lambda directives: directives.previewed(added, gone)))

    def without_signals(self) -> "Recommender":
        """The same service without anything that editors have decided: what evaluation measures."""
        return self._with(lambda _: Directives())

    def _with(self, directives: Callable[[Directives], Directives]) -> "Recommender":
        other = copy.copy(self)
        other._directives = directives
        return other

    def known(self) -> Known:
        """What ranking knows of every article, and what editors have decided, as of now."""
        return self._fresh(self._store.state())

    def now(self) -> datetime:
        """The time by the clock that answers go by."""
        return self._clock()

    def code(self, name: str) -> int:
        """The code of an edition or language in the columns."""
        return self._catalogue.code(name)

    def columns(self) -> Columns:
        """What ranking knows of every article, as of now."""
        return self.known().columns

    def state(self) -> State:
        """Revision and generation as of now: an answer made at an equal state is still right."""
        return self._store.state()

    def still_right(self, basis: Basis, state: State) -> bool:
        """Whether an answer is right at a state: nothing that it was made from has changed since, and the guard lets
        every teaser through.

        Left aside is what its candidates' own lists say of each other, beyond their own changes: two versions of a
        report fall out of each other's lists only for `DEPTH` articles that are still more alike.
        """
        now = self._clock().timestamp()
        if now >= basis.until:
            return False
        if basis.state == state:
            return True
        if basis.articles is None or basis.state.generation != state.generation:
            return False
        known = self._fresh(state)
        columns, since = known.columns, basis.state.revision
        unchanged = (
            known.directives.policy_revision <= since
            and columns.relisted[basis.number] <= since
            and (columns.changed[basis.articles] <= since).all()
        )
        return bool(unchanged) and self._let_through(basis, known, now)

    def _let_through(self, basis: Basis, known: Known, now: float) -> bool:
        """The guard, for an answer that is ready: nothing above it may be what keeps a forbidden teaser back."""
        beside = self._beside(basis.number, None, known, now)
        teasers = known.columns.take(np.array(basis.teasers, dtype=np.intp))
        return bool(guarded(teasers, beside).all())

    def _fresh(self, state: State) -> Known:
        """What is known of the generation of a state, as of its revision or later."""
        known = self._catalogue.known(state)
        if known is None:
            with self._store.reading():
                known = self._catalogue.as_of(replace(self._store.state(), generation=state.generation))
        return Known(known.columns, self._directives(known.directives))

    def for_article(self, article_id: str, query: Query) -> Recommendation:
        """The sidebar of an article. Raises ArticleNotFound, unless `query.fallback` is "latest"."""
        with self._store.reading():
            return self.answer(self._asked(self._store.articles.by_id(article_id), article_id, query))

    def for_url(self, url: str, query: Query) -> Recommendation:
        """The same for the article at an address."""
        with self._store.reading():
            return self.answer(self._asked(self._store.articles.by_url(url), url, query))

    def for_draft(self, draft: Article, found: TextCandidates, query: Query) -> Recommendation:
        """The sidebar of a text that is not in the archive, with the candidates found for it."""
        with self._store.reading():
            return self.answer(self.draft_question(draft, found, query))

    def closest_sentences(self, found: Recommendation) -> dict[str, SentencePair]:
        """By the id of each teaser, the sentences in which it is most like the source."""
        source = found.article
        if source is None:
            return {}
        with self._store.reading():
            numbers = [item.teaser.number for item in found.items]
            texts = self._store.articles.get([*numbers, *([] if source.body else [found.basis.number])])
        source = source if source.body else texts.get(found.basis.number, source)
        return self.sentences(source, [texts[number] for number in numbers if number in texts])

    def coverage(self, draft: Article, found: TextCandidates) -> list[Article]:
        """What has been published already that reports nearly the same as a draft, newest first."""
        with self._store.reading():
            state = self._compared(found)
            facts = self._known(state).columns.take(found.rows["number"])
            same = facts.language == self._catalogue.code(draft.language)
            now = self._clock().timestamp()
            beside = self._beside(NO_NUMBER, draft, self._known(state), now)
            public = guarded(facts, beside) & ~(facts.posted > now)
            covered = facts.number[public & near_identical(found.rows, same, self._made_with(state).scales)]
            articles = self._store.articles.get(covered.tolist(), texts=False).values()
        return sorted(articles, key=lambda one: one.posted_on.timestamp() if one.posted_on else 0.0, reverse=True)

    def linked(self, links: Sequence[str]) -> list[Article]:
        """The published articles at some addresses."""
        with self._store.reading():
            found = [self._store.articles.by_url(link) for link in links]
        return [article for _, article in filter(None, found) if HOLD_FLAG not in article.flags]

    def story(self, article_id: str) -> RunningStory:
        """The running story that an article belongs to. Raises ArticleNotFound."""
        with self._store.reading():
            state = self._store.state()
            found = self._store.articles.by_id(article_id)
            known, now = self._known(state), self._clock().timestamp()
            columns = known.columns
            if found is None or not columns.shown[found[0]] or columns.posted[found[0]] > now:
                raise ArticleNotFound(article_id)
            first = int(columns.story[found[0]])
            numbers = [] if state.generation is None else self._store.generations.story(state.generation, first)
            members = columns.take(np.array(numbers, dtype=np.intp))
            beside = self._beside(found[0], None, known, now)
            may = (guarded(members, beside) | (members.number == found[0])) & ~(members.posted > now)
            shown = members.number[may].tolist()
            articles = list(self._store.articles.get(shown or [found[0]], texts=False).values())
        ordered = sorted(articles, key=lambda one: (one.posted_on.timestamp() if one.posted_on else 0.0, one.id))
        return RunningStory(ordered)

    def _known(self, state: State) -> Known:
        known = self._catalogue.as_of(state)
        return Known(known.columns, self._directives(known.directives))

    def _asked(self, found: tuple[int, Article] | None, key: str, query: Query) -> "Question":
        state = self._store.state()
        if found is None:
            if query.fallback != "latest":
                raise ArticleNotFound(key)
            return self._question(NO_NUMBER, None, TextCandidates(EMPTY, ()), query, state)
        number, article = found
        lists = {} if state.generation is None else self._store.generations.candidates(state.generation, [number])
        names = {} if state.generation is None else self._store.generations.names(state.generation, [number])
        return self._question(
            number, article, TextCandidates(lists.get(number, EMPTY), names.get(number, ())), query, state
        )

    def question(self, article_id: str, query: Query) -> "Question":
        """What the sidebar of an article is made from. Called inside `Store.reading`. Raises ArticleNotFound."""
        return self._asked(self._store.articles.by_id(article_id), article_id, query)

    def questions(self, numbers: Sequence[int], query: Query) -> dict[int, "Question"]:
        """The same for many articles by number, those that are not published left out; only for `teasers`.

        What articles name is not read: nothing but items needs it.
        """
        state = self._store.state()
        articles, lists = self._store.articles.get(numbers, texts=False), self._lists(state, numbers)
        return {
            number: self._question(number, article, TextCandidates(lists.get(number, EMPTY), ()), query, state)
            for number, article in articles.items()
            if article.status == "published"
        }

    def teasers(self, asked: "Question") -> list[RankedTeaser]:
        """The sidebar that a question asks for, without its articles, in the same transaction."""
        return self._teasers(asked)

    def draft_question(self, draft: Article, found: TextCandidates, query: Query) -> "Question":
        """The same for a text that is not in the archive, with the candidates found for it."""
        return self._question(NO_NUMBER, draft, found, query, self._compared(found))

    def _compared(self, found: TextCandidates) -> State:
        """The state now, in the generation that a draft was compared with: its likenesses mean nothing in another.

        Only where that one has been removed meanwhile, it is the live one.
        """
        state, number = self._store.state(), found.generation
        there = number is not None and self._store.generations.model(number) is not None
        return replace(state, generation=number) if there else state

    def answer(self, asked: "Question") -> Recommendation:
        """The sidebar that a question asks for, in the same transaction."""
        return self._answered(asked, self._teasers(asked))

    def finished(self, asked: "Question", teasers: Sequence[RankedTeaser]) -> Recommendation:
        """The answer to a question with teasers that were chosen elsewhere, of which the guard lets none through that
        may not stand there; in the same transaction."""
        return self._answered(asked, let_through(teasers, asked.known.columns, asked.source.constraints))

    def _answered(self, asked: "Question", teasers: list[RankedTeaser]) -> Recommendation:
        model = self._made_with(asked.state).model
        return Recommendation(asked.article, self.items(asked, teasers), basis_of(asked, teasers), model)

    def reports(self, asked: "Question", numbers: Sequence[int]) -> BoolArray:
        """Which of some articles report one event, (n, n) and symmetric, as far as their own lists tell."""
        facts = asked.known.columns.take(np.array(numbers, dtype=np.intp))
        return events_among(facts, self._lists(asked.state, numbers), asked.ranker.scales)

    def sentences(
        self, source: Article, others: Iterable[Article], most: int = MAX_SENTENCES
    ) -> dict[str, SentencePair]:
        """By the id of each of some articles, the sentences in which it is most like the source; texts are given.

        Of the others the first `most` sentences are looked at.
        """
        ours = passages(source, self.gazetteer)
        pairs = {other.id: closest(ours, passages(other, self.gazetteer, most)) for other in others}
        return {key: pair for key, pair in pairs.items() if pair is not None}

    def _question(
        self, number: int, article: Article | None, found: TextCandidates, query: Query, state: State
    ) -> "Question":
        known = self._known(state)
        rules = self._rules(query, article, known.directives)
        source = self._source(number, article, known, rules.now)
        return Question(state, known, article, found, source, rules, self._ranker(state, known.directives))

    def _teasers(self, asked: "Question") -> list[RankedTeaser]:
        return sidebar(
            asked.rows,
            asked.source,
            asked.rules,
            asked.ranker,
            archive=asked.known.columns,
            lists=lambda numbers: self._lists(asked.state, numbers),
        )

    def _lists(self, state: State, numbers: Sequence[int]) -> dict[int, CandidateArray]:
        if state.generation is None or not numbers:
            return {}
        return self._store.generations.candidates(state.generation, numbers)

    def items(self, asked: "Question", teasers: Sequence[RankedTeaser]) -> list[Item]:
        """Teasers with their articles, in the same transaction; withdrawn ones are left out."""
        numbers, state = [teaser.number for teaser in teasers], asked.state
        articles = self._store.articles.get(numbers, texts=False)
        theirs = {} if state.generation is None else self._store.generations.names(state.generation, numbers)
        return [
            Item(article, teaser, shared(asked.article, asked.found.names, article, theirs.get(teaser.number, ())))
            for teaser in teasers
            if (article := articles.get(teaser.number)) is not None
        ]

    def _ranker(self, state: State, directives: Directives) -> Ranker:
        made = self._made_with(state)
        model = self._defaults.model or made.ranking
        strengths = directives.ranking.get("weights", {})
        if strengths:
            weights = {part: weight * strengths.get(part, 1.0) for part, weight in model.weights.items()}
            model = replace(model, weights=weights)
        return Ranker(model, made.scales)

    def _made_with(self, state: State) -> _Made:
        if state.generation is None:
            return _Made(None, DEFAULT, USUAL)
        made = self._made.get(state.generation)
        if made is None:
            number, generations = state.generation, self._store.generations
            made = _Made(generations.model(number), generations.ranking(number) or DEFAULT, generations.scales(number))
            self._made = {number: made}  # the last one only; another thread may be at another
        return made

    def _source(self, number: int, article: Article | None, known: Known, now: float) -> SourceArticle:
        beside = self._beside(number, article, known, now)
        if article is None:
            return SourceArticle(NO_NUMBER, np.nan, UNKNOWN_CODE, UNKNOWN_CODE, constraints=beside)
        # A draft is about to be published: what is near to now is near to it.
        undated = now if number == NO_NUMBER else np.nan
        return SourceArticle(
            number=number,
            posted=article.posted_on.timestamp() if article.posted_on else undated,
            edition=self._catalogue.code(article.edition),
            language=self._catalogue.code(article.language),
            byline=self._catalogue.code(article.author) if article.author else UNKNOWN_CODE,
            story=int(known.columns.story[number]) if number != NO_NUMBER else NO_NUMBER,
            constraints=beside,
        )

    def _beside(self, number: int, article: Article | None, known: Known, now: float) -> SidebarConstraints:
        """What holds beside an article of the archive, or beside a draft, whose flags and labels are its own."""
        directives = known.directives
        if number != NO_NUMBER:
            return directives.constraints_for(
                number, int(known.columns.flags[number]), known.columns.labels[number], now
            )
        if article is None:
            return directives.constraints_for(NO_NUMBER, bits(()), frozenset(), now)
        found = labels(
            edition=article.edition,
            language=article.language,
            byline=article.author,
            flags=article.flags,
            tags=article.tags,
            countries=article.countries,
        )
        return directives.constraints_for(NO_NUMBER, bits(article.flags), found, now)

    def _rules(self, query: Query, article: Article | None, directives: Directives) -> Filters:
        codes: frozenset[int] | None = None
        if query.languages == (SAME_LANGUAGE,):
            codes = self._catalogue.codes([article.language]) if article else None
        elif query.languages != (ANY_LANGUAGE,):
            codes = self._catalogue.codes(query.languages)
        least = directives.ranking.get("min_score", self._defaults.min_score)
        return Filters(
            now=self._clock().timestamp(),
            n=query.n,
            exclude=frozenset(self._store.articles.numbers(query.exclude).values()) if query.exclude else frozenset(),
            editions=self._catalogue.codes(query.editions) if query.editions else None,
            languages=codes,
            foreign=self._defaults.other_languages and query.languages == (SAME_LANGUAGE,),
            since=query.since.timestamp() if query.since else None,
            until=query.until.timestamp() if query.until else None,
            diversity=self._defaults.diversity if query.diversity is None else query.diversity,
            min_score=least if query.min_score is None else query.min_score,
            fallback=query.fallback,
            roles=frozenset(self._defaults.roles),
        )

    def require_build(self) -> None:
        """Raises NotBuilt where there is no generation yet."""
        if self._store.state().generation is None:
            raise NotBuilt


def _as_they_are(directives: Directives) -> Directives:
    return directives


class _Remembering:
    """A trial of directives that keeps its last answer: it is asked anew for every article."""

    def __init__(self, trial: Callable[[Directives], Directives]) -> None:
        self._trial = trial
        self._last: tuple[Directives, Directives] | None = None

    def __call__(self, directives: Directives) -> Directives:
        last = self._last
        if last is None or last[0] is not directives:
            last = self._last = directives, self._trial(directives)
        return last[1]


@dataclass(frozen=True)
class Question:
    """One request with all that its answer is made from. `article` is None for a source that is not known."""

    state: State
    known: Known
    article: Article | None
    found: TextCandidates
    source: SourceArticle
    rules: Filters
    ranker: Ranker

    @property
    def rows(self) -> CandidateArray:
        """The candidate list."""
        return self.found.rows

    @cached_property
    def candidates(self) -> Columns:
        """The facts of the candidates."""
        return self.known.columns.take(self.rows["number"])


def basis_of(asked: Question, teasers: Sequence[RankedTeaser]) -> Basis:
    """What an answer with these teasers is made from."""
    rules, source, candidates = asked.rules, asked.source, asked.candidates
    shown = tuple(teaser.number for teaser in teasers)
    full = len(teasers) == rules.n and all(teaser.source in (RELATED, PINNED) for teaser in teasers)
    settled = full or rules.fallback == "none" or source.constraints.off is not None
    pins = list(source.constraints.pins.values())
    articles = np.concatenate([candidates.number, np.array([*shown, *pins, source.number], dtype=np.int32)])
    turn = min(source.constraints.until, asked.known.directives.next_change(articles, rules.now))
    if source.number == NO_NUMBER or not settled:
        return Basis(asked.state, source.number, None, min(rules.now + LOOK_AGAIN_SECONDS, turn), shown)
    coming = np.concatenate([candidates.posted, asked.known.columns.posted[pins]])
    until = np.min(coming, initial=np.inf, where=coming > rules.now)
    return Basis(asked.state, source.number, articles, min(float(until), turn), shown)
