"""Use case: the sidebar of an article, of an address, or of a draft."""

import copy
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from recommender.arrays import BoolArray
from recommender.articles.addresses import without_cache_buster
from recommender.articles.article import Article
from recommender.articles.boilerplate import NO_BOILERPLATE, Boilerplate
from recommender.articles.gazetteer import Gazetteer
from recommender.articles.reasons import shared
from recommender.articles.sentences import MAX_SENTENCES, SentencePair, closest, passages
from recommender.curation.constraints import Directives, SidebarConstraints
from recommender.curation.rules import labels
from recommender.curation.sensitivity import bits
from recommender.curation.signals import Signal
from recommender.embedding.pooling import Geometry
from recommender.errors import ArticleNotFound, NotBuilt
from recommender.ranking.candidates import EMPTY, NO_GRADES, CandidateArray, TextCandidates, with_grades
from recommender.ranking.events import events_among, near_identical, same_text
from recommender.ranking.facts import (
    Columns,
    Filters,
    RankedTeaser,
    Ranker,
    SourceArticle,
)
from recommender.ranking.filters import guarded, public
from recommender.ranking.scoring import DEFAULT, USUAL, RankingModel, Scales
from recommender.ranking.sidebar import let_through, sidebar
from recommender.reranking.base import Verdict
from recommender.reranking.readings import reading_of
from recommender.serving.answers import (
    ANY_LANGUAGE,
    NO_NUMBER,
    SAME_LANGUAGE,
    Basis,
    Item,
    Query,
    Question,
    RankingDefaults,
    Recommendation,
    RunningStory,
    basis_of,
)
from recommender.serving.catalogue import UNKNOWN_CODE, Catalogue, Snapshot
from recommender.serving.wording import USUAL_WORDING, Wording
from recommender.store.base import Look, State, Store

Numbered = tuple[int, Article]


@dataclass(frozen=True)
class _Made:
    """What a generation was made with, how similarities spread in it, what it left out of texts, and whose grades it
    shows.
    """

    model: str | None
    ranking: RankingModel
    scales: Scales
    boilerplate: Boilerplate
    reranker: str | None = None


class Recommender:
    """Answers from the neighbour table; loads no model. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        defaults: RankingDefaults,
        gazetteer: Gazetteer,
        clock: Callable[[], datetime],
        wording: Wording = USUAL_WORDING,
    ) -> None:
        self._store = store
        self._defaults = defaults
        self.gazetteer = gazetteer
        self.wording = wording
        self._clock = clock
        self._catalogue = Catalogue(store)
        self._directives: Callable[[Directives], Directives] = _unchanged
        self._made: dict[int, _Made] = {}
        # Names the site's choices: an answer made under others is not used.
        choices = repr((defaults, gazetteer.digest, wording))
        self.fingerprint = hashlib.blake2b(choices.encode(), digest_size=8).hexdigest()

    def previewing(self, added: Sequence[Signal], ended: Iterable[int] = ()) -> "Recommender":
        """The same service as if some signals were kept and others (by number) ended; nothing is stored.

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

    def snapshot(self) -> Snapshot:
        """What ranking knows of every article, and what editors have decided, as of now."""
        return self._snapshot_at(self._store.state())

    def now(self) -> datetime:
        """The time by the clock that answers use."""
        return self._clock()

    def code(self, name: str) -> int:
        """The code of an edition or language in the columns."""
        return self._catalogue.code(name)

    def columns(self) -> Columns:
        """What ranking knows of every article, as of now."""
        return self.snapshot().columns

    def state(self) -> State:
        """Revision and generation as of now: an answer made at an equal state is still right."""
        return self._store.state()

    def last_look(self) -> Look | None:
        """The last state that was read, which takes no database: see `Store.last_look`."""
        return self._store.last_look()

    def still_right(self, basis: Basis, state: State) -> bool:
        """Whether an answer is right at a state: nothing that it was made from has changed since, and the guard lets
        every teaser through.

        It does not look at what its candidates' own lists say of each other, beyond their own changes: two versions of
        a report leave each other's lists only for `DEPTH` articles that are still more similar.
        """
        now = self._clock().timestamp()
        if now >= basis.until:
            return False
        if basis.state == state:
            return True
        if basis.articles is None or basis.state.generation != state.generation:
            return False
        return self._unchanged(basis, self._snapshot_at(state), now)

    def known_right(self, basis: Basis, state: State) -> bool:
        """Whether an answer is right at a state as far as this process knows without the store, and has not expired.

        False also where it does not know.
        """
        now = self._clock().timestamp()
        if now >= basis.expires:
            return False
        if basis.state == state:
            return True
        snapshot = self._catalogue.snapshot(state)
        if basis.articles is None or basis.state.generation != state.generation or snapshot is None:
            return False
        return self._unchanged(basis, Snapshot(snapshot.columns, self._directives(snapshot.directives)), now)

    def _unchanged(self, basis: Basis, snapshot: Snapshot, now: float) -> bool:
        """Whether nothing that an answer was made from has changed by a snapshot of its generation."""
        columns, since = snapshot.columns, basis.state.revision
        unchanged = (
            snapshot.directives.policy_revision <= since
            and columns.relisted[basis.number] <= since
            and (columns.changed[basis.articles] <= since).all()
        )
        return bool(unchanged) and self._let_through(basis, snapshot, now)

    def _let_through(self, basis: Basis, snapshot: Snapshot, now: float) -> bool:
        """The guard for a ready answer, so that no forbidden teaser depends on the checks before."""
        constraints = self._constraints(basis.number, None, snapshot, now)
        teasers = snapshot.columns.take(np.array(basis.teasers, dtype=np.intp))
        return bool(guarded(teasers, constraints).all())

    def _snapshot_at(self, state: State) -> Snapshot:
        """The snapshot of the generation of a state, as of its revision or later."""
        snapshot = self._catalogue.snapshot(state)
        if snapshot is None:
            with self._store.reading():
                snapshot = self._catalogue.as_of(replace(self._store.state(), generation=state.generation))
        return Snapshot(snapshot.columns, self._directives(snapshot.directives))

    def for_reader(self, article_id: str, query: Query) -> Recommendation:
        """The sidebar of an article as strangers get it.

        As `for_article`, but an article that is not public now is as unknown as one that is not there; beside one on
        legal hold nothing stands, not even what unknown ones get. Raises ArticleNotFound, StoreUnavailable.
        """
        now = self._clock()
        with self._store.reading():
            public_one = self._store.articles.public_by_id(article_id, now)
            if public_one is not None:
                return self.answer(self._question_about(public_one, article_id, query))
            return self._beside_unknown(self._store.articles.by_id(article_id), now, article_id, query)

    def for_reader_at(self, url: str, query: Query) -> Recommendation:
        """The same for the article at an address, as `for_url`. Raises ArticleNotFound, StoreUnavailable."""
        now = self._clock()
        with self._store.reading():
            by_url = self._store.articles.public_by_url
            public_one = by_url(url, now) or by_url(without_cache_buster(url), now)
            if public_one is not None:
                answer = self.answer(self._question_about(public_one, url, query))
            else:
                any_by_url = self._store.articles.by_url
                found = any_by_url(url) or any_by_url(without_cache_buster(url))
                answer = self._beside_unknown(found, now, url, query)
            # Until another one may be read at the address: which of the two is meant is not known then.
            return _right_until(answer, self._store.articles.next_public_at(url, now))

    def _beside_unknown(self, hidden: Numbered | None, now: datetime, key: str, query: Query) -> Recommendation:
        """What strangers get beside what they may not know of. `hidden` is published and not public, where it is there.

        The answer is right until the date of that has come. Raises ArticleNotFound.
        """
        if hidden is None:
            return self.answer(self._question_about(None, key, query))
        posted_on = hidden[1].posted_on
        if posted_on is None or posted_on <= now:  # so it is on hold
            raise ArticleNotFound(key)
        return _right_until(self.answer(self._question_about(None, key, query)), posted_on)

    def for_article(self, article_id: str, query: Query) -> Recommendation:
        """The sidebar of an article, for those who may see what is not public yet; `for_reader` is for all others.

        Parameters
        ----------
        article_id : str
            The id of a published article.
        query : Query
            What is asked for; `Query()` asks for the box as readers get it.

        Returns
        -------
        Recommendation
            With 0 to `query.n` items. Before the first build they are fallbacks.

        Raises
        ------
        ArticleNotFound
            No published article has this id, and `query.fallback` is not "latest".
        StoreUnavailable
            The database does not answer.
        """
        with self._store.reading():
            return self.answer(self._question_about(self._store.articles.by_id(article_id), article_id, query))

    def for_url(self, url: str, query: Query) -> Recommendation:
        """The sidebar of the article at an address.

        Parameters
        ----------
        url : str
            The article's address, or a further one of it, in any form that `canonical_url` takes for the same; where
            no article has it with its query, the one that has it without is taken.
        query : Query
            As for `for_article`.

        Returns
        -------
        Recommendation
            As of `for_article`.

        Raises
        ------
        ArticleNotFound
            No published article stands at this address, or several do, and `query.fallback` is not "latest".
        StoreUnavailable
            The database does not answer.
        """
        with self._store.reading():
            by_url = self._store.articles.by_url
            return self.answer(self._question_about(by_url(url) or by_url(without_cache_buster(url)), url, query))

    def for_draft(self, draft: Article, candidates: TextCandidates, query: Query) -> Recommendation:
        """The sidebar of a text that is not in the archive, with the candidates found for it.

        Parameters
        ----------
        draft : Article
            The text; its id is not looked up.
        candidates : TextCandidates
            What `Builder.draft_candidates` gives for the draft: this takes the embedding model.
        query : Query
            As for `for_article`; a fallback of "none" is usual.

        Returns
        -------
        Recommendation
            Its `article` is the draft.

        Raises
        ------
        StoreUnavailable
            The database does not answer.
        """
        with self._store.reading():
            return self.answer(self.draft_question(draft, candidates, query))

    def closest_sentences(self, recommendation: Recommendation) -> dict[str, SentencePair]:
        """By the id of each teaser, the sentences in which it is most like the source.

        Parameters
        ----------
        recommendation : Recommendation
            An answer of this service.

        Returns
        -------
        dict of str to SentencePair
            `source` is the sentence of the article and `other` that of the teaser. A teaser without such a pair is left
            out; empty where the source is not known.

        Raises
        ------
        StoreUnavailable
            The database does not answer.
        """
        source = recommendation.article
        if source is None:
            return {}
        with self._store.reading():
            numbers = [item.teaser.number for item in recommendation.items]
            texts = self._store.articles.get([*numbers, *([] if source.body else [recommendation.basis.number])])
        source = source if source.body else texts.get(recommendation.basis.number, source)
        return self.sentences(source, [texts[number] for number in numbers if number in texts])

    def verdicts(self, recommendation: Recommendation) -> dict[str, Verdict]:
        """By the id of each teaser, what a reader of both texts says of it beside the source.

        Parameters
        ----------
        recommendation : Recommendation
            An answer of this service.

        Returns
        -------
        dict of str to Verdict
            `grade`, 0 to 4, and `reason`, the reader's own line. A teaser that no reader has graded is left out.

        Raises
        ------
        StoreUnavailable
            The database does not answer.
        """
        if recommendation.article is None or recommendation.basis.number == NO_NUMBER:
            return {}
        with self._store.reading():
            if self._made_with(recommendation.state).reranker is None:
                return {}
            number = recommendation.basis.number
            texts = self._store.articles.get([number, *(item.teaser.number for item in recommendation.items)])
            source = texts.pop(number, None)
            return {} if source is None else self.verdicts_beside(source, texts.values())

    def verdicts_beside(self, source: Article, others: Iterable[Article]) -> dict[str, Verdict]:
        """The same by the id of each of some articles with texts, beside an article with its text."""
        reranker = self._made_with(self._store.state()).reranker
        if reranker is None:
            return {}
        hashes = {other.id: reading_of(other).text_hash for other in others}
        verdicts = self._store.verdicts.verdicts(reranker, reading_of(source).text_hash, list(hashes.values()))
        return {key: verdicts[text_hash] for key, text_hash in hashes.items() if text_hash in verdicts}

    def coverage(self, draft: Article, candidates: TextCandidates) -> list[Article]:
        """What has been published already that reports nearly the same as a draft, newest first."""
        with self._store.reading():
            state = self._state_compared_with(candidates)
            facts = self._current(state).columns.take(candidates.rows["number"])
            same = facts.language == self._catalogue.code(draft.language)
            now = self._clock().timestamp()
            constraints = self._constraints(NO_NUMBER, draft, self._current(state), now)
            told = guarded(facts, constraints) & public(facts, now)
            alike = near_identical(candidates.rows, same, self._made_with(state).scales)
            alike |= same_text(facts.copy, self._catalogue.code_of_text(candidates.copy_key))
            covered = facts.number[told & alike]
            articles = self._store.articles.get(covered.tolist(), texts=False).values()
        return sorted(
            articles, key=lambda article: article.posted_on.timestamp() if article.posted_on else 0.0, reverse=True
        )

    def linked(self, links: Sequence[str]) -> list[Article]:
        """The articles at some addresses that are public now."""
        now = self._clock()
        with self._store.reading():
            articles = [self._store.articles.public_by_url(link, now) for link in links]
        return [article for _, article in filter(None, articles)]

    def story(self, article_id: str) -> RunningStory:
        """The running story that an article belongs to.

        Parameters
        ----------
        article_id : str
            The id of a published article.

        Returns
        -------
        RunningStory
            Its `articles`, the oldest first, without bodies; the article alone where it belongs to no story.

        Raises
        ------
        ArticleNotFound
            No article that is public now has this id.
        StoreUnavailable
            The database does not answer.
        """
        with self._store.reading():
            state = self._store.state()
            at = self._clock()
            numbered = self._store.articles.public_by_id(article_id, at)
            if numbered is None:
                raise ArticleNotFound(article_id)
            snapshot, now = self._current(state), at.timestamp()
            columns = snapshot.columns
            first = int(columns.story[numbered[0]])
            numbers = [] if state.generation is None else self._store.generations.story(state.generation, first)
            members = columns.take(np.array(numbers, dtype=np.intp))
            constraints = self._constraints(numbered[0], None, snapshot, now)
            may = (guarded(members, constraints) | (members.number == numbered[0])) & public(members, now)
            shown = members.number[may].tolist()
            articles = list(self._store.articles.get(shown or [numbered[0]], texts=False).values())
        ordered = sorted(
            articles, key=lambda article: (article.posted_on.timestamp() if article.posted_on else 0.0, article.id)
        )
        return RunningStory(ordered)

    def _current(self, state: State) -> Snapshot:
        snapshot = self._catalogue.as_of(state)
        return Snapshot(snapshot.columns, self._directives(snapshot.directives))

    def _question_about(self, numbered: Numbered | None, key: str, query: Query) -> Question:
        state = self._store.state()
        if numbered is None:
            if query.fallback != "latest":
                raise ArticleNotFound(key)
            return self._question(NO_NUMBER, None, TextCandidates(EMPTY, ()), query, state)
        number, article = numbered
        lists = self._graded_lists(state, [number])
        names = {} if state.generation is None else self._store.generations.names(state.generation, [number])
        return self._question(
            number, article, TextCandidates(lists.get(number, EMPTY), names.get(number, ())), query, state
        )

    def question(self, article_id: str, query: Query) -> Question:
        """What the sidebar of an article is made from. Called inside `Store.reading`. Raises ArticleNotFound."""
        return self._question_about(self._store.articles.by_id(article_id), article_id, query)

    def reader_question(self, article_id: str, query: Query) -> Question:
        """The same as `for_reader` has it: an article that is not public is unknown."""
        return self._question_about(self._store.articles.public_by_id(article_id, self._clock()), article_id, query)

    def questions(self, numbers: Sequence[int], query: Query) -> dict[int, Question]:
        """The same for many articles by number, those that are not published left out; only for `teasers`.

        What articles name is not read: only items need it.
        """
        state = self._store.state()
        articles, lists = self._store.articles.get(numbers, texts=False), self._graded_lists(state, numbers)
        return {
            number: self._question(number, article, TextCandidates(lists.get(number, EMPTY), ()), query, state)
            for number, article in articles.items()
            if article.status == "published"
        }

    def teasers(self, question: Question) -> list[RankedTeaser]:
        """The sidebar that a question asks for, without its articles, in the same transaction."""
        return self._teasers(question)

    def draft_question(self, draft: Article, candidates: TextCandidates, query: Query) -> Question:
        """The same for a text that is not in the archive, with the candidates found for it."""
        return self._question(NO_NUMBER, draft, candidates, query, self._state_compared_with(candidates))

    def _state_compared_with(self, candidates: TextCandidates) -> State:
        """The state now, in the generation that a draft was compared with: its similarities mean nothing in another.

        Where that generation has been removed meanwhile, it is the live one.
        """
        state, number = self._store.state(), candidates.generation
        there = number is not None and self._store.generations.model(number) is not None
        return replace(state, generation=number) if there else state

    def answer(self, question: Question) -> Recommendation:
        """The sidebar that a question asks for, in the same transaction."""
        return self._answered(question, self._teasers(question))

    def finished(self, question: Question, teasers: Sequence[RankedTeaser]) -> Recommendation:
        """The answer to a question with teasers that were chosen elsewhere, less those that the guard forbids.

        In the same transaction.
        """
        return self._answered(question, let_through(teasers, question.snapshot.columns, question.source.constraints))

    def _answered(self, question: Question, teasers: list[RankedTeaser]) -> Recommendation:
        model = self._made_with(question.state).model
        return Recommendation(question.article, self.items(question, teasers), basis_of(question, teasers), model)

    def reports(self, question: Question, numbers: Sequence[int]) -> BoolArray:
        """Which of some articles report one event, (n, n) and symmetric, as far as their own lists say."""
        facts = question.snapshot.columns.take(np.array(numbers, dtype=np.intp))
        return events_among(facts, self._lists(question.state, numbers), question.ranker.scales)

    def sentences(
        self, source: Article, others: Iterable[Article], most: int = MAX_SENTENCES
    ) -> dict[str, SentencePair]:
        """By the id of each of some articles with texts, the sentences in which it is most like the source.

        Of the others the first `most` sentences are looked at. What many articles share is none of them.
        """
        cleaned = self._made_with(self._store.state()).boilerplate.cleaned
        ours = passages(cleaned(source), self.gazetteer)
        pairs = {other.id: closest(ours, passages(cleaned(other), self.gazetteer, most)) for other in others}
        return {key: pair for key, pair in pairs.items() if pair is not None}

    def _question(
        self, number: int, article: Article | None, candidates: TextCandidates, query: Query, state: State
    ) -> Question:
        snapshot = self._current(state)
        filters = self._filters(query, article, snapshot)
        source = self._source(number, article, snapshot, filters.now, candidates.copy_key)
        return Question(state, snapshot, article, candidates, source, filters, self._ranker(state, snapshot.directives))

    def _teasers(self, question: Question) -> list[RankedTeaser]:
        return sidebar(
            question.rows,
            question.source,
            question.filters,
            question.ranker,
            archive=question.snapshot.columns,
            lists=lambda numbers: self._lists(question.state, numbers),
        )

    def _lists(self, state: State, numbers: Sequence[int]) -> dict[int, CandidateArray]:
        if state.generation is None or not numbers:
            return {}
        return self._store.generations.candidates(state.generation, numbers)

    def _graded_lists(self, state: State, numbers: Sequence[int]) -> dict[int, CandidateArray]:
        """The lists of articles that are read, with what a reader says of their candidates."""
        lists = self._lists(state, numbers)
        if state.generation is None or self._made_with(state).reranker is None:
            return lists
        grades = self._store.generations.grades(state.generation, numbers)
        return {number: with_grades(rows, grades.get(number, NO_GRADES)) for number, rows in lists.items()}

    def items(self, question: Question, teasers: Sequence[RankedTeaser]) -> list[Item]:
        """Teasers with their articles, in the same transaction; withdrawn ones are left out."""
        numbers, state = [teaser.number for teaser in teasers], question.state
        articles = self._store.articles.get(numbers, texts=False)
        theirs = {} if state.generation is None else self._store.generations.names(state.generation, numbers)
        return [
            Item(article, teaser, shared(question.article, question.text.names, article, theirs.get(teaser.number, ())))
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
            return _Made(None, DEFAULT, USUAL, NO_BOILERPLATE)
        made = self._made.get(state.generation)
        if made is None:
            number, generations = state.generation, self._store.generations
            geometry = generations.geometry(number)
            made = _Made(
                generations.model(number),
                generations.ranking(number) or DEFAULT,
                generations.scales(number),
                NO_BOILERPLATE if geometry is None else Geometry.from_bytes(geometry).boilerplate,
                generations.reranker(number),
            )
            self._made = {number: made}  # the last one only; another thread may be at another
        return made

    def _source(
        self, number: int, article: Article | None, snapshot: Snapshot, now: float, copy_key: str
    ) -> SourceArticle:
        """`copy_key` is that of a draft."""
        constraints = self._constraints(number, article, snapshot, now)
        if article is None:
            return SourceArticle(NO_NUMBER, np.nan, UNKNOWN_CODE, UNKNOWN_CODE, constraints=constraints)
        # A draft is about to be published: what is close in time to now is close to it.
        undated = now if number == NO_NUMBER else np.nan
        return SourceArticle(
            number=number,
            posted=article.posted_on.timestamp() if article.posted_on else undated,
            edition=self._catalogue.code(article.edition),
            language=self._catalogue.code(article.language),
            byline=self._catalogue.code(article.author) if article.author else UNKNOWN_CODE,
            story=int(snapshot.columns.story[number]) if number != NO_NUMBER else NO_NUMBER,
            copy=int(snapshot.columns.copy[number]) if number != NO_NUMBER else self._catalogue.code_of_text(copy_key),
            page=int(snapshot.columns.page[number]) if number != NO_NUMBER else NO_NUMBER,
            constraints=constraints,
        )

    def _constraints(self, number: int, article: Article | None, snapshot: Snapshot, now: float) -> SidebarConstraints:
        """The constraints on the sidebar of an article of the archive, or of a draft by its own flags and labels."""
        directives = snapshot.directives
        if number != NO_NUMBER:
            return directives.constraints_for(
                number, int(snapshot.columns.flags[number]), snapshot.columns.labels[number], now
            )
        if article is None:
            return directives.constraints_for(NO_NUMBER, bits(()), frozenset(), now)
        article_labels = labels(
            edition=article.edition,
            language=article.language,
            byline=article.author,
            flags=article.flags,
            tags=article.tags,
            countries=article.countries,
        )
        return directives.constraints_for(NO_NUMBER, bits(article.flags), article_labels, now)

    def _filters(self, query: Query, article: Article | None, snapshot: Snapshot) -> Filters:
        codes: frozenset[int] | None = None
        if query.languages == (SAME_LANGUAGE,):
            codes = self._catalogue.codes([article.language]) if article else None
        elif query.languages != (ANY_LANGUAGE,):
            codes = self._catalogue.codes(query.languages)
        least = snapshot.directives.ranking.get("min_score", self._defaults.min_score)
        return Filters(
            now=self._clock().timestamp(),
            n=query.n,
            exclude=frozenset(self._store.articles.numbers(query.exclude).values()) if query.exclude else frozenset(),
            editions=self._catalogue.codes(query.editions) if query.editions else None,
            languages=codes,
            foreign=self._defaults.other_languages and query.languages == (SAME_LANGUAGE,),
            # A site whose articles have no addresses at all links in its own way.
            linked=not query.unlinked and bool(snapshot.columns.linked.any()),
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


def _right_until(answer: Recommendation, moment: datetime | None) -> Recommendation:
    """The same answer, which time makes wrong at a moment."""
    if moment is None:
        return answer
    until, expires = (min(limit, moment.timestamp()) for limit in (answer.basis.until, answer.basis.expires))
    return replace(answer, basis=replace(answer.basis, until=until, expires=expires))


def _unchanged(directives: Directives) -> Directives:
    return directives


class _Remembering:
    """A preview of directives that keeps its last answer: it is asked anew for every article."""

    def __init__(self, preview: Callable[[Directives], Directives]) -> None:
        self._preview = preview
        self._last: tuple[Directives, Directives] | None = None

    def __call__(self, directives: Directives) -> Directives:
        last = self._last
        if last is None or last[0] is not directives:
            last = self._last = directives, self._preview(directives)
        return last[1]
