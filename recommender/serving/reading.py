"""Use case: a reader of both texts grades the best candidates of articles, and its grades get into their lists.

Builds and the worker ask it, never a page view. What it says is kept by the texts it was given, in small transactions
as it comes: a build that is killed goes on where it stopped, and a later one asks only about texts that are new. Where
the reader gives no answer, lists stay as they are, and the service answers as without it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from recommender.articles.article import is_public
from recommender.errors import NoVerdict, Unavailable
from recommender.progress import Progress, quiet
from recommender.ranking.candidates import NO_GRADES, GradeArray, grade_rows
from recommender.ranking.scoring import READER
from recommender.ranking.shortlist import shortlist
from recommender.reranking.base import HIGHEST_GRADE, Reading, Reranker, Verdict
from recommender.reranking.readings import reading_of
from recommender.serving.answers import Query, Question
from recommender.serving.recommender import Recommender
from recommender.store.base import Store
from recommender.store.generation_view import generation_view
from recommender.store.verdicts import Failure

KNOWN_AT_ONCE = 500  # articles whose kept grades are put into their lists in one transaction
READ_AT_ONCE = 20  # boxes that are read before readers of the site get what was said
# Of an update: other articles in whose boxes a new one is among the best. The rest waits for a build.
OTHERS = 10
MAX_REASON = 300  # characters of a reader's line that are kept
WAIT_AFTER_FAILURE = timedelta(minutes=5)  # of the worker

# Says what reading some boxes, each an article and its candidates, will take, and where a budget will end it.
Cost = Callable[[Iterable[tuple[Reading, Sequence[Reading]]]], str]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Box:
    """An article with its best candidates that have not been read beside it."""

    number: int
    article: Reading
    unread: Sequence[Reading]


class BoxReading:
    """Reads boxes with one reader. For one thread."""

    def __init__(
        self,
        store: Store,
        recommender_of: Callable[[Store], Recommender],
        version: str,
        reranker: Reranker | None,
        clock: Callable[[], datetime],
        *,
        candidates: int,
        at_once: int = 1,
        cost: Cost | None = None,
    ) -> None:
        """`recommender_of` gives the service over a store, `version` names the reader whose verdicts count.

        Without a `reranker` only what has been kept of it is used. It is given the best `candidates` of an article, and
        `at_once` boxes together. `cost` says what boxes will cost, of a reader that costs something.
        """
        self._store = store
        self._recommender_of = recommender_of
        self.version = version
        self._reranker = reranker
        self._clock = clock
        self._candidates = candidates
        self._at_once = at_once
        self._cost = cost
        self._recommenders: dict[int, Recommender] = {}  # of the last generation
        self._readings: dict[int, str] = {}  # what is read of articles, by their number, as of a revision
        self._revision = -1

    @property
    def asks(self) -> bool:
        """Whether there is a reader to be asked, and not only what one has said before."""
        return self._reranker is not None

    # -- what is kept --------------------------------------------------------------------------------------------------

    def know(self, generation: int, progress: Progress = quiet) -> None:
        """Puts the grades that are kept into the lists of a complete generation. Asks nobody."""
        if not self._store.verdicts.count(self.version):
            return
        numbers = self._store.generations.numbers(generation)
        batches = _batches(numbers, KNOWN_AT_ONCE)
        for batch in progress(batches, len(batches), f"Looking up what was read of {len(numbers):,} articles"):
            self._put_known(generation, batch)

    def _put_known(self, generation: int, numbers: Sequence[int]) -> None:
        """Brings the grades in the lists of some articles in step with the verdicts that are kept."""
        with self._store.reading():
            self._grades(generation, numbers)  # most of the reading is done before other writers have to wait
        with self._store.writing():  # so that no text changes between what is said of it and its list
            before = self._store.generations.grades(generation, numbers)
            changed = {
                number: rows
                for number, rows in self._grades(generation, numbers).items()
                if not np.array_equal(rows, before.get(number, NO_GRADES))
            }
            self._store.generations.put_grades(generation, changed)

    def _grades(self, generation: int, numbers: Sequence[int]) -> dict[int, GradeArray]:
        """What is kept of the candidates in the lists of some articles."""
        lists = self._store.generations.candidates(generation, numbers)
        others = {number for rows in lists.values() for number in rows["number"].tolist()}
        hashes = self._hashes(sorted(others | set(lists)))
        given = self._store.verdicts.grades(self.version, [hashes[key] for key in lists if key in hashes])
        return {
            number: _known(given.get(hashes.get(number, ""), {}), rows["number"].tolist(), hashes)
            for number, rows in lists.items()
        }

    def _hashes(self, numbers: Sequence[int]) -> dict[int, str]:
        """By number, the hash of what is read of articles; remembered until something changes in the store."""
        revision = self._store.state().revision
        if revision != self._revision:
            self._revision, self._readings = revision, {}
        missing = [number for number in numbers if number not in self._readings]
        for batch in _batches(missing, KNOWN_AT_ONCE):
            articles = self._store.articles.get(batch)
            self._readings |= {number: reading_of(article).text_hash for number, article in articles.items()}
        return {number: self._readings[number] for number in numbers if number in self._readings}

    # -- what is read --------------------------------------------------------------------------------------------------

    def read(self, generation: int, progress: Progress = quiet) -> int:
        """Reads all boxes of a complete generation of which something has not been read, and puts the grades in.

        Gives the number of boxes. The newest articles come first. Ends early where the reader gives no answer: the rest
        waits for the next build, as does a box of which it said nothing that is of use. What it will cost is said
        before.
        """
        numbers = self._store.generations.numbers(generation)[::-1]
        read = 0
        batches = _batches(numbers, READ_AT_ONCE) if self._reranker is not None else []
        cost = "" if self._cost is None else f": {self._cost(self._all_boxes(generation, batches))}"
        for batch in progress(batches, len(batches), f"Reading the boxes of {len(numbers):,} articles{cost}"):
            if self._store.generations.model(generation) is None:
                break  # another build has replaced it, and reads on
            done, goes_on = self._read_boxes(self._boxes(generation, batch))
            self._put_known(generation, done)
            read += len(done)
            if not goes_on:
                break
        return read

    def _all_boxes(
        self, generation: int, batches: Sequence[Sequence[int]]
    ) -> Iterator[tuple[Reading, Sequence[Reading]]]:
        for batch in batches:
            for box in self._boxes(generation, batch):
                yield box.article, box.unread

    def read_some(self, generation: int, numbers: Sequence[int]) -> bool:
        """The same for some articles of a generation; False where the reader gave no answer."""
        _, goes_on = self._read_boxes(self._boxes(generation, numbers))
        self._put_known(generation, numbers)
        return goes_on

    def entered(self, generation: int, number: int) -> list[int]:
        """Other articles among whose best candidates one is, at most OTHERS: those that are its own best ones."""
        with self._store.reading():
            best = self._best(generation, [number]).get(number, [])
            theirs = self._best(generation, best)
        return [other for other in best if number in theirs.get(other, ())][:OTHERS]

    def _boxes(self, generation: int, numbers: Sequence[int]) -> list[_Box]:
        """Those of some articles of which something has not been read, in their order; of what is public now.

        A reader may be somebody else's: what is held back or dated later is not for them either.
        """
        with self._store.reading():
            best = self._best(generation, numbers)
            hashes = self._hashes(sorted({*best, *(other for others in best.values() for other in others)}))
            given = self._store.verdicts.grades(self.version, [hashes[number] for number in best if number in hashes])
            unread: dict[int, list[int]] = {}
            for number in numbers:
                known = given.get(hashes.get(number, ""), {})
                others = [key for key in best.get(number, ()) if key in hashes and hashes[key] not in known]
                if number in hashes and others:
                    unread[number] = others
            articles = self._store.articles.get(sorted({*unread, *(key for keys in unread.values() for key in keys)}))
        now = self._clock()
        readings = {number: reading_of(article) for number, article in articles.items() if is_public(article, now)}
        boxes = [
            _Box(number, readings[number], [readings[key] for key in keys if key in readings])
            for number, keys in unread.items()
            if number in readings
        ]
        return [box for box in boxes if box.unread]

    def _best(self, generation: int, numbers: Sequence[int]) -> dict[int, list[int]]:
        """The best candidates of some articles as measured, whatever a reader says of them."""
        recommender = self._recommender(generation)
        questions = recommender.questions(numbers, Query())
        return {number: _measured_best(question)[: self._candidates] for number, question in questions.items()}

    def _recommender(self, generation: int) -> Recommender:
        if self._recommenders.get(generation) is None:
            self._recommenders = {generation: self._recommender_of(generation_view(self._store, generation))}
        return self._recommenders[generation]

    def _read_boxes(self, boxes: Sequence[_Box]) -> tuple[list[int], bool]:
        """Reads boxes and keeps what is said of each at once.

        Gives the articles of those that had an answer, and whether the reader may be asked about others.
        """
        if self._reranker is None or not boxes:
            return [], True
        done: list[int] = []
        failure: Unavailable | None = None
        asking = _Asking(self._reranker)
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="reader") as pool:
            tasks = {pool.submit(asking.verdicts, box): box for box in boxes}
            for task in as_completed(tasks):
                answer = task.result()
                if isinstance(answer, Unavailable):
                    failure = answer if failure is None or isinstance(failure, NoVerdict) else failure
                elif answer is not None:
                    self._store.verdicts.put(self.version, tasks[task].article.text_hash, answer)
                    done.append(tasks[task].number)
        if failure is not None:
            self._store.verdicts.note_failure(self.version, Failure(self._clock(), str(failure)))
            _log.warning("%s gives no answer, and the service goes on without it: %s", self.version, failure)
        return done, failure is None or isinstance(failure, NoVerdict)


def prune_verdicts(store: Store, versions: Iterable[str | None]) -> int:
    """Drops the verdicts of texts that no article has any more, drafts and unpublished ones included, and of readers
    that neither are among `versions` nor have grades in a generation; gives their number.
    """
    generations = store.generations
    numbers = store.state().generation, generations.previous(), generations.shadow()
    used = {generations.reranker(number) for number in numbers if number is not None} | {*versions}
    texts: set[str] = set()
    kept = [facts.number for facts in store.articles.facts_since(-1)]
    for batch in _batches(kept, KNOWN_AT_ONCE):
        texts |= {reading_of(article).text_hash for article in store.articles.get(batch).values()}
    return store.verdicts.prune([version for version in used if version is not None], list(texts))


class FollowUp:
    """Reads the boxes that an update has changed, after readers have got the plain answer.

    `note` may be called from any thread, the rest is for one. What waits is forgotten with the process: the next build
    reads it.
    """

    def __init__(
        self,
        store: Store,
        reading_of_live: Callable[[], BoxReading | None],
        clock: Callable[[], datetime],
    ) -> None:
        """`reading_of_live` gives what reads the boxes of the live generation, None where nothing does."""
        self._store = store
        self._reading_of_live = reading_of_live
        self._clock = clock
        self._noted: deque[int] = deque()
        self._again_at: datetime | None = None

    def note(self, numbers: Sequence[int]) -> None:
        """Articles that an update has taken in."""
        self._noted.extend(numbers)

    def step(self) -> bool:
        """Reads the box of one article, and those that it newly stands in; whether more is left."""
        if not self._noted or (self._again_at is not None and self._clock() < self._again_at):
            return False
        reading, generation = self._reading_of_live(), self._store.state().generation
        if reading is None or generation is None:
            self._noted.clear()
            return False
        number = self._noted[0]
        self._again_at = None
        if not reading.read_some(generation, [number, *reading.entered(generation, number)]):
            self._again_at = self._clock() + WAIT_AFTER_FAILURE
            return False
        self._noted.popleft()
        return bool(self._noted)


class _Asking:
    """Asks a reader about several boxes at once, and about none any more after one has had no answer."""

    def __init__(self, reranker: Reranker) -> None:
        self._reranker = reranker
        self._ended = threading.Event()

    def verdicts(self, box: _Box) -> dict[str, Verdict | None] | Unavailable | None:
        """What is said of a box, by the hashes of its candidates; why there is no answer; None where it is not asked.

        NoVerdict is about this box alone. Any other error ends the run, and what is not Unavailable is raised.
        """
        if self._ended.is_set():
            return None
        try:
            verdicts = _checked(self._reranker.read(box.article, box.unread), len(box.unread))
        except NoVerdict as error:
            return error
        except BaseException as error:
            self._ended.set()
            if isinstance(error, Unavailable):
                return error
            raise
        return {candidate.text_hash: verdict for candidate, verdict in zip(box.unread, verdicts, strict=True)}


def _batches(numbers: Sequence[int], size: int) -> list[Sequence[int]]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def _measured_best(question: Question) -> list[int]:
    model = replace(question.ranker.model, weights=dict(question.ranker.model.weights) | {READER: 0.0})
    ranker = replace(question.ranker, model=model)
    best: list[int] = shortlist(
        question.rows, question.candidates, question.source, question.filters, ranker
    ).numbers.tolist()
    return best


def _known(given: Mapping[str, float | None], candidates: Sequence[int], hashes: Mapping[int, str]) -> GradeArray:
    grades = {number: given.get(hashes.get(number, "")) for number in candidates} if given else {}
    return grade_rows({number: grade for number, grade in grades.items() if grade is not None})


def _checked(verdicts: Sequence[Verdict | None], count: int) -> list[Verdict | None]:
    """What a reader has said, its reasons as one line. Raises Unavailable for what is not an answer to the question."""
    if len(verdicts) != count:
        raise NoVerdict(f"it was asked about {count} candidates and has said something of {len(verdicts)}")
    return [None if verdict is None else _checked_verdict(verdict) for verdict in verdicts]


def _checked_verdict(verdict: Verdict) -> Verdict:
    if not 0 <= verdict.grade <= HIGHEST_GRADE:  # false for NaN as well
        raise NoVerdict(f"{verdict.grade!r} is not a grade from 0 to {HIGHEST_GRADE:.0f}")
    line = " ".join("".join(char if char.isprintable() else " " for char in verdict.reason).split())
    return Verdict(verdict.grade, line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…")
