"""Use case: what was shown beside which article, and when, so that editors can look it up later.

A worker notes each answer to the plain question that it has made or taken up, and writes it down after the request:
pages never wait for that. What no reader has asked for yet is written down by builds and by the sweep (see `prepared`).
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from recommender.articles.gazetteer import Gazetteer
from recommender.ranking.facts import PINNED, RELATED, SIDEBAR_PLACES
from recommender.serving.answers import Basis, Item, Recommendation
from recommender.serving.document import digest_of, make_document
from recommender.serving.wording import USUAL_WORDING, Wording
from recommender.serving.write_behind import WriteBehind
from recommender.store.base import Store
from recommender.store.ledger import Shown

# Of the doubt about one teaser: how unsure the score is, and how far embedding and words disagree about it.
UNSURE, DISAGREEING = 0.7, 0.3


def doubt_of(items: Sequence[Item], n: int) -> float:
    """How much a sidebar of `n` places needs review, from 0 to 1: the mean over its places.

    A place that is empty or filled with a fallback counts 1, a pin 0.
    """
    return sum(map(_doubt, items), start=float(max(0, n - len(items)))) / n


def _doubt(item: Item) -> float:
    teaser = item.teaser
    if teaser.source == PINNED:
        return 0.0
    if teaser.source != RELATED:
        return 1.0
    dense, lexical = teaser.parts.get("dense", 0.0), teaser.parts.get("lexical", 0.0)
    both = dense + lexical
    apart = abs(dense - lexical) / both if both else 1.0
    return UNSURE * (1 - teaser.score) + DISAGREEING * apart


def shown(
    recommendation: Recommendation,
    gazetteer: Gazetteer,
    at: datetime,
    *,
    wording: Wording = USUAL_WORDING,
    n: int = SIDEBAR_PLACES,
    served: bool = False,
) -> Shown:
    """The line of the ledger for the sidebar of an article of the archive."""
    language = recommendation.article.language if recommendation.article else "en"
    document = make_document(recommendation, gazetteer, language, wording=wording, explained={})
    return Shown(
        source=recommendation.basis.number,
        at=at,
        revision=recommendation.state.revision,
        digest=digest_of(document["items"]),
        items=recommendation.basis.teasers,
        document=json.dumps(document, ensure_ascii=False),
        doubt=round(doubt_of(recommendation.items, n), 4),
        fallbacks=sum(item.teaser.source not in (RELATED, PINNED) for item in recommendation.items),
        served=served,
    )


class Recorder(WriteBehind[Callable[[], Shown]]):
    """Writes down the answers of one worker."""

    def __init__(
        self, store: Store, gazetteer: Gazetteer, clock: Callable[[], datetime], wording: Wording = USUAL_WORDING
    ) -> None:
        super().__init__("ledger", lambda rows: store.ledger.append(row() for row in rows))
        self._gazetteer = gazetteer
        self._clock = clock
        self._wording = wording

    def note(self, recommendation: Recommendation) -> None:
        """An answer that has been made for a page."""
        at = self._clock()
        self.put(lambda: shown(recommendation, self._gazetteer, at, served=True))

    def note_prepared(self, basis: Basis, body: bytes, seen: str) -> None:
        """A prepared answer that a page gets for the first time from this worker; `seen` is `digest_of` its items."""
        at = self._clock()
        self.put(lambda: Shown(basis.number, at, basis.state.revision, seen, basis.teasers, body.decode(), served=True))
