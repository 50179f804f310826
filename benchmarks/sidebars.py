"""What the sidebars of an archive are like: events, roles, exposure, running stories, and twenty of them to look at."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks import corpora
from benchmarks.judged import (
    Archive,
    estimate,
    event_groups,
    mean,
    three,
)
from benchmarks.report import Table
from recommender import metrics
from recommender.articles.article import Article
from recommender.articles.reasons import reason
from recommender.evaluation.baselines import sidebars
from recommender.evaluation.evaluation import MAIN
from recommender.serving.answers import Query
from recommender.wiring import open_store

SIDEBARS = 20


def events(archive: Archive) -> Table:
    groups = event_groups()
    recommender = archive.recommender()
    shown = sidebars(recommender, list(archive.evaluated.languages), Query())
    anywhere = three(recommender)
    lists = {"as the site shows them": list(shown.values())}
    lists["in all languages"] = [[key for key, _ in anywhere(article)] for article in archive.evaluated.languages]
    rows = []
    for name, items_of in lists.items():
        twice = sum(any(len(group & set(items)) > 1 for group in groups) for items in items_of)
        rows.append([name, f"{len(items_of):,}", str(twice), f"{twice / len(items_of):.1%}"])
    own_event = sum(
        any({article, other} <= group for other in items if _same_language(archive, article, other) for group in groups)
        for article, items in shown.items()
    )
    rows.append(
        ["another report of the source's event", f"{len(shown):,}", str(own_event), f"{own_event / len(shown):.1%}"]
    )
    return Table(
        "One teaser per event",
        f"Sidebars of all articles with two teasers of one event, by the {len(groups)} known groups of "
        "`event_groups.json` (updates, twins, counterparts in another language); and with a teaser that reports what "
        "the source reports, in its language.",
        ("sidebars", "number", "with two", "share"),
        rows,
    )


def _same_language(archive: Archive, article: str, other: str) -> bool:
    return archive.evaluated.languages[article] == archive.evaluated.languages[other]


def roles(archive: Archive) -> Table:
    rows = []
    for name, roles in (("with roles", True), ("without", False)):
        recommender = archive.recommender(roles=roles)
        values = {measure: archive.values(three(recommender), measure) for measure in ("nDCG@3", "poor@3")}
        shown = [recommender.for_article(key, Query()).items for key in archive.evaluated.languages]
        roled = [[item.teaser.role for item in items if item.teaser.role] for items in shown]
        different = mean([len(set(roles_of)) for roles_of in roled])
        counts = Counter(role for roles_of in roled for role in roles_of)
        shares = ", ".join(f"{role} {counts[role] / sum(map(len, shown)):.0%}" for role in sorted(counts))
        rows.append([name, estimate(values["nDCG@3"]), mean(values["poor@3"]), different, shares or "none"])
    return Table(
        "Roles",
        "What different reasons to read on cost in relevance, and how many different ones a sidebar has on average.",
        ("sidebars", "nDCG@3", "poor@3", "different roles", "teasers by role"),
        rows,
    )


def exposure(archive: Archive) -> Table:
    recommender = archive.recommender()
    ids = list(archive.evaluated.languages)
    latest, dense = (archive.evaluated.systems[name] for name in ("latest in the edition", "embedding alone"))
    lists: dict[str, Mapping[str, Sequence[str]]] = {
        "the service": sidebars(recommender, ids, Query()),
        "best three by score": {key: _top(archive, key) for key in ids},
        "embedding alone": {key: [other for other, _ in dense(key)[:3]] for key in ids},
        "latest in the edition": {key: [other for other, _ in latest(key)[:3]] for key in ids},
    }
    rows = []
    for name, shown in lists.items():
        counts = Counter(other for items in shown.values() for other in items)
        rows.append(
            [
                name,
                f"{metrics.coverage(shown):.1%}",
                f"{metrics.largest_exposure(shown)[1]:.1%}",
                f"{metrics.gini([counts[key] for key in ids]):.3f}",
            ]
        )
    rows += _newswire()
    return Table(
        "No floods, no orphans",
        "Which share of the articles stands in some sidebar, in how many sidebars the most shown one stands, and how "
        "uneven it is (Gini). `best three by score` is without the help that articles without a sidebar get in the "
        "last place. `recommender exposure` prints this for a site.",
        ("sidebars", "articles shown", "most shown", "Gini"),
        rows,
    )


def _newswire() -> list[list[str]]:
    """The same for the service on a large archive, from its ledger."""
    url = corpora.reuters_url()
    if url is None:
        return []
    store = open_store(url)
    try:
        generation = store.state().generation
        shown = list(store.generations.exposure(generation or 0).values())
    finally:
        store.close()
    reached = sum(count > 0 for count in shown) / len(shown)
    name = f"the service, {len(shown):,} articles of newswire"
    return [[name, f"{reached:.1%}", f"{max(shown) / len(shown):.1%}", f"{metrics.gini(shown):.3f}"]]


def _top(archive: Archive, article_id: str) -> list[str]:
    items = archive.recommender(roles=False).for_article(article_id, Query(n=10, fallback="none")).items
    return [item.article.id for item in sorted(items, key=lambda item: -item.teaser.score)[:3]]


def running_stories(archive: Archive) -> Table:
    generation = archive.live.number
    with archive.store.reading():
        standings = archive.store.generations.standings_since(generation, -1)
        numbers = archive.store.articles.numbers(list(archive.evaluated.languages))
    story = {key: standings[number].story for key, number in numbers.items()}
    sizes = Counter(story.values())
    rows = []
    for least in (3, 2):
        pairs = [(query, other, grades[other] >= least) for query, grades in archive.qrels.items() for other in grades]
        together = {
            (query, other)
            for query in archive.qrels
            for other in story
            if other != query and story[other] == story[query]
        }
        right = sum((query, other) in together for query, other, good in pairs if good)
        good = sum(good for *_, good in pairs)
        rows.append([f"{least} or better", f"{right / good:.2f}", f"{right / max(1, len(together)):.2f}"])
    many = [size for size in sizes.values() if size > 1]
    return Table(
        "Running stories",
        f"{len(many)} stories of two or more among {len(story)} articles, the largest of {max(many)}; "
        f"{sum(size == 1 for size in sizes.values())} articles stand alone. Of the "
        "articles graded so for a query, the share in its story; and of those in its story, the share graded so.",
        ("grade", "recall", "precision"),
        rows,
    )


def examples(archive: Archive) -> list[Table]:
    """Twenty sidebars as a person would see them: half of them the worst by the judgments."""
    system = three(archive.recommender())
    values = dict(zip(archive.qrels, archive.values(system, MAIN), strict=True))
    worst = sorted(values, key=lambda query: (values[query], query))[: SIDEBARS // 2]
    rest = [query for query in values if query not in worst]
    chosen = random.Random(1).sample(rest, SIDEBARS // 2)  # which ones are shown is no secret
    return [_sidebars(archive, "The ten worst", worst), _sidebars(archive, "Ten others at random", chosen)]


def _sidebars(archive: Archive, title: str, queries: Sequence[str]) -> Table:
    recommender = archive.recommender()
    rows = []
    for query in queries:
        recommendation = recommender.for_article(query, Query(n=3, languages=("any",), fallback="none"))
        if recommendation.article is None:
            continue
        rows.append([f"**{_dated(recommendation.article)}**", "", "", ""])
        grades = archive.qrels[query]
        for item in recommendation.items:
            line = reason(item.shared, archive.gazetteer, recommendation.article.language) or ""
            grade = str(grades.get(item.article.id, 0))
            rows.append(
                [_dated(item.article), f"{item.teaser.score:.2f}", grade, f"{item.teaser.role or 'no role'}: {line}"]
            )
    return Table(
        f"Sidebars: {title.lower()}",
        "In bold the article that is read, below it the three teasers with their score, their grade (0 where the pair "
        "has none), their role and the line for readers.",
        ("article", "score", "grade", "role and reason"),
        rows,
    )


def _dated(article: Article) -> str:
    date = f"{article.posted_on:%Y-%m-%d}" if article.posted_on else "no date"
    return f"{article.title.replace('|', '/')} ({date})"
