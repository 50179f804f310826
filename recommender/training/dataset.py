"""Use case: training pairs from what a site has: its texts, their links, editors' decisions, grades and clicks."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from recommender.articles.addresses import canonical_url
from recommender.articles.article import Article
from recommender.articles.text import passages
from recommender.curation.signals import APART, PIN, REJECT
from recommender.errors import InvalidInput, NotBuilt
from recommender.grading.panels import VERSION, agreed, by_pair
from recommender.metrics import Grades
from recommender.store.base import Store
from recommender.store.grading import GRADES, Grade
from recommender.training.clicks import Clicks, liked
from recommender.training.pairs import (
    APPROVAL,
    CLICK,
    GRADE,
    LEAD_LATER,
    LINK,
    REJECTION,
    TITLE_BODY,
    TRAIN,
    Split,
    TextPair,
    Window,
    alike,
    copies,
    split,
)
from recommender.training.ranking_weights import SAME_STORY_GRADE

READ_AT_ONCE = 500
LATER = 3  # passages after the first that are paired with it: long reports do not outweigh the others
REVIEWED = 50  # sidebars of an article among which the approved one is looked for
BEST = max(GRADES)
_ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\]]+")


@dataclass(frozen=True)
class Request:
    """What to collect: nothing later than `until` (UTC), about `share` of the articles for testing.

    `judgments` and `events` come beside what the store holds.

    Attributes
    ----------
    until : datetime or None
        The cut-off date, aware; None takes everything.
    share : float
        The share of the articles for testing, 0 to 1; 0.2 if left out. Stories are never divided.
    seed : int
        Decides which stories are for testing; 0 if left out.
    judgments : mapping of str to mapping of str to int
        Grades, -1 to 3, by query and article id.
    events : sequence of Clicks
        Clicks of readers, from a log.
    """

    until: datetime | None = None
    share: float = 0.2
    seed: int = 0
    judgments: Mapping[str, Grades] = field(default_factory=dict)
    events: Sequence[Clicks] = ()


@dataclass(frozen=True)
class TrainingData:
    """Pairs, and what is needed to check them: see `pairs.leaks`.

    `crossing` pairs stand on both sides and `copied` ones have a text of the test in training: both are left out.
    """

    window: Window
    pairs: list[TextPair]
    stories: Mapping[str, str]
    posted: Mapping[str, datetime]
    crossing: int
    copied: int


Labelled = tuple[str, str, str, float]  # kind, source, target, label
_COPY = "copy"  # a kind that gives no pair: see `_graded_pair`


def collect(store: Store, request: Request) -> TrainingData:
    """All pairs that an archive gives, split by story. What editors have taken back does not count.

    Parameters
    ----------
    store : Store
        The archive; running stories are those of the live generation.
    request : Request
        The period, how it is divided, and what comes beside what the store holds.

    Returns
    -------
    TrainingData
        `pairs` for training and testing, the `stories` and `posted` dates of their articles, the `window` they come
        from, and how many pairs were left out as `crossing` or `copied`.

    Raises
    ------
    NotBuilt
        There is no generation yet.
    InvalidInput
        Too little is there, such as no article before the cut-off date.
    """
    with store.reading():
        generation = store.state().generation
        if generation is None:
            raise NotBuilt
        numbers = store.generations.numbers(generation)
        articles = {
            number: article
            for number, article in _articles(store, numbers)
            if _in_time(article.posted_on, request.until)
        }
        if not articles:
            raise InvalidInput("No article is of the time before the cut-off date; choose a later one.")
        standings = store.generations.standings_since(generation, -1)
        labelled = [*_decided(store, articles, request.until), *_graded(store, articles, request.until)]
    ids = {number: article.id for number, article in articles.items()}
    stories = [(ids[number], ids[standings[number].story]) for number in ids if standings[number].story in ids]
    return _split(list(articles.values()), stories, labelled, request)


def _split(
    articles: Sequence[Article], stories: list[tuple[str, str]], labelled_by_people: list[Labelled], request: Request
) -> TrainingData:
    articles_by_id = {article.id: article for article in articles}
    graded = {(source, target) for kind, source, target, _ in labelled_by_people if kind in {GRADE, _COPY}}
    judged = [
        _graded_pair(query, other, grade)
        for query, grades in request.judgments.items()
        for other, grade in grades.items()
        if other != query and (query, other) not in graded
    ]
    labelled = [*_linked(articles), *labelled_by_people, *judged]
    labelled += [(CLICK, source, target, label) for (source, target), label in liked(request.events).items()]
    labelled = [pair for pair in labelled if pair[1] in articles_by_id and pair[2] in articles_by_id]
    together = [*stories, *alike({article.id: article.body for article in articles})]
    together += [
        (source, target)
        for kind, source, target, label in labelled
        if kind == _COPY or (kind == GRADE and label * BEST >= SAME_STORY_GRADE)
    ]
    labelled = [pair for pair in labelled if pair[0] != _COPY]
    sides = split(sorted(articles_by_id), together, request.share, request.seed)
    within = [pair for article in articles for pair in _within(article, sides.side(article.id))]
    between = list(_between(labelled, articles_by_id, sides))
    pairs = [*within, *between]
    copied = copies(pairs)
    remaining = [pair for pair in pairs if pair.side != TRAIN or not {pair.anchor, pair.text} & copied.keys()]
    posted = {article.id: article.posted_on for article in articles if article.posted_on}
    days = sorted(posted.values())
    window = Window(
        days[0].date().isoformat() if days else None,
        days[-1].date().isoformat() if days else None,
        len(articles),
        request.seed,
    )
    return TrainingData(
        window, remaining, sides.stories, posted, len(labelled) - len(between), len(pairs) - len(remaining)
    )


def _articles(store: Store, numbers: Sequence[int]) -> Iterator[tuple[int, Article]]:
    for start in range(0, len(numbers), READ_AT_ONCE):
        yield from store.articles.get(numbers[start : start + READ_AT_ONCE]).items()


def _in_time(moment: datetime | None, until: datetime | None) -> bool:
    return until is None or (moment is not None and moment <= until)


def _within(article: Article, side: str) -> Iterator[TextPair]:
    """Pairs inside one article, which need no label: its title and its lead, its lead and what comes later."""
    if not article.body:
        return
    lead, *later = passages("", "", article.body)
    yield TextPair(TITLE_BODY, side, article.id, article.id, 1.0, article.title, lead)
    for passage in later[:LATER]:
        yield TextPair(LEAD_LATER, side, article.id, article.id, 1.0, lead, passage)


def _between(labelled: Iterable[Labelled], articles: Mapping[str, Article], sides: Split) -> Iterator[TextPair]:
    for kind, source, target, label in labelled:
        side = sides.side_of_pair(source, target)
        if side is not None:
            texts = [
                passages(article.title, article.summary, article.body)[0]
                for article in (articles[source], articles[target])
            ]
            yield TextPair(kind, side, source, target, label, *texts)


def _linked(articles: Sequence[Article]) -> Iterator[Labelled]:
    """Articles whose text names the address of another. Bodies are plain text, so links behind words are gone."""
    addresses = {canonical_url(article.url): article.id for article in articles if article.url}
    for article in articles:
        named = (address.rstrip(".,;:!?") for address in _ADDRESS.findall(article.body))
        targets = dict.fromkeys(addresses[url] for url in map(canonical_url, named) if url in addresses)
        yield from ((LINK, article.id, target, 1.0) for target in targets if target != article.id)


def _decided(store: Store, articles: Mapping[int, Article], until: datetime | None) -> Iterator[Labelled]:
    """Stories that editors have approved or pinned beside an article, and those that they do not want there."""
    for review in store.reviews.all():
        if review.article in articles and _in_time(review.at, until):
            shown = (line for line in store.ledger.history(review.article, REVIEWED) if line.digest == review.digest)
            for target in next((line.items for line in shown), ()):
                if target in articles:
                    yield APPROVAL, articles[review.article].id, articles[target].id, 1.0
    for signal in store.signals.changed_since(-1):
        if signal.kind not in {PIN, REJECT, APART} or not _in_time(signal.since, until):
            continue
        source_article, subject = articles.get(signal.source or 0), articles.get(signal.target or 0)
        if source_article and subject:
            kind, label = (APPROVAL, 1.0) if signal.kind == PIN else (REJECTION, 0.0)
            yield kind, source_article.id, subject.id, label


def _graded(store: Store, articles: Mapping[int, Article], until: datetime | None) -> Iterator[Labelled]:
    grades: list[Grade] = [
        grade for grade in store.grading.grades() if grade.target is not None and _in_time(grade.at, until)
    ]
    for (source, target), values in by_pair(grades).items():
        if target is not None and source in articles and target in articles:
            yield _graded_pair(articles[source].id, articles[target].id, agreed(values.values()))


def _graded_pair(source: str, target: str, grade: int) -> Labelled:
    """Another version of the same report is of the same story, and is neither a positive nor a negative pair."""
    return (_COPY, source, target, 0.0) if grade == VERSION else (GRADE, source, target, grade / BEST)
