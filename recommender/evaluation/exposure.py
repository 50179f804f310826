"""Use case: how much of the archive is shown, how evenly, and which articles stand in no sidebar."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender.arrays import BoolArray, Counts, Positions
from recommender.articles.article import Article
from recommender.metrics import gini
from recommender.ranking.facts import Columns
from recommender.serving.recommender import Recommender
from recommender.store.base import Store

MOST_SHOWN = 20
ORPHANS = 50
COUNTRY = "country:"  # as labels begin that name one


@dataclass(frozen=True)
class GroupExposure:
    """How many articles of some sort there are, and how many of them stand in some sidebar."""

    name: str
    articles: int
    shown: int


@dataclass(frozen=True)
class Exposure:
    """What of the archive stands in sidebars now. `most` are the articles in most sidebars, each with their number."""

    articles: int
    shown: int
    gini: float
    most: list[tuple[Article, int]]
    orphans: list[Article]
    editions: list[GroupExposure]
    countries: list[GroupExposure]


@dataclass(frozen=True)
class _Countries:
    """Which articles are about which country, by label, as some columns have it."""

    columns: Columns
    places: Mapping[str, Positions]


class Exposures:
    """Counts in how many sidebars articles stand, anew only after changes. Safe to use from several threads.

    Parameters
    ----------
    store : Store
        The archive and its ledger of what is shown.
    recommender : Recommender
        The service over the same store.
    """

    def __init__(self, store: Store, recommender: Recommender) -> None:
        self._store = store
        self._recommender = recommender
        self._countries: _Countries | None = None
        self._counted: tuple[int, Mapping[int, int]] = (0, {})

    def now(self, edition: str | None = None) -> Exposure:
        """The exposure of the articles that readers may see, by the ledger; orphans of one edition, or of all.

        Parameters
        ----------
        edition : str or None
            Whose orphans are listed; None lists those of all editions. The other figures do not depend on it.

        Returns
        -------
        Exposure
            Numbers of `articles` and of those `shown`, the `gini` coefficient of how often (0 even, 1 uneven), the 20
            `most` shown, up to 50 newest `orphans`, and the exposure by `editions` and `countries`.
        """
        store, code = self._store, self._recommender.code
        with store.reading():
            columns = self._recommender.columns()
            counts = self._counts(len(columns.number))
            public = columns.shown & ~(columns.posted > self._recommender.now().timestamp())
            numbers = np.flatnonzero(public)
            shown = counts[numbers] > 0
            most = numbers[np.lexsort((numbers, -counts[numbers]))][: min(MOST_SHOWN, int(shown.sum()))].tolist()
            orphans = numbers[~shown]
            if edition is not None:
                orphans = orphans[columns.edition[orphans] == code(edition)]
            newest = _newest(columns, orphans)
            articles = store.articles.get([*most, *newest], texts=False)
            editions = columns.edition[numbers]
            return Exposure(
                articles=len(numbers),
                shown=int(shown.sum()),
                gini=gini(counts[numbers].tolist()),
                most=[(articles[number], int(counts[number])) for number in most],
                orphans=[articles[number] for number in newest],
                editions=[_share(name, shown[editions == code(name)]) for name in store.articles.editions()],
                countries=self._of_countries(columns, public, counts > 0),
            )

    def _counts(self, size: int) -> Counts:
        """By article number, in how many sidebars it stands."""
        line = self._store.ledger.last()
        if line != self._counted[0]:
            self._counted = line, self._store.ledger.counts()
        counts = np.zeros(size, dtype=np.int64)
        by_target = self._counted[1]
        targets = np.fromiter(by_target, dtype=np.int64, count=len(by_target))
        inside = targets < size  # another process may have written down newer ones
        counts[targets[inside]] = np.fromiter(by_target.values(), dtype=np.int64, count=len(by_target))[inside]
        return counts

    def _of_countries(self, columns: Columns, public: BoolArray, shown: BoolArray) -> list[GroupExposure]:
        """The most frequent first, each written as its newest article writes it: labels know no case."""
        if self._countries is None or self._countries.columns is not columns:
            self._countries = _Countries(columns, _by_country(columns))
        public_places = {label: places[public[places]] for label, places in self._countries.places.items()}
        newest = {label: int(places[-1]) for label, places in public_places.items() if len(places)}
        articles = self._store.articles.get(sorted(set(newest.values())), texts=False)
        written = {
            label: next(name for name in articles[number].countries if COUNTRY + name.casefold() == label)
            for label, number in newest.items()
        }
        ordered = sorted(newest, key=lambda label: (-len(public_places[label]), label))
        return [_share(written[label], shown[public_places[label]]) for label in ordered]


def _newest(columns: Columns, numbers: Positions) -> list[int]:
    posted = np.where(np.isnan(columns.posted[numbers]), -np.inf, columns.posted[numbers])
    newest: list[int] = numbers[np.lexsort((-numbers, -posted))][:ORPHANS].tolist()
    return newest


def _share(name: str, shown: BoolArray) -> GroupExposure:
    return GroupExposure(name, len(shown), int(shown.sum()))


def _by_country(columns: Columns) -> dict[str, Positions]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, labels in enumerate(columns.labels.tolist()):
        for label in labels:
            if label.startswith(COUNTRY):
                numbers[label].append(number)
    return {label: np.array(places, dtype=np.intp) for label, places in numbers.items()}
