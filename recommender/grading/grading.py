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
from recommender.serving.answers import Query
from recommender.serving.recommender import Recommender
from recommender.store.articles import Facts
from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from recommender.store.grading import Grade, Panel, PanelSidebar

PINNED_GRADE = 3  # what a pin says of a story without grades


@dataclass(frozen=True)
class Sheet:
    """One article of a panel as a grader gets it.

    `stories` are those to be graded, by number, in an order of the grader's own, so that it does not reveal which of
    them are shown; `sidebar` holds those shown, in their order. `withdrawn` stories have been withdrawn since and are
    left out. `graded` holds the grades that the grader has given already.
    """

    panel: Panel
    place: int
    source: Article
    stories: Mapping[int, Article]
    sidebar: tuple[int, ...]
    withdrawn: int
    graded: Values

    @property
    def finished(self) -> bool:
        """Whether the grader has graded everything on it."""
        return None in self.graded and all(story in self.graded for story in self.stories)


@dataclass(frozen=True)
class Judgments:
    """Grades by the ids of article and story, in order; and how many pairs are not among them, and why.

    `withdrawn` pairs have an article that is not published any more, `few` have fewer graders than asked for.
    `unwritable` are ids that no TREC file can hold, since spaces separate its columns.
    """

    qrels: Mapping[str, Mapping[str, int]]
    withdrawn: int
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
        name = _checked_name(name)
        with self._store.reading():
            generation = self._recommender.state().generation  # the live one, or one that it is pinned to
            model = None if generation is None else self._store.generations.model(generation)
            if generation is None or model is None:
                raise NotBuilt
            model_version = self._store.generations.model_version(generation)
            numbers = draw(self._eligible(sample), sample)
            articles = self._store.articles.get(numbers, texts=False)
            sidebars = tuple(self._sidebar(number, articles[number].id, sample.pool) for number in numbers)
        panel = Panel(name, by, self._clock(), model, generation, sidebars, model_version)
        with self._store.writing():
            earlier = self._store.audit.by_key(request) if request is not None else None
            if earlier is not None and earlier.after is not None:
                return self.panel(earlier.after["panel"])
            number = self._store.grading.add_panel(panel)
            after = {"panel": number, "articles": len(numbers), **_sample_record(sample)}
            self._store.audit.append(AuditEntry(panel.created, by, "panel", subject=name, after=after), request)
            return self.panel(number)

    def _eligible(self, sample: Sample) -> list[Facts]:
        """What a sample is drawn from, by edition and date."""
        now = self._clock()
        since = sample.since.timestamp() if sample.since else -math.inf
        until = min(now, sample.until or now).timestamp()
        public = [facts for facts in self._store.articles.facts_since(-1) if facts.published and not facts.held]
        edition = None if sample.edition is None else sample.edition.casefold()
        if edition is not None and edition not in {facts.edition.casefold() for facts in public}:
            raise InvalidInput(f"There is no edition {sample.edition!r} with published articles.")
        dated = [
            facts
            for facts in public
            if facts.posted is not None
            and since <= facts.posted <= until
            and edition in {None, facts.edition.casefold()}
        ]
        if not dated:
            raise InvalidInput(NO_ARTICLES)
        return sorted(dated, key=lambda facts: (facts.edition.casefold(), facts.posted or 0, facts.number))

    def _sidebar(self, number: int, article_id: str, pool: int) -> PanelSidebar:
        shown = tuple(item.teaser.number for item in self._recommender.for_article(article_id, Query()).items)
        query = Query(n=len(shown) + pool, min_score=0.0, fallback="none")
        best = self._recommender.for_article(article_id, query).items if pool else []
        others = [item.teaser.number for item in best if item.teaser.number not in shown]
        return PanelSidebar(number, shown, tuple(others[:pool]))

    def panel(self, number: int) -> Panel:
        """The panel with a number. Raises NotFound."""
        panel = self._store.grading.panel(number)
        if panel is None:
            raise NotFound(f"There is no panel {number}.")
        return panel

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
            graded = self._grades_of(number, grader)
        count = len(panel.sidebars)
        for place in [(after + step) % count for step in range(1, count + 1)]:
            sidebar = panel.sidebars[place]
            if sidebar.source in public and not finished(sidebar, graded.get(sidebar.source, {}), public):
                return place
        return None

    def sheet(self, number: int, place: int, grader: str) -> Sheet | None:
        """One article of a panel for a grader; None where it is not published any more. Raises NotFound."""
        with self._store.reading():
            panel = self.panel(number)
            sidebar = _sidebar_at(panel, place)
            public = self._public()
            if sidebar.source not in public:
                return None
            stories = [story for story in (*sidebar.shown, *sidebar.pool) if story in public]
            order = shuffled(stories, number, sidebar.source, grader)
            articles = self._store.articles.get([sidebar.source, *order])
            graded = self._grades_of(number, grader)
        return Sheet(
            panel=panel,
            place=place,
            source=articles[sidebar.source],
            stories={story: articles[story] for story in order},
            sidebar=tuple(story for story in sidebar.shown if story in public),
            withdrawn=len(sidebar.shown) + len(sidebar.pool) - len(order),
            graded=graded.get(sidebar.source, {}),
        )

    def grade(self, number: int, place: int, grader: str, values: Values, request: str | None = None) -> None:
        """Keeps what a grader says of one article, all of it or nothing. A request that is sent twice counts once.

        What is not named stays as it was. Raises NotFound, and InvalidInput for a value that is not on its scale or a
        story that is not to be graded here.
        """
        now = self._clock()
        with self._store.writing():
            panel = self.panel(number)
            sidebar = _sidebar_at(panel, place)
            check_values(sidebar, values)
            if request is not None and self._store.audit.by_key(request) is not None:
                return
            before = self._grades_of(number, grader).get(sidebar.source, {})
            changed = {target: value for target, value in values.items() if before.get(target) != value}
            if not changed:
                return
            grades = [Grade(number, sidebar.source, target, value, grader, now) for target, value in changed.items()]
            self._store.grading.put_grades(grades)
            earlier = [target for target in changed if target in before]
            # About no article: otherwise editors would read that its sidebar has been decided about.
            entry = AuditEntry(
                at=now,
                by=grader,
                action="grade",
                subject=f"{panel.name}, {place + 1}",
                before=self._grades_record(sidebar, earlier) if earlier else None,
                after=self._grades_record(sidebar, changed),
            )
            self._store.audit.append(entry, request)

    def _grades_of(self, number: int, grader: str) -> dict[int, dict[int | None, int]]:
        """What a grader has said, by the number of the source."""
        graded: dict[int, dict[int | None, int]] = defaultdict(dict)
        for grade in self._store.grading.grades(number):
            if grade.grader == grader:
                graded[grade.source][grade.target] = grade.value
        return graded

    def _grades_record(self, sidebar: PanelSidebar, targets: Collection[int | None]) -> dict[str, object]:
        """What was graded, as the audit trail keeps it: by the ids of the articles, as far as they are still there.

        The grades themselves stay out of it: other graders can read the trail. They are kept, every one, by the store.
        """
        numbers = [sidebar.source, *(target for target in targets if target is not None)]
        articles = self._store.articles.get(numbers, texts=False)
        source, *stories = [articles[number].id if number in articles else str(number) for number in numbers]
        return {"article": source, "stories": stories, "sidebar": None in targets}

    # -- judgments -----------------------------------------------------------------------------------------------------

    def judgments(self, panel: int | None = None, *, least: int = 1, decisions: bool = False) -> Judgments:
        """Grades as judgments, of one panel or of all: what the graders of a pair come to, see `agreed`.

        Pairs with fewer than `least` graders are left out. With `decisions`, what editors have pinned, rejected or set
        apart, and not taken back, stands for the grades of pairs without any. Empty where nothing is graded.
        """
        with self._store.reading():
            pairs = by_pair(grade for grade in self._store.grading.grades(panel) if grade.target is not None)
            signals = self._store.signals.changed_since(-1) if decisions else []
            graded = {
                (source, target): agreed(grades.values())
                for (source, target), grades in pairs.items()
                if target is not None and len(grades) >= least
            }
            values = {**_grades_by_decisions(signals, {source for source, _ in graded}), **graded}
            public = self._public()
            numbers = sorted(public.intersection(number for pair in values for number in pair))
            ids = {number: article.id for number, article in self._store.articles.get(numbers, texts=False).items()}
        unwritable = {article_id for article_id in ids.values() if len(article_id.split()) != 1}
        published = {pair: value for pair, value in values.items() if pair[0] in ids and pair[1] in ids}
        qrels: dict[str, dict[str, int]] = defaultdict(dict)
        rows = ((ids[source], ids[target], value) for (source, target), value in published.items())
        for source, target, value in sorted(rows, key=lambda row: (row[0], -row[2], row[1])):
            if unwritable.isdisjoint((source, target)):
                qrels[source][target] = value
        return Judgments(qrels, len(values) - len(published), len(pairs) - len(graded), tuple(sorted(unwritable)))

    def _public(self) -> frozenset[int]:
        """Numbers of the articles that sidebars may show."""
        columns = self._recommender.columns()
        numbers: list[int] = columns.number[columns.shown].tolist()
        return frozenset(numbers)


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or any(unicodedata.category(character)[0] == "C" for character in name):
        raise InvalidInput(WRONG_NAME)
    return name


def _sample_record(sample: Sample) -> dict[str, object]:
    """How a panel was drawn, as the audit trail keeps it."""
    narrowing = {
        "edition": sample.edition,
        "since": sample.since.isoformat() if sample.since else None,
        "until": sample.until.isoformat() if sample.until else None,
    }
    return {"seed": sample.seed, "pool": sample.pool} | {key: value for key, value in narrowing.items() if value}


def _sidebar_at(panel: Panel, place: int) -> PanelSidebar:
    if not 0 <= place < len(panel.sidebars):
        raise NotFound(f"The panel {panel.name!r} has no article {place + 1}.")
    return panel.sidebars[place]


def _grades_by_decisions(signals: Iterable[Signal], graded: set[int]) -> dict[tuple[int, int], int]:
    """What decisions say of pairs; the later counts.

    A rejection is left out beside an article with neither grades nor a pin: where nothing is good, nothing is learned.
    """
    values: dict[tuple[int, int], int] = {}
    for signal in signals:
        if signal.source is None or signal.target is None:
            continue
        if signal.kind == PIN:
            values[signal.source, signal.target] = PINNED_GRADE
        elif signal.kind in {REJECT, APART}:
            values[signal.source, signal.target] = 0
        if signal.kind == APART:
            values[signal.target, signal.source] = 0
    worth = graded | {source for (source, _), value in values.items() if value > 0}
    return {pair: value for pair, value in values.items() if pair[0] in worth}
