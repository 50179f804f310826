"""The groups that figures are reported for: by language, by country, by age."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from recommender.articles.article import Article

YEAR_DAYS = 365.25
# By how old the article of a query is, against the newest one of the archive.
AGES = ((1.0, "up to 1 year old"), (3.0, "1 to 3 years old"), (float("inf"), "more than 3 years old"))
UNDATED = "undated"
_BY_AGE = [*(name for _, name in AGES), UNDATED]


def groups(articles: Sequence[Article], newest: datetime | None) -> dict[str, dict[str, list[int]]]:
    """By kind of group and group, the places of its articles; the largest group first, ages by age.

    An article of two countries is in both. `newest` is the day of the archive's newest article.
    """
    kinds: Mapping[str, Callable[[Article], Sequence[str]]] = {
        "language": lambda article: [article.language],
        "country": lambda article: article.countries,
        "age": lambda article: [_age(article, newest)],
    }
    groups_by_kind: dict[str, dict[str, list[int]]] = {}
    for kind, groups_of in kinds.items():
        places: dict[str, list[int]] = {}
        for place, article in enumerate(articles):
            for group in groups_of(article):
                places.setdefault(group, []).append(place)
        groups_by_kind[kind] = dict(sorted(places.items(), key=_by_age if kind == "age" else _by_size))
    return groups_by_kind


def _by_size(group: tuple[str, list[int]]) -> tuple[int, str]:
    name, members = group
    return -len(members), name


def _by_age(group: tuple[str, list[int]]) -> int:
    return _BY_AGE.index(group[0])


def _age(article: Article, newest: datetime | None) -> str:
    if article.posted_on is None or newest is None:
        return UNDATED
    years = (newest - article.posted_on).total_seconds() / 86_400 / YEAR_DAYS
    return next(name for most, name in AGES if years <= most)
