"""Use case: finished answers for the plain question, kept beside the neighbours, so that no first visit is slow.

An answer is used only while nothing it was made from has changed: see `Basis`. Builds prepare all of them, before
readers are given the generation; the sweep does those anew that a decision, a new article or a withdrawn one has
overtaken, and writes down those that another generation has changed, and so keeps the ledger complete.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from recommender.errors import ArticleNotFound, NotBuilt
from recommender.progress import Progress
from recommender.serving.answers import Basis, Query, Recommendation
from recommender.serving.document import digest_of, make_document, to_json
from recommender.serving.recommender import Recommender
from recommender.serving.recorder import shown
from recommender.store.base import QuickReader, State, Store
from recommender.store.ledger import Shown

WRITE_AT_ONCE = 500
SWEEP_AT_ONCE = 100
NOTHING = '{"items": []}'


@dataclass(frozen=True)
class Prepared:
    """One finished answer: its body, where its teasers come from, and what it was made from."""

    body: bytes
    seen: str  # the digest of what readers see of it: `digest_of` its items
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
            "teasers": self.basis.teasers,
            "sources": self.sources,
            "seen": self.seen,
        }
        return json.dumps(head).encode() + b"\n" + self.body

    @classmethod
    def from_bytes(cls, data: bytes) -> "Prepared":
        """The answer that `to_bytes` wrote."""
        line, _, body = data.partition(b"\n")
        head = json.loads(line)
        state = State(head["revision"], head["generation"])
        articles = np.array(head["articles"], dtype=np.int32)
        basis = Basis(state, head["number"], articles, np.inf, tuple(head["teasers"]))
        seen = head.get("seen") or digest_of(json.loads(body)["items"])  # releases before 1.0 did not keep it
        return cls(body, seen, tuple(head["sources"]), basis, head["fingerprint"])


def prepare(store: Store, recommender: Recommender, progress: Progress) -> int:
    """Prepares the answers of all articles of a generation, counts which are shown, and returns how many it prepared.

    The generation is that of the recommender: the live one, or that of a generation view. Of a view nothing is
    written into the ledger, since no reader has been shown it. An answer that changes by itself (fallbacks, an article
    dated into the future) is not prepared. Raises NotBuilt.
    """
    generation = recommender.state().generation
    if generation is None:
        raise NotBuilt
    live = store.state().generation == generation
    numbers = store.generations.numbers(generation)
    exposed: Counter[int] = Counter()
    batches = [numbers[start : start + WRITE_AT_ONCE] for start in range(0, len(numbers), WRITE_AT_ONCE)]
    done = 0
    for batch in progress(batches, len(batches), f"Preparing the sidebars of {len(numbers):,} articles"):
        answers = _answers(store, recommender, batch)
        exposed.update(number for answer in answers.values() for number in answer.basis.teasers)
        done += _keep(store, recommender, generation, answers)
        if live:
            _write_down(store, recommender, answers)
    store.generations.put_exposure(generation, exposed)
    return done


def _answers(store: Store, recommender: Recommender, numbers: Sequence[int]) -> dict[int, Recommendation]:
    """The answers for those of some articles that are published."""
    articles = store.articles.get(numbers, texts=False)
    answers = {}
    for number, article in articles.items():
        try:
            answers[number] = recommender.for_article(article.id, Query())
        except ArticleNotFound:
            continue  # not published, or withdrawn since
    return answers


def _keep(store: Store, recommender: Recommender, generation: int, answers: Mapping[int, Recommendation]) -> int:
    """Keeps the answers that last, and returns how many do."""
    lasting = {}
    for number, answer in answers.items():
        if answer.basis.lasting and answer.article is not None:
            document = make_document(
                answer, recommender.gazetteer, answer.article.language, wording=recommender.wording
            )
            body, seen = to_json(document), digest_of(document["items"])
            sources = tuple(item.teaser.source for item in answer.items)
            lasting[number] = Prepared(body, seen, sources, answer.basis, recommender.fingerprint).to_bytes()
    store.generations.put_prepared(generation, lasting)
    return len(lasting)


def _write_down(store: Store, recommender: Recommender, answers: Mapping[int, Recommendation]) -> None:
    gazetteer, wording = recommender.gazetteer, recommender.wording
    store.ledger.append([shown(answer, gazetteer, recommender.now(), wording=wording) for answer in answers.values()])


def catch_up(store: Store, recommender: Recommender, progress: Progress) -> None:
    """Brings prepared answers and the ledger up to date after another generation has become the live one."""
    sweep = Sweep(store, recommender)
    due = sweep.look()
    steps = range(0, due, SWEEP_AT_ONCE)
    for _ in progress(steps, len(steps), f"Writing down {due:,} sidebars that are new"):
        sweep.step()


class Sweep:
    """Brings prepared answers and the ledger up to date, some at a time. For one thread."""

    def __init__(self, store: Store, recommender: Recommender) -> None:
        self._store = store
        self._recommender = recommender
        self._state: State | None = None
        self._bases: dict[int, Basis] = {}
        self._due: list[int] = []
        self._changes_at = np.inf  # when the next of the answers changes by itself

    def step(self, most: int = SWEEP_AT_ONCE) -> bool:
        """Does what is due, up to `most` articles; returns whether more is left. Raises Unavailable."""
        state = self._store.state()
        if state.generation is None:
            return False
        if state != self._state or self._recommender.now().timestamp() >= self._changes_at:
            self.look()
        batch, self._due = self._due[:most], self._due[most:]
        if batch:
            answers = _answers(self._store, self._recommender, batch)
            _keep(self._store, self._recommender, state.generation, answers)
            _write_down(self._store, self._recommender, answers)
            self._bases |= {number: answer.basis for number, answer in answers.items()}
            self._changes_at = self._next_change()
            self._record_as_empty(set(batch) - set(answers))
        return bool(self._due)

    def look(self) -> int:
        """Finds the articles whose answers changes have overtaken since the last look.

        Returns how many. Raises Unavailable.
        """
        state = self._store.state()
        generation = state.generation
        if generation is None:
            raise NotBuilt
        if self._state is None:
            self._record_as_empty(self._withdrawn_with_sidebar())
        if self._state is None or self._state.generation != generation:
            self._bases = self._prepared(generation)
        numbers = self._store.generations.numbers(generation)
        right = self._recommender.still_right
        due = [number for number in numbers if number not in self._bases or not right(self._bases[number], state)]
        self._state, self._due, self._changes_at = state, due, self._next_change()
        self._record_as_empty(set(self._bases) - set(numbers))
        return len(due)

    def _next_change(self) -> float:
        now = self._recommender.now().timestamp()
        # Answers with fallbacks are looked at with every change, and not because they might change with every minute.
        ends = (basis.until for basis in self._bases.values() if basis.articles is not None and basis.until > now)
        return min(ends, default=np.inf)

    def _prepared(self, generation: int) -> dict[int, Basis]:
        """The bases of the answers that are prepared already, with this site's settings, and are in the ledger.

        Those that are not were prepared before the generation was live, or another one was live since.
        """
        written = {answer.source: answer.digest for answer in self._store.ledger.outlooks()}
        ready = (
            (number, Prepared.from_bytes(data)) for number, data in self._store.generations.all_prepared(generation)
        )
        return {
            number: answer.basis
            for number, answer in ready
            if answer.fingerprint == self._recommender.fingerprint and written.get(number) == answer.seen
        }

    def _withdrawn_with_sidebar(self) -> set[int]:
        """Articles that were withdrawn while no sweep was running, and have a sidebar in the ledger still."""
        columns = self._recommender.columns()
        sources = {outlook.source for outlook in self._store.ledger.outlooks() if outlook.teasers}
        return {number for number in sources if number < len(columns.number) and not columns.shown[number]}

    def _record_as_empty(self, numbers: set[int]) -> None:
        """Records that beside withdrawn articles nothing is shown any more."""
        if not numbers:
            return
        at, revision = self._recommender.now(), self._store.state().revision
        self._store.ledger.append(
            [Shown(number, at, revision, digest_of([]), (), NOTHING) for number in sorted(numbers)]
        )
        for number in numbers:
            self._bases.pop(number, None)


def find_prepared(store: Store, recommender: Recommender, article_id: str, state: State) -> Prepared | None:
    """The finished answer for an article that is public now, if there is one that is right at `state`."""
    return _found(store.generations.prepared, recommender.still_right, recommender, article_id, state)


def find_at_once(reader: QuickReader, recommender: Recommender, article_id: str, state: State) -> Prepared | None:
    """The same without waiting: None also where this process does not know whether the answer is right."""
    return _found(reader.prepared, recommender.known_right, recommender, article_id, state)


def _found(
    read: Callable[[int, str, datetime], bytes | None],
    is_right: Callable[[Basis, State], bool],
    recommender: Recommender,
    article_id: str,
    state: State,
) -> Prepared | None:
    data = None if state.generation is None else read(state.generation, article_id, recommender.now())
    if data is None:
        return None
    answer = Prepared.from_bytes(data)
    return answer if answer.fingerprint == recommender.fingerprint and is_right(answer.basis, state) else None
