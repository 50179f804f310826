"""Use case: what an archive holds, for people who look at it: sizes, dates, languages, and its stories as a map."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.arrays import FloatArray, Vectors
from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer
from recommender.embedding.pooling import Geometry
from recommender.errors import NotBuilt
from recommender.evaluation.evaluation import System
from recommender.evaluation.exposure import GroupExposure
from recommender.metrics import Grades, ndcg
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.store.base import Store

# (n, d) unit vectors to (n, 2) places on a map.
Projection = Callable[[Vectors], FloatArray]

MIN_STORY = 4  # articles from which a story gets a name on the map
NAMED = 2  # names that a story is called by
AT_ONCE = 500


@dataclass(frozen=True)
class Overview:
    """Counts of the published articles. `words` are those of each body; articles without a date are in no year."""

    articles: int
    languages: Mapping[str, int]
    editions: Mapping[str, int]
    countries: Mapping[str, int]
    years: Mapping[int, int]
    words: Sequence[int]
    undated: int


@dataclass(frozen=True)
class MapPoint:
    """An article on the map, and the number of its running story."""

    article: Article
    x: float
    y: float
    story: int


@dataclass(frozen=True)
class StoryMap:
    """All articles of a generation in two dimensions, and what the larger stories are about."""

    places: Sequence[MapPoint]
    stories: Mapping[int, str]

    def members(self, story: int) -> list[Article]:
        """The articles of a story, the oldest first; those without a date come last."""
        articles = [place.article for place in self.places if place.story == story]
        return sorted(articles, key=lambda article: (article.posted_on is None, str(article.posted_on), article.id))


@dataclass(frozen=True)
class JudgedSidebar:
    """A judged query with its first teasers, their grades, and nDCG@3."""

    query: Article
    teasers: Sequence[tuple[Article, int]]
    ndcg: float


@dataclass(frozen=True)
class Disagreement:
    """What embeddings alone and words alone would show beside an article; `common` of them are the same."""

    article: Article
    embedding: Sequence[Article]
    lexical: Sequence[Article]
    common: int


def overview(store: Store) -> Overview:
    """The counts of an archive, the most frequent first.

    Parameters
    ----------
    store : Store
        The archive.

    Returns
    -------
    Overview
        Numbers of published articles in all and by language, edition, country and year; words of each body; how many
        are undated.
    """
    articles = list(_published(store).values())
    dated = [article.posted_on for article in articles if article.posted_on]
    return Overview(
        articles=len(articles),
        languages=_ordered(Counter(article.language for article in articles)),
        editions=_ordered(Counter(article.edition for article in articles)),
        countries=_ordered(Counter(country for article in articles for country in article.countries)),
        years=dict(sorted(Counter(posted.year for posted in dated).items())),
        words=[len(article.body.split()) for article in articles],
        undated=len(articles) - len(dated),
    )


def story_map(store: Store, project: Projection, gazetteer: Gazetteer) -> StoryMap:
    """The live generation as a map. A story is called by what most of its articles name.

    Parameters
    ----------
    store : Store
        The archive.
    project : callable
        (n, d) unit vectors to (n, 2) places; `recommender.notebook.project` is one.
    gazetteer : Gazetteer
        The names that stories are called by.

    Returns
    -------
    StoryMap
        `places`, a point for each article with the number of its story; `stories`, the names of those with 4 articles
        or more, the largest first.

    Raises
    ------
    NotBuilt
        There is no generation yet.
    """
    with store.reading():
        live = store.generations.live()
        if live is None:
            raise NotBuilt
        members = store.generations.members(live.model, live.number)
        numbers = [member.number for member in members]
        centres = Geometry.from_bytes(live.geometry).embeddings
        standings = store.generations.standings_since(live.number, -1)
        names = store.generations.names(live.number, numbers)
        articles = store.articles.get(numbers, texts=False)
    spots = project(np.stack([centres.centred(member.vector, member.language) for member in members]))
    places = [
        MapPoint(articles[number], float(x), float(y), standings[number].story if number in standings else number)
        for number, (x, y) in zip(numbers, spots.tolist(), strict=True)
        if number in articles
    ]
    named: dict[int, Counter[str]] = {}
    sizes: Counter[int] = Counter()
    for number, place in zip((number for number in numbers if number in articles), places, strict=True):
        named.setdefault(place.story, Counter()).update(names.get(number, ()))
        sizes[place.story] += 1
    return StoryMap(
        places,
        {
            story: ", ".join(gazetteer[key].label("en") for key, _ in named[story].most_common(NAMED)) or "(no names)"
            for story, size in sizes.most_common()
            if size >= MIN_STORY
        },
    )


def judged_sidebars(
    store: Store, run: Mapping[str, Sequence[tuple[str, float]]], qrels: Mapping[str, Grades]
) -> list[JudgedSidebar]:
    """The judged queries of a run, the worst first.

    Parameters
    ----------
    store : Store
        The archive.
    run : mapping of str to sequence of (str, float)
        For each query the ids that a system ranks, best first, with their scores.
    qrels : mapping of str to mapping of str to int
        Grades, -1 to 3, by query and article id; what is not graded counts 0.

    Returns
    -------
    list of JudgedSidebar
        Each with its `query`, the first three `teasers` with their grades, and `ndcg`, nDCG@3 from 0 to 1.
    """
    ids = {item for query, ranking in run.items() for item in (query, *(item for item, _ in ranking[:SIDEBAR_PLACES]))}
    numbers = store.articles.numbers(sorted(ids))
    articles = {article.id: article for article in store.articles.get(list(numbers.values()), texts=False).values()}
    sidebars = [
        JudgedSidebar(
            articles[query],
            [(articles[item], qrels[query].get(item, 0)) for item, _ in ranking[:SIDEBAR_PLACES]],
            ndcg([item for item, _ in ranking], qrels[query], SIDEBAR_PLACES),
        )
        for query, ranking in run.items()
    ]
    return sorted(sidebars, key=lambda sidebar: (sidebar.ndcg, sidebar.query.id))


def disagreements(
    store: Store,
    embedding: System,
    lexical: System,
    n: int = SIDEBAR_PLACES,
) -> list[Disagreement]:
    """Every article with the first `n` of two systems, those with the least in common first.

    Parameters
    ----------
    store : Store
        The archive.
    embedding, lexical : callable
        Systems: the id of an article to ranked pairs of id and score, such as `Site.evaluated.systems[DENSE]`.
    n : int
        How many of each are compared; 3 if left out.

    Returns
    -------
    list of Disagreement
        Each with its `article`, both lists, and how many articles they have in `common`, 0 to `n`.
    """
    articles = {article.id: article for article in _published(store).values()}
    differing = []
    for key, article in articles.items():
        ours = [item for item, _ in embedding(key)[:n]]
        theirs = [item for item, _ in lexical(key)[:n]]
        differing.append(
            Disagreement(
                article,
                [articles[item] for item in ours],
                [articles[item] for item in theirs],
                len(set(ours) & set(theirs)),
            )
        )
    return sorted(differing, key=lambda disagreement: (disagreement.common, disagreement.article.id))


def counted(sidebars: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """In how many sidebars each article (the keys) stands.

    Parameters
    ----------
    sidebars : mapping of str to sequence of str
        The id of every article to the ids shown beside it.

    Returns
    -------
    dict of str to int
        0 for an article that stands in none.
    """
    counts = Counter(item for shown in sidebars.values() for item in shown)
    return {article: counts[article] for article in sidebars}


def shares(store: Store, sidebars: Mapping[str, Sequence[str]], group: Callable[[Article], str]) -> list[GroupExposure]:
    """For each group of articles, how many of them stand in some sidebar; by the name of the group.

    Parameters
    ----------
    store : Store
        The archive.
    sidebars : mapping of str to sequence of str
        The id of every article to the ids shown beside it.
    group : callable
        The group of an Article, such as `language_of` or `year_of`.

    Returns
    -------
    list of GroupExposure
        Each with its `name`, how many `articles` it has, and how many of them are `shown`.
    """
    counts = counted(sidebars)
    total: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for article in _published(store).values():
        total[group(article)] += 1
        shown[group(article)] += counts.get(article.id, 0) > 0
    return [GroupExposure(name, total[name], shown[name]) for name in sorted(total)]


def language_of(article: Article) -> str:
    """A group for `shares`.

    Parameters
    ----------
    article : Article
        Any article.

    Returns
    -------
    str
        Its language, ISO 639.
    """
    return article.language


def year_of(article: Article) -> str:
    """A group for `shares`.

    Parameters
    ----------
    article : Article
        Any article.

    Returns
    -------
    str
        The year it was published in, such as "2024", or "no date".
    """
    return str(article.posted_on.year) if article.posted_on else "no date"


def _published(store: Store) -> dict[int, Article]:
    articles: dict[int, Article] = {}
    with store.reading():
        numbers = [facts.number for facts in store.articles.facts_since(-1) if facts.published]
        for start in range(0, len(numbers), AT_ONCE):
            articles |= store.articles.get(numbers[start : start + AT_ONCE])
    return articles


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
