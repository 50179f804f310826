"""Use case: finished answers for the plain question, kept beside the neighbours, so that nobody's first visit is slow.

An answer is used only while nothing it was made from has changed: see `Basis`.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.document import make_document, to_json
from recommender.errors import NotBuilt
from recommender.interfaces import Progress, State, Store
from recommender.service import Basis, Query, Recommender

WRITE_AT_ONCE = 500


@dataclass(frozen=True)
class Prepared:
    """One finished answer: its body, where its teasers come from, and what it was made from."""

    body: bytes
    sources: tuple[str, ...]
    basis: Basis
    fingerprint: str

    def to_bytes(self) -> bytes:
        """The stored form: a line of JSON about the answer, then its body."""
        head = {
            "fingerprint": self.fingerprint,
            "generation": self.basis.state.generation,
            "revision": self.basis.state.revision,
            "number": self.basis.number,
            "articles": [] if self.basis.articles is None else self.basis.articles.tolist(),
            "sources": self.sources,
        }
        return json.dumps(head).encode() + b"\n" + self.body

    @classmethod
    def from_bytes(cls, data: bytes) -> "Prepared":
        """The answer that `to_bytes` wrote."""
        line, _, body = data.partition(b"\n")
        head = json.loads(line)
        state = State(head["revision"], head["generation"])
        articles = np.array(head["articles"], dtype=np.int32)
        return cls(body, tuple(head["sources"]), Basis(state, head["number"], articles, np.inf), head["fingerprint"])


def prepare(store: Store, recommender: Recommender, progress: Progress) -> int:
    """Prepares the answers of all articles of the live generation, counts who is shown, and says how many there are.

    An answer that changes by itself (fallbacks, an article dated into the future) is not prepared. Raises NotBuilt.
    """
    generation = store.state().generation
    if generation is None:
        raise NotBuilt
    numbers = store.generations.numbers(generation)
    shown: Counter[int] = Counter()
    batches = [numbers[start : start + WRITE_AT_ONCE] for start in range(0, len(numbers), WRITE_AT_ONCE)]
    done = 0
    for batch in progress(batches, len(batches), f"Preparing the sidebars of {len(numbers):,} articles"):
        answers = _answers(store, recommender, batch, shown)
        store.generations.put_prepared(generation, answers)
        done += len(answers)
    store.generations.put_exposure(generation, shown)
    return done


def _answers(store: Store, recommender: Recommender, numbers: Sequence[int], shown: Counter[int]) -> dict[int, bytes]:
    answers = {}
    for number, article in store.articles.get(numbers, texts=False).items():
        if article.status != "published":
            continue
        found = recommender.for_article(article.id, Query())
        shown.update(item.teaser.number for item in found.items)
        if found.basis.lasting:
            body = to_json(make_document(found, recommender.gazetteer, article.language))
            sources = tuple(item.teaser.source for item in found.items)
            answers[number] = Prepared(body, sources, found.basis, recommender.fingerprint).to_bytes()
    return answers


def find_prepared(store: Store, recommender: Recommender, article_id: str, state: State) -> Prepared | None:
    """The finished answer for an article, if there is one that is right at `state`."""
    if state.generation is None:
        return None
    data = store.generations.prepared(state.generation, article_id)
    if data is None:
        return None
    found = Prepared.from_bytes(data)
    right = found.fingerprint == recommender.fingerprint and recommender.still_right(found.basis, state)
    return found if right else None
