"""A language model grades boxes of a site's own archive, for a model of the site's own to learn from.

The same file says how far it may be trusted: its grades beside the judgments of people.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import BudgetSpent, InvalidInput, NotBuilt, Unavailable
from recommender.grading.agreement import GradeAgreement, grade_agreement
from recommender.metrics import Grades
from recommender.progress import Progress, quiet
from recommender.reranking.base import Reading, Reranker, Verdict
from recommender.reranking.readings import reading_of
from recommender.serving.answers import ANY_LANGUAGE, Query
from recommender.serving.recommender import Recommender
from recommender.store.base import Store

CANDIDATES = 12


@dataclass(frozen=True)
class Box:
    """An article and the service's best candidates for it, as a reader is given them, with their ids."""

    query: str
    article: Reading
    ids: tuple[str, ...]
    candidates: tuple[Reading, ...]


@dataclass(frozen=True)
class TaughtBox:
    """A line of the file: what a reader has said of a box. `reader` is its version, empty in files of other makers."""

    query: str
    candidates: tuple[str, ...]
    grades: tuple[int, ...]
    reader: str


@dataclass(frozen=True)
class Taught:
    """What became of the boxes: how many were read and kept, how many were not, and why the last of them was not.

    `spent` says that the budget has ended it.
    """

    read: int
    unread: int
    reason: str
    spent: bool


def read_taught(file: Path) -> list[TaughtBox]:
    """The boxes of a file, none where it is not there. Raises InvalidInput with the line that is wrong.

    A last line without its end was cut when the program was killed; it does not count.
    """
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from error
    lines = text[: text.rfind("\n") + 1].splitlines()
    return [_taught_box(file, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _taught_box(file: Path, number: int, line: str) -> TaughtBox:
    try:
        values = json.loads(line)
        query, candidates, grades = values["query"], values["candidates"], values["grades"]
        usable = (
            isinstance(query, str)
            and all(isinstance(candidate, str) for candidate in candidates)
            and all(type(grade) is int and 0 <= grade <= 4 for grade in grades)
            and len(candidates) == len(grades)
        )
        if not usable:
            raise ValueError
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{file}, line {number}: expected a box with query, candidates and a grade from 0 to 4 of each"
        ) from error
    return TaughtBox(query, tuple(candidates), tuple(grades), str(values.get("reader", "")))


def sample_boxes(
    store: Store,
    recommender: Recommender,
    count: int,
    *,
    candidates: int = CANDIDATES,
    among: Collection[str] | None = None,
    without: Collection[str] = (),
) -> list[Box]:
    """Boxes of `count` public articles, spread evenly over sections and dates, in an order that is as well.

    `among` names the articles to choose from by id, `without` those to leave out. The candidates are the service's best
    in any language, without threshold, fallbacks and editors' signals; only public ones, so nothing else is ever sent.
    Articles without candidates are left out. Raises NotBuilt.
    """
    if recommender.state().generation is None:
        raise NotBuilt
    plain = recommender.without_signals()
    query = Query(n=candidates, languages=(ANY_LANGUAGE,), diversity=0.0, min_score=0.0, fallback="none", unlinked=True)
    boxes = []
    for article_id in _spread(_public(store, recommender, among, without), count):
        items = plain.for_reader(article_id, query).items
        number = store.articles.numbers([article_id])[article_id]
        texts = store.articles.get([number, *(item.teaser.number for item in items)])
        shown = [item for item in items if item.teaser.number in texts]
        if shown and number in texts:
            boxes.append(
                Box(
                    article_id,
                    reading_of(texts[number]),
                    tuple(item.article.id for item in shown),
                    tuple(reading_of(texts[item.teaser.number]) for item in shown),
                )
            )
    return boxes


def _public(
    store: Store, recommender: Recommender, among: Collection[str] | None, without: Collection[str]
) -> list[str]:
    """Ids of the articles that are public now, by section, then by date."""
    now = recommender.now().timestamp()
    facts = [
        article
        for article in store.articles.facts_since(-1)
        if article.published and not article.held and (article.posted is None or article.posted <= now)
    ]
    facts.sort(key=lambda article: (article.edition, article.posted or 0, article.number))
    traces = store.articles.traces([article.number for article in facts])
    ids = [traces[article.number].id for article in facts]
    return [one for one in ids if (among is None or one in among) and one not in without]


def _spread(ids: Sequence[str], count: int) -> list[str]:
    """Every so-many-th id, shuffled by hash: a run that ends early has read some of each section, too."""
    taken = min(count, len(ids))
    chosen = [ids[(2 * place + 1) * len(ids) // (2 * taken)] for place in range(taken)]
    return sorted(chosen, key=lambda one: hashlib.sha256(one.encode()).digest())


def teach(
    reader: Reranker, boxes: Sequence[Box], file: Path, *, parallel: int = 1, progress: Progress = quiet
) -> Taught:
    """Has boxes read, several at once, and appends each to the file as soon as it is.

    Killed at any moment it loses no box that was read; called again with the boxes that `read_taught` does not know, it
    goes on. Raises InvalidInput where the file holds answers of another reader.
    """
    others = {box.reader for box in read_taught(file)} - {"", reader.version}
    if others:
        raise InvalidInput(f"{file} holds answers of {', '.join(sorted(others))}. Choose another file.")
    read = unread = 0
    reason, spent = "", False
    with _appending(file) as append, ThreadPoolExecutor(parallel) as pool:
        waiting = {pool.submit(reader.read, box.article, box.candidates): box for box in boxes}
        try:
            for done in progress(as_completed(waiting), len(boxes), "Reading"):
                try:
                    append(_line(waiting[done], done.result(), reader.version))
                    read += 1
                except Unavailable as error:
                    unread += 1
                    spent = spent or isinstance(error, BudgetSpent)
                    reason = str(error)
        finally:
            pool.shutdown(cancel_futures=True)  # whoever ends it waits for no more than what is on its way
    return Taught(read, unread, reason, spent)


def _line(box: Box, verdicts: Sequence[Verdict | None], version: str) -> str:
    judged = [(one, verdict) for one, verdict in zip(box.ids, verdicts, strict=True) if verdict is not None]
    best = sorted(judged, key=lambda pair: -pair[1].grade)  # in the service's order where grades are equal
    values = {
        "query": box.query,
        "candidates": [one for one, _ in judged],
        "grades": [round(verdict.grade) for _, verdict in judged],
        "order": [one for one, _ in best],
        "reasons": [verdict.reason for _, verdict in judged],
        "reader": version,
    }
    return json.dumps(values, ensure_ascii=False) + "\n"


@contextmanager
def _appending(file: Path) -> Iterator[Callable[[str], None]]:
    """Appends lines, each on the disk before the next; a line that was cut when a program was killed goes first."""
    try:
        with file.open("ab+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Unavailable(f"Another process is writing {file} now.") from error
            stream.seek(0)
            stream.truncate(stream.read().rfind(b"\n") + 1)

            def append(line: str) -> None:
                stream.write(line.encode())
                stream.flush()
                os.fsync(stream.fileno())

            yield append
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror or error}") from error


def agreement_with(boxes: Iterable[TaughtBox], judged: Mapping[str, Grades]) -> GradeAgreement:
    """How far the grades of boxes agree with judgments, on the pairs that both have."""
    return grade_agreement(
        [
            (float(grade), float(judged[box.query][candidate]))
            for box in boxes
            for candidate, grade in zip(box.candidates, box.grades, strict=True)
            if candidate in judged.get(box.query, {})
        ]
    )
