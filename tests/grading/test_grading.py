"""Making panels, grading them, and the judgments that come of it, over the archive of tests/web/toy.py."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recommender.curation.signals import APART, PIN, REJECT, Signal
from recommender.errors import InvalidInput, NotBuilt, NotFound
from recommender.grading.grading import Grading
from recommender.grading.panels import Sample
from recommender.serving.answers import Query
from recommender.serving.recommender import Recommender
from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from recommender.store.generation_view import generation_of, generation_view
from recommender.store.grading import Panel
from recommender.wiring import make_recommender, open_store, utc_now
from tests.embedder import ToyEmbedder
from tests.factories import make_recommender as toy_recommender
from tests.newsroom import BLIND, builder_of
from tests.newsroom import opened as opened_newsroom
from tests.web.toy import ARCHIVE, YESTERDAY, build_archive, settings_for, story

PUBLIC = {article.id for article in ARCHIVE if article.status == "published" and not article.flags}


@dataclass(frozen=True)
class Desk:
    """A store, the service over it, and the use case."""

    store: Store
    recommender: Recommender
    grading: Grading

    def numbers(self, *ids: str) -> list[int]:
        numbers = self.store.articles.numbers(ids)
        return [numbers[article_id] for article_id in ids]

    def ids(self, numbers: Iterable[int]) -> list[str]:
        wanted = list(numbers)
        articles = self.store.articles.get(wanted, texts=False)
        return [articles[number].id for number in wanted]

    def panel(self, **fields: Any) -> Panel:
        """A panel of everything there is."""
        return self.grading.create("Spring", "awa", Sample(**({"seed": 1} | fields)))

    def place(self, panel: Panel, article_id: str) -> int:
        (number,) = self.numbers(article_id)
        return [sidebar.source for sidebar in panel.sidebars].index(number)

    def grade(self, panel: Panel, source: str, values: dict[str | None, int], grader: str = "awa", **key: Any) -> None:
        """Grades by the ids of articles."""
        numbered = {
            None if article_id is None else self.numbers(article_id)[0]: value for article_id, value in values.items()
        }
        self.grading.grade(panel.number, self.place(panel, source), grader, numbered, **key)

    def grade_all(self, panel: Panel, place: int, grader: str = "awa") -> None:
        sidebar = panel.sidebars[place]
        self.grading.grade(panel.number, place, grader, dict.fromkeys((*sidebar.shown, *sidebar.pool, None), 1))

    def audit(self, action: str) -> list[Any]:
        return self.store.audit.entries(AuditQuery(action=action), 100)


@pytest.fixture(scope="module")
def built_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy archive, built once."""
    path = tmp_path_factory.mktemp("grading") / "archive.db"
    build_archive(path, embedder=ToyEmbedder())
    return path


@pytest.fixture
def desk(built_file: Path, tmp_path: Path) -> Iterator[Desk]:
    for file in built_file.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    settings = settings_for(tmp_path / built_file.name)
    store = open_store(settings.database_url.get_secret_value())
    recommender = make_recommender(store, settings)
    yield Desk(store, recommender, Grading(store, recommender, utc_now))
    store.close()


@pytest.fixture
def panel(desk: Desk) -> Panel:
    return desk.panel()


class TestCreate:
    """`Grading.create`."""

    def test_every_article_that_readers_see_can_be_drawn(self, desk: Desk, panel: Panel) -> None:
        assert set(desk.ids(sidebar.source for sidebar in panel.sidebars)) == PUBLIC

    def test_sidebars_are_those_of_now(self, desk: Desk, panel: Panel) -> None:
        for sidebar in panel.sidebars:
            recommendation = desk.recommender.for_article(desk.ids([sidebar.source])[0], Query())
            assert sidebar.shown == tuple(item.teaser.number for item in recommendation.items)

    def test_panel_of_a_shadow_has_its_sidebars(self, store: Store) -> None:
        """What readers get stays out of it, and the panel names the model version."""
        opened_newsroom(store)
        number = builder_of(store, BLIND.name).build_beside()
        store.generations.put_shadow(number)
        assert generation_of(store, BLIND.name) == number
        shadow = toy_recommender(generation_view(store, number))
        panel = Grading(store, shadow, utc_now).create("Blind", "awa", Sample(seed=1, pool=0))
        assert (panel.model_version, panel.generation, panel.model) == ("blind/1", number, "blind@1/passages180-mean")
        live = toy_recommender(store)
        sources = store.articles.get([sidebar.source for sidebar in panel.sidebars], texts=False)
        for sidebar in panel.sidebars:
            recommendation = shadow.for_article(sources[sidebar.source].id, Query())
            assert sidebar.shown == tuple(item.teaser.number for item in recommendation.items)
        of_live = [live.for_article(sources[sidebar.source].id, Query()) for sidebar in panel.sidebars]
        assert [sidebar.shown for sidebar in panel.sidebars] != [
            tuple(item.teaser.number for item in recommendation.items) for recommendation in of_live
        ]

    def test_pool_holds_the_next_best(self, desk: Desk, panel: Panel) -> None:
        sidebar = panel.sidebars[desk.place(panel, "blockade-1")]
        assert desk.ids(sidebar.shown) == ["blockade-3", "blockade-maghreb", "blockade-2"]
        assert desk.ids(sidebar.pool)[0] == "blockade-4"
        assert all(len(sidebar.pool) <= 5 for sidebar in panel.sidebars)
        assert all(not set(sidebar.shown) & set(sidebar.pool) for sidebar in panel.sidebars)

    def test_pool_depth_is_as_asked(self, desk: Desk) -> None:
        assert all(sidebar.pool == () for sidebar in desk.panel(pool=0).sidebars)

    def test_edition_and_dates_narrow_it_down(self, desk: Desk) -> None:
        since, until = ARCHIVE[1].posted_on, ARCHIVE[3].posted_on
        panel = desk.panel(edition="sahel", since=since, until=until)
        sources = desk.ids(sidebar.source for sidebar in panel.sidebars)
        assert sorted(sources) == ["blockade-2", "blockade-3", "blockade-4", "fr-1", "fr-2"]

    def test_model_and_generation_are_kept(self, desk: Desk, panel: Panel) -> None:
        assert panel.model == desk.store.generations.live_model()
        assert panel.generation == desk.store.state().generation

    def test_seed_is_on_record(self, desk: Desk) -> None:
        panel = desk.panel(size=4, seed=11, edition="Sahel")
        (entry,) = desk.audit("panel")
        assert (entry.by, entry.subject) == ("awa", "Spring")
        assert entry.after == {"panel": panel.number, "articles": 4, "seed": 11, "pool": 5, "edition": "Sahel"}

    def test_request_sent_twice_makes_one_panel(self, desk: Desk) -> None:
        first = desk.grading.create("Spring", "awa", Sample(1), "key")
        assert desk.grading.create("Spring", "awa", Sample(1), "key") == first
        assert len(desk.grading.progress()) == len(desk.audit("panel")) == 1

    def test_taken_name_leaves_nothing(self, desk: Desk, panel: Panel) -> None:
        with pytest.raises(InvalidInput, match="already"):
            desk.panel()
        assert len(desk.grading.progress()) == len(desk.audit("panel")) == 1

    @pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\0b", "a\u202eb"])
    def test_name_must_be_readable(self, desk: Desk, name: str) -> None:
        with pytest.raises(InvalidInput, match="name"):
            desk.grading.create(name, "awa", Sample(1))

    def test_unknown_edition_is_named(self, desk: Desk) -> None:
        with pytest.raises(InvalidInput, match="Oceania"):
            desk.panel(edition="Oceania")

    def test_time_without_articles_is_refused(self, desk: Desk) -> None:
        with pytest.raises(InvalidInput, match="No published article"):
            desk.panel(since=utc_now() + timedelta(days=1))

    def test_unbuilt_archive_is_unavailable(self, store: Store, tmp_path: Path) -> None:
        recommender = make_recommender(store, settings_for(tmp_path / "test.db"))
        with pytest.raises(NotBuilt):
            Grading(store, recommender, utc_now).create("Spring", "awa", Sample(1))

    def test_panels_are_found_by_name(self, desk: Desk, panel: Panel) -> None:
        assert desk.grading.named("Spring") == panel
        with pytest.raises(NotFound):
            desk.grading.named("Autumn")


class TestSheet:
    """`Grading.sheet`."""

    def test_holds_all_that_is_graded(self, desk: Desk, panel: Panel) -> None:
        place = desk.place(panel, "blockade-1")
        sheet = desk.grading.sheet(panel.number, place, "awa")
        sidebar = panel.sidebars[place]
        assert sheet is not None
        assert sheet.source.id == "blockade-1"
        assert sheet.source.body
        assert set(sheet.stories) == {*sidebar.shown, *sidebar.pool}
        assert sheet.sidebar == sidebar.shown
        assert (sheet.withdrawn, sheet.graded) == (0, {})

    def test_own_grades_are_there_and_no_others(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "blockade-1", {"blockade-2": 4, None: 2}, "idrissa")
        desk.grade(panel, "blockade-1", {"blockade-2": 1})
        sheet = desk.grading.sheet(panel.number, desk.place(panel, "blockade-1"), "awa")
        assert sheet is not None
        assert sheet.graded == {desk.numbers("blockade-2")[0]: 1}

    def test_withdrawn_story_is_left_out(self, desk: Desk, panel: Panel) -> None:
        desk.store.articles.withdraw("blockade-3")
        sheet = desk.grading.sheet(panel.number, desk.place(panel, "blockade-1"), "awa")
        assert sheet is not None
        assert sheet.withdrawn == 1
        assert "blockade-3" not in {story.id for story in sheet.stories.values()}
        assert len(sheet.sidebar) == 2

    @pytest.mark.parametrize("change", [{"status": "unpublished"}, {"flags": ("legal_hold",)}])
    def test_article_that_readers_lost_has_none(self, desk: Desk, panel: Panel, change: dict[str, Any]) -> None:
        desk.store.articles.upsert([replace(ARCHIVE[0], **change)])
        assert desk.grading.sheet(panel.number, desk.place(panel, "blockade-1"), "awa") is None

    @pytest.mark.parametrize(("panel_off", "place"), [(1, 0), (0, -1), (0, 13)])
    def test_what_is_not_there_is_not_found(self, desk: Desk, panel: Panel, panel_off: int, place: int) -> None:
        with pytest.raises(NotFound):
            desk.grading.sheet(panel.number + panel_off, place, "awa")


class TestNextPlace:
    """`Grading.next_place`."""

    def test_unfinished_come_in_order_and_around(self, desk: Desk, panel: Panel) -> None:
        assert desk.grading.next_place(panel.number, "awa") == 0
        assert desk.grading.next_place(panel.number, "awa", after=4) == 5
        assert desk.grading.next_place(panel.number, "awa", after=12) == 0
        desk.grade_all(panel, 0)
        desk.grade_all(panel, 5)
        assert desk.grading.next_place(panel.number, "awa") == 1
        assert desk.grading.next_place(panel.number, "awa", after=4) == 6
        assert desk.grading.next_place(panel.number, "idrissa") == 0

    def test_half_graded_comes_again(self, desk: Desk, panel: Panel) -> None:
        for place in range(len(panel.sidebars)):
            if place != 3:
                desk.grade_all(panel, place)
        desk.grading.grade(panel.number, 3, "awa", {None: 2})
        assert desk.grading.next_place(panel.number, "awa", after=3) == 3
        desk.grade_all(panel, 3)
        assert desk.grading.next_place(panel.number, "awa", after=3) is None

    def test_withdrawn_article_is_skipped(self, desk: Desk, panel: Panel) -> None:
        desk.store.articles.withdraw(desk.ids([panel.sidebars[0].source])[0])
        assert desk.grading.next_place(panel.number, "awa") == 1


class TestGrade:
    """`Grading.grade`."""

    def test_values_are_kept_with_an_entry(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "blockade-1", {"blockade-2": 4, "blockade-3": -1, None: 2})
        assert {(grade.target, grade.value) for grade in desk.store.grading.grades(panel.number)} == {
            (desk.numbers("blockade-2")[0], 4),
            (desk.numbers("blockade-3")[0], -1),
            (None, 2),
        }
        (entry,) = desk.audit("grade")
        assert entry.subject == f"Spring, {desk.place(panel, 'blockade-1') + 1}"
        assert (entry.by, entry.article, entry.before) == ("awa", None, None)
        assert entry.after == {"article": "blockade-1", "stories": ["blockade-2", "blockade-3"], "sidebar": True}

    def test_entry_tells_no_grade(self, desk: Desk, panel: Panel) -> None:
        """Other graders read the trail; it must not lead them."""
        desk.grade(panel, "blockade-1", {"blockade-2": 4, None: 2})
        desk.grade(panel, "blockade-1", {"blockade-2": 0, None: 0}, "idrissa")
        first, second = desk.audit("grade")
        assert first.after == second.after

    def test_change_tells_what_had_been_graded(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "blockade-1", {"blockade-2": 4, None: 2})
        desk.grade(panel, "blockade-1", {"blockade-2": 3, "blockade-3": 1, None: 2})
        entry = desk.audit("grade")[0]
        assert entry.before == {"article": "blockade-1", "stories": ["blockade-2"], "sidebar": False}
        assert entry.after == {"article": "blockade-1", "stories": ["blockade-2", "blockade-3"], "sidebar": False}

    def test_request_sent_twice_counts_once(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "blockade-1", {"blockade-2": 4}, request="key")
        desk.grade(panel, "blockade-1", {"blockade-2": 2})
        desk.grade(panel, "blockade-1", {"blockade-2": 4}, request="key")
        assert [grade.value for grade in desk.store.grading.grades()] == [2]
        assert len(desk.audit("grade")) == 2

    def test_same_again_changes_nothing(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "blockade-1", {"blockade-2": 4})
        desk.grade(panel, "blockade-1", {"blockade-2": 4})
        assert len(desk.audit("grade")) == 1

    def test_one_wrong_value_keeps_none(self, desk: Desk, panel: Panel) -> None:
        with pytest.raises(InvalidInput):
            desk.grade(panel, "blockade-1", {"blockade-2": 4, "held": 2})
        with pytest.raises(InvalidInput):
            desk.grade(panel, "blockade-1", {"blockade-2": 4, None: 7})
        assert desk.store.grading.grades() == []
        assert desk.audit("grade") == []

    def test_sidebars_of_editors_are_not_disturbed(self, desk: Desk, panel: Panel) -> None:
        """Grading is not a decision about an article: no editor reads that another has decided."""
        before = desk.store.state()
        desk.grade(panel, "blockade-1", {"blockade-2": 4})
        assert desk.store.audit.latest(desk.numbers("blockade-1")[0]) == 0
        assert desk.store.state() == before

    def test_story_withdrawn_since_loses_no_grade(self, desk: Desk, panel: Panel) -> None:
        values = dict.fromkeys(desk.numbers("blockade-2", "blockade-3"), 3)
        place = desk.place(panel, "blockade-1")
        desk.store.articles.withdraw("blockade-2")
        desk.grading.grade(panel.number, place, "awa", values)
        assert len(desk.store.grading.grades()) == 2


class TestReport:
    """`Grading.report` and `Grading.progress`."""

    def test_report_reads_what_is_kept(self, desk: Desk, panel: Panel) -> None:
        for place in range(2):
            desk.grade_all(panel, place)
        desk.grading.grade(panel.number, 0, "idrissa", {None: 0})
        report = desk.grading.report(panel.number)
        assert report.panel == panel
        assert (report.judged, report.progress.finished) == (2, {"awa": 2, "idrissa": 0})
        assert report.unacceptable == (panel.sidebars[0].source,)
        assert not report.passed

    def test_progress_is_reported_for_every_panel(self, desk: Desk, panel: Panel) -> None:
        other = desk.grading.create("Autumn", "awa", Sample(1, size=2))
        desk.grade_all(other, 1)
        assert [
            (progress.panel.name, progress.articles, progress.finished) for progress in desk.grading.progress()
        ] == [
            ("Autumn", 2, {"awa": 1}),
            ("Spring", len(PUBLIC), {}),
        ]


class TestJudgments:
    """`Grading.judgments`."""

    def decide(self, desk: Desk, kind: str, source: str, target: str, **fields: Any) -> int:
        """Keeps an editor's signal."""
        first, second = desk.numbers(source, target)
        slot = 1 if kind == PIN else None
        return desk.store.signals.add([Signal(kind, first, second, "awa", utc_now(), slot=slot, **fields)])[0]

    def test_graders_are_settled_into_one(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "blockade-1", {"blockade-2": 4, "blockade-3": 1, "blockade-4": -1, None: 2})
        desk.grade(panel, "blockade-1", {"blockade-2": 3, "blockade-3": 2, "blockade-4": -1}, "idrissa")
        judgments = desk.grading.judgments()
        assert judgments.qrels == {"blockade-1": {"blockade-2": 3, "blockade-3": 1, "blockade-4": -1}}
        assert (judgments.withdrawn, judgments.few, judgments.unwritable) == (0, 0, ())

    def test_best_come_first_in_the_order_of_ids(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "gold-1", {"gold-3": 2})
        desk.grade(panel, "blockade-1", {"blockade-4": 0, "blockade-3": 3, "blockade-2": 3})
        qrels = desk.grading.judgments().qrels
        assert list(qrels) == ["blockade-1", "gold-1"]
        assert list(qrels["blockade-1"]) == ["blockade-2", "blockade-3", "blockade-4"]

    def test_one_panel_or_all(self, desk: Desk, panel: Panel) -> None:
        other = desk.grading.create("Autumn", "awa", Sample(1))
        desk.grade(panel, "gold-1", {"gold-3": 2})
        desk.grade(other, "gold-2", {"gold-3": 3})
        assert set(desk.grading.judgments().qrels) == {"gold-1", "gold-2"}
        assert set(desk.grading.judgments(other.number).qrels) == {"gold-2"}

    def test_grader_of_two_panels_counts_once(self, desk: Desk, panel: Panel) -> None:
        other = desk.grading.create("Autumn", "awa", Sample(1))
        desk.grade(panel, "gold-1", {"gold-3": 0})
        desk.grade(other, "gold-1", {"gold-3": 4})
        assert desk.grading.judgments().qrels == {"gold-1": {"gold-3": 4}}
        assert desk.grading.judgments(least=1).few == 0

    def test_pairs_with_few_graders_are_left_out(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "gold-1", {"gold-2": 3, "gold-3": 2})
        desk.grade(panel, "gold-1", {"gold-3": 2}, "idrissa")
        judgments = desk.grading.judgments(least=2)
        assert (judgments.qrels, judgments.few) == ({"gold-1": {"gold-3": 2}}, 1)

    def test_withdrawn_articles_are_left_out(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "gold-1", {"gold-2": 3, "gold-3": 2})
        desk.store.articles.withdraw("gold-2")
        judgments = desk.grading.judgments()
        assert (judgments.qrels, judgments.withdrawn) == ({"gold-1": {"gold-3": 2}}, 1)

    def test_verdicts_alone_are_no_judgments(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "gold-1", {None: 2})
        assert desk.grading.judgments().qrels == {}

    def test_id_with_a_space_is_named_not_written(self, desk: Desk) -> None:
        desk.store.articles.upsert([story("gold two", "Foreign mine", "", YESTERDAY, reads=9000)])
        panel = desk.grading.create("Spring", "awa", Sample(1))
        shown = panel.sidebars[desk.place(panel, "gold two")].shown
        desk.grade(panel, "gold two", {desk.ids(shown)[0]: 3})
        desk.grade(panel, "gold-1", {"gold-3": 2})
        judgments = desk.grading.judgments()
        assert (judgments.qrels, judgments.unwritable) == ({"gold-1": {"gold-3": 2}}, ("gold two",))

    def test_decisions_count_only_on_request(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "gold-1", {"gold-2": 2})
        self.decide(desk, PIN, "gold-1", "lone")
        assert desk.grading.judgments().qrels == {"gold-1": {"gold-2": 2}}
        assert desk.grading.judgments(decisions=True).qrels == {"gold-1": {"lone": 3, "gold-2": 2}}

    def test_grades_count_before_decisions(self, desk: Desk, panel: Panel) -> None:
        desk.grade(panel, "gold-1", {"gold-2": 1})
        self.decide(desk, PIN, "gold-1", "gold-2")
        assert desk.grading.judgments(decisions=True).qrels == {"gold-1": {"gold-2": 1}}

    def test_stories_set_apart_are_zero_both_ways(self, desk: Desk) -> None:
        self.decide(desk, PIN, "gold-1", "gold-3")
        self.decide(desk, PIN, "lone", "gold-2")
        self.decide(desk, APART, "gold-1", "lone")
        assert desk.grading.judgments(decisions=True).qrels == {
            "gold-1": {"gold-3": 3, "lone": 0},
            "lone": {"gold-2": 3, "gold-1": 0},
        }

    def test_rejection_alone_says_nothing(self, desk: Desk) -> None:
        """An article with nothing but a 0 would teach that every other story is as bad."""
        self.decide(desk, PIN, "gold-1", "gold-3")
        self.decide(desk, REJECT, "blockade-1", "gold-3")
        assert desk.grading.judgments(decisions=True).qrels == {"gold-1": {"gold-3": 3}}

    def test_expired_pins_count_and_those_taken_back_do_not(self, desk: Desk) -> None:
        self.decide(desk, PIN, "gold-1", "gold-3", until=utc_now() + timedelta(microseconds=1))
        desk.store.signals.end([self.decide(desk, PIN, "gold-1", "gold-2")], utc_now(), "awa")
        assert desk.grading.judgments(decisions=True).qrels == {"gold-1": {"gold-3": 3}}

    def test_later_decision_counts(self, desk: Desk) -> None:
        self.decide(desk, PIN, "gold-1", "gold-3")
        self.decide(desk, PIN, "gold-1", "gold-2")
        self.decide(desk, REJECT, "gold-1", "gold-2")
        assert desk.grading.judgments(decisions=True).qrels == {"gold-1": {"gold-3": 3, "gold-2": 0}}
