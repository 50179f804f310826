"""Use case: people grade sampled sidebars, and their grades become judgments."""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from recommender.articles.article import Article
from recommender.curation.signals import APART, PIN, REJECT, Signal
from recommender.errors import InvalidInput, NotBuilt, NotFound
from recommender.grading.panels import (
    MAX_NAME,
    NO_ARTICLES,
    WRONG_NAME,
    Progress,
    Report,
    Sample,
    Values,
    agreed,
    by_pair,
    check_values,
    draw,
    finished,
    progress,
    report,
    shuffled,
)
from recommender.serving.recommender import Query, Recommender
from recommender.store.articles import Facts
from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from recommender.store.grading import Grade, Panel, PanelSidebar

PINNED_GRADE = 3  # what a pin says of a story that nobody has graded


@dataclass(frozen=True)
class Sheet:
    """One article of a panel as a grader gets it.

    `stories` are those to be graded, by number, in an order of the grader's own, so that it does not tell which of them
    are shown; `sidebar` holds those shown, in their order. `gone` of the stories have been withdrawn since and are left
    out. `own` is what the grader has said already.
    """

    panel: Panel
    place: int
    source: Article
    stories: Mapping[int, Article]
    sidebar: tuple[int, ...]
    gone: int
    own: Values

    @property
    def finished(self) -> bool:
        """Whether the grader has graded everything on it."""
        return None in self.own and all(story in self.own for story in self.stories)


@dataclass(frozen=True)
class Judgments:
    """Grades by the ids of article and story, in order; and how many pairs are not among them, and why.

    `gone` pairs have an article that is not published any more, `few` have fewer graders than asked for. `unwritable`
    are ids that no TREC file can hold, since spaces separate its columns.
    """

    qrels: Mapping[str, Mapping[str, int]]
    gone: int
    few: int
    unwritable: tuple[str, ...]


class Grading:
    """Panels, grading, and what comes of it. Safe to use from several threads."""

    def __init__(self, store: Store, recommender: Recommender, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._recommender = recommender
        self._clock = clock

    # -- panels --------------------------------------------------------------------------------------------------------

    def create(self, name: str, by: str, sample: Sample, request: str | None = None) -> Panel:
        """A new panel of sidebars as they are now. A request that is sent twice makes one.

        Raises InvalidInput for a sample without articles and a wrong or taken name; NotBuilt before the first build.
        """
        name = _named(name)
        with self._store.reading():
            generation = self._recommender.state().generation  # the live one, or one that it is pinned to
            model = None if generation is None else self._store.generations.model(generation)
            if generation is None or model is None:
                raise NotBuilt
            model_version = self._store.generations.model_version(generation)
            chosen = draw(self._eligible(sample), sample)
            articles = self._store.articles.get(chosen, texts=False)
            sidebars = tuple(self._sidebar(number, articles[number].id, sample.pool) for number in chosen)
        panel = Panel(name, by, self._clock(), model, generation, sidebars, model_version)
        with self._store.writing():
            earlier = self._store.audit.by_key(request) if request is not None else None
            if earlier is not None and earlier.after is not None:
                return self.panel(earlier.after["panel"])
            number = self._store.grading.add_panel(panel)
            after = {"panel": number, "articles": len(chosen), **_drawn(sample)}
            self._store.audit.append(AuditEntry(panel.created, by, "panel", subject=name, after=after), request)
            return self.panel(number)

    def _eligible(self, sample: Sample) -> list[Facts]:
        """What a sample is drawn from, by edition and date."""
        now = self._clock()
        since = sample.since.timestamp() if sample.since else -math.inf
        until = min(now, sample.until or now).timestamp()
        public = [one for one in self._store.articles.facts_since(-1) if one.published and not one.held]
        wanted = None if sample.edition is None else sample.edition.casefold()
        if wanted is not None and wanted not in {one.edition.casefold() for one in public}:
            raise InvalidInput(f"There is no edition {sample.edition!r} with published articles.")
        found = [
            one
            for one in public
            if one.posted is not None and since <= one.posted <= until and wanted in {None, one.edition.casefold()}
        ]
        if not found:
            raise InvalidInput(NO_ARTICLES)
        return sorted(found, key=lambda one: (one.edition.casefold(), one.posted or 0, one.number))

    def _sidebar(self, number: int, article_id: str, pool: int) -> PanelSidebar:
        shown = tuple(item.teaser.number for item in self._recommender.for_article(article_id, Query()).items)
        query = Query(n=len(shown) + pool, min_score=0.0, fallback="none")
        best = self._recommender.for_article(article_id, query).items if pool else []
        others = [item.teaser.number for item in best if item.teaser.number not in shown]
        return PanelSidebar(number, shown, tuple(others[:pool]))

    def panel(self, number: int) -> Panel:
        """The panel with a number. Raises NotFound."""
        found = self._store.grading.panel(number)
        if found is None:
            raise NotFound(f"There is no panel {number}.")
        return found

    def named(self, name: str) -> Panel:
        """The panel with a name. Raises NotFound."""
        for panel in self._store.grading.panels():
            if panel.name == name:
                return panel
        raise NotFound(f"There is no panel {name!r}; `recommender panel list` shows all.")

    def progress(self) -> list[Progress]:
        """How far every panel is, the latest first."""
        grades: dict[int, list[Grade]] = defaultdict(list)
        with self._store.reading():
            for grade in self._store.grading.grades():
                grades[grade.panel].append(grade)
            public = self._public()
            return [progress(panel, grades[panel.number], public) for panel in self._store.grading.panels()]

    def report(self, number: int) -> Report:
        """What a panel says of the sidebars that it was made from. Raises NotFound."""
        with self._store.reading():
            return report(self.panel(number), self._store.grading.grades(number), self._public())

    def ids(self, numbers: Iterable[int]) -> list[str]:
        """The ids of articles in their order, as far as they are still there."""
        wanted = list(numbers)
        articles = self._store.articles.get(wanted, texts=False)
        return [articles[number].id for number in wanted if number in articles]

    # -- grading -------------------------------------------------------------------------------------------------------

    def next_place(self, number: int, grader: str, after: int = -1) -> int | None:
        """The first article that a grader has not finished, those after a place before the others; None if all are.

        Raises NotFound.
        """
        with self._store.reading():
            panel = self.panel(number)
            public = self._public()
            own = self._own(number, grader)
        count = len(panel.sidebars)
        for place in [(after + step) % count for step in range(1, count + 1)]:
            one = panel.sidebars[place]
            if one.source in public and not finished(one, own.get(one.source, {}), public):
                return place
        return None

    def sheet(self, number: int, place: int, grader: str) -> Sheet | None:
        """One article of a panel for a grader; None where it is not published any more. Raises NotFound."""
        with self._store.reading():
            panel = self.panel(number)
            one = _at(panel, place)
            public = self._public()
            if one.source not in public:
                return None
            left = [story for story in (*one.shown, *one.pool) if story in public]
            order = shuffled(left, number, one.source, grader)
            articles = self._store.articles.get([one.source, *order])
            own = self._own(number, grader)
        return Sheet(
            panel=panel,
            place=place,
            source=articles[one.source],
            stories={story: articles[story] for story in order},
            sidebar=tuple(story for story in one.shown if story in public),
            gone=len(one.shown) + len(one.pool) - len(order),
            own=own.get(one.source, {}),
        )

    def grade(self, number: int, place: int, grader: str, values: Values, request: str | None = None) -> None:
        """Keeps what a grader says of one article, all of it or nothing. A request that is sent twice counts once.

        What is not named stays as it was. Raises NotFound, and InvalidInput for a value that is not on its scale or a
        story that is not to be graded here.
        """
        now = self._clock()
        with self._store.writing():
            panel = self.panel(number)
            one = _at(panel, place)
            check_values(one, values)
            if request is not None and self._store.audit.by_key(request) is not None:
                return
            before = self._own(number, grader).get(one.source, {})
            changed = {target: value for target, value in values.items() if before.get(target) != value}
            if not changed:
                return
            grades = [Grade(number, one.source, target, value, grader, now) for target, value in changed.items()]
            self._store.grading.put_grades(grades)
            earlier = [target for target in changed if target in before]
            # About no article: for one it would tell its editors that somebody has decided about its sidebar.
            entry = AuditEntry(
                at=now,
                by=grader,
                action="grade",
                subject=f"{panel.name}, {place + 1}",
                before=self._recorded(one, earlier) if earlier else None,
                after=self._recorded(one, changed),
            )
            self._store.audit.append(entry, request)

    def _own(self, number: int, grader: str) -> dict[int, dict[int | None, int]]:
        """What a grader has said, by the number of the source."""
        own: dict[int, dict[int | None, int]] = defaultdict(dict)
        for grade in self._store.grading.grades(number):
            if grade.grader == grader:
                own[grade.source][grade.target] = grade.value
        return own

    def _recorded(self, one: PanelSidebar, targets: Collection[int | None]) -> dict[str, object]:
        """What was graded, as the audit trail keeps it: by the ids of the articles, as far as they are still there.

        The grades themselves stay out of it: other graders can read the trail. They are kept, every one, by the store.
        """
        numbers = [one.source, *(target for target in targets if target is not None)]
        articles = self._store.articles.get(numbers, texts=False)
        source, *stories = [articles[number].id if number in articles else str(number) for number in numbers]
        return {"article": source, "stories": stories, "sidebar": None in targets}

    # -- judgments -----------------------------------------------------------------------------------------------------

    def judgments(self, panel: int | None = None, *, least: int = 1, decisions: bool = False) -> Judgments:
        """Grades as judgments, of one panel or of all: what the graders of a pair come to, see `agreed`.

        Pairs with fewer than `least` graders are left out. With `decisions`, what editors have pinned, rejected or set
        apart, and not taken back, says something of pairs that nobody has graded. Empty where nothing is graded.
        """
        with self._store.reading():
            given = by_pair(grade for grade in self._store.grading.grades(panel) if grade.target is not None)
            signals = self._store.signals.changed_since(-1) if decisions else []
            graded = {
                (source, target): agreed(values.values())
                for (source, target), values in given.items()
                if target is not None and len(values) >= least
            }
            found = {**_decided(signals, {source for source, _ in graded}), **graded}
            public = self._public()
            numbers = sorted(public.intersection(number for pair in found for number in pair))
            ids = {number: article.id for number, article in self._store.articles.get(numbers, texts=False).items()}
        unwritable = {article_id for article_id in ids.values() if len(article_id.split()) != 1}
        known = {pair: value for pair, value in found.items() if pair[0] in ids and pair[1] in ids}
        qrels: dict[str, dict[str, int]] = defaultdict(dict)
        named = ((ids[source], ids[target], value) for (source, target), value in known.items())
        for source, target, value in sorted(named, key=lambda one: (one[0], -one[2], one[1])):
            if unwritable.isdisjoint((source, target)):
                qrels[source][target] = value
        return Judgments(qrels, len(found) - len(known), len(given) - len(graded), tuple(sorted(unwritable)))

    def _public(self) -> frozenset[int]:
        """Numbers of the articles that sidebars may show."""
        columns = self._recommender.columns()
        numbers: list[int] = columns.number[columns.shown].tolist()
        return frozenset(numbers)


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or any(unicodedata.category(character)[0] == "C" for character in name):
        raise InvalidInput(WRONG_NAME)
    return name


def _drawn(sample: Sample) -> dict[str, object]:
    """How a panel was drawn, as the audit trail keeps it."""
    chosen = {
        "edition": sample.edition,
        "since": sample.since.isoformat() if sample.since else None,
        "until": sample.until.isoformat() if sample.until else None,
    }
    return {"seed": sample.seed, "pool": sample.pool} | {key: value for key, value in chosen.items() if value}


def _at(panel: Panel, place: int) -> PanelSidebar:
    if not 0 <= place < len(panel.sidebars):
        raise NotFound(f"The panel {panel.name!r} has no article {place + 1}.")
    return panel.sidebars[place]


def _decided(signals: Iterable[Signal], graded: set[int]) -> dict[tuple[int, int], int]:
    """What decisions say of pairs; the later counts.

    A rejection is left out beside an article with neither grades nor a pin: where nothing is good, nothing is learned.
    """
    found: dict[tuple[int, int], int] = {}
    for one in signals:
        if one.source is None or one.target is None:
            continue
        if one.kind == PIN:
            found[one.source, one.target] = PINNED_GRADE
        elif one.kind in {REJECT, APART}:
            found[one.source, one.target] = 0
        if one.kind == APART:
            found[one.target, one.source] = 0
    worth = graded | {source for (source, _), value in found.items() if value > 0}
    return {pair: value for pair, value in found.items() if pair[0] in worth}
