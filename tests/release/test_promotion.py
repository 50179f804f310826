"""A model version gets to readers through the gate, is taken back, or runs in the shadow."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.curation.signals import REJECT, Signal
from recommender.errors import InvalidInput, NotBuilt, NotFound, Unavailable
from recommender.release.base import Registry
from recommender.release.cards import CANDIDATE, LEARNED_QUERIES, LIVE, RETIRED, SHADOW
from recommender.release.comparison import JudgedSet
from recommender.release.gate import ReleaseRefused
from recommender.release.golden_pairs import GoldenPair
from recommender.release.promotion import Releasing
from recommender.serving.answers import Query
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store
from recommender.store.grading import UNACCEPTABLE
from recommender.store.shadow import ShadowSidebar
from tests.factories import NOW, make_article, make_recommender
from tests.newsroom import (
    ALIKE,
    BLIND,
    GOOD,
    builder_of,
    graded,
    make_registry,
    make_releasing,
    opened,
    qrels,
    stories,
)

JUDGED = JudgedSet("the topics", qrels(stories()))
GOLD = GoldenPair("gold-0", must=("gold-1",), never=("fuel-1",))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return make_registry(tmp_path / "models")


@pytest.fixture
def releasing(store: Store, registry: Registry) -> Releasing:
    """The good version is live; the one like it runs in the shadow, and its panel has only good verdicts."""
    opened(store)
    services = make_releasing(store, registry)
    services.start_shadow(ALIKE.name, "awa")
    graded(store, ALIKE.name)
    return services


def shown(store: Store) -> dict[str, list[tuple[str, float]]]:
    """Every sidebar with its scores, as readers get it."""
    recommender = make_recommender(store)
    return {
        article.id: [
            (item.article.id, item.teaser.score) for item in recommender.for_article(article.id, Query()).items
        ]
        for article in stories()
    }


def states(registry: Registry) -> dict[str, str]:
    return {name: registry.card(name).state for name in (GOOD.name, ALIKE.name, BLIND.name)}


def trail(store: Store, action: str) -> list[AuditEntry]:
    return store.audit.entries(AuditQuery(action=action), 10)


class TestPromote:
    """`Releasing.promote`."""

    def test_version_that_passes_is_live(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        before = store.state().generation
        done = releasing.promote(ALIKE.name, "awa", [JUDGED], [GOLD])
        assert [check.passed for check in done.checks] == [True, True, True]
        assert (done.name, done.before) == ("alike/1", "good/1")
        assert store.state().generation == done.generation
        assert store.generations.model_version(done.generation) == "alike/1"
        assert store.generations.previous() == before
        assert registry.live() == "alike/1"
        assert states(registry) == {"good/1": RETIRED, "alike/1": LIVE, "blind/1": CANDIDATE}

    def test_who_and_why_are_on_record(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        releasing.promote(ALIKE.name, "awa", [JUDGED], [GOLD])
        (entry,) = trail(store, "promote")
        assert (entry.by, entry.subject, entry.at) == ("awa", "alike/1", NOW)
        assert entry.before is not None
        assert entry.before["model"] == "good/1"
        assert entry.after is not None
        assert [text.split(";")[0] for text in entry.after["checks"]] == [
            "judged queries: passed",
            "golden pairs: passed",
            "graded panel: passed",
        ]
        last = registry.card(ALIKE.name).history[-1]
        assert (last.by, last.state, [check["passed"] for check in last.checks]) == ("awa", LIVE, [True] * 3)

    def test_shadow_of_the_same_version_ends(self, store: Store, releasing: Releasing) -> None:
        releasing.promote(ALIKE.name, "awa", [JUDGED], [])
        assert store.generations.shadow() is None

    def test_worse_version_is_refused(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        before, sidebars, names = store.state(), shown(store), states(registry)
        with pytest.raises(ReleaseRefused, match=r"judged queries: nDCG@3 1\.000 with the live model, 0"):
            releasing.promote(BLIND.name, "awa", [JUDGED], [GOLD])
        assert store.state().generation == before.generation
        assert shown(store) == sidebars
        assert (registry.live(), states(registry)) == ("good/1", names)
        assert trail(store, "promote") == []

    def test_refused_build_is_removed(self, store: Store, releasing: Releasing) -> None:
        before = store.state().generation
        with pytest.raises(ReleaseRefused):
            releasing.promote(BLIND.name, "awa", [JUDGED], [GOLD])
        shadow = store.generations.shadow()
        assert before is not None
        assert shadow is not None
        remaining = [number for number in range(1, shadow + 5) if store.generations.generation(number)]
        assert remaining == sorted({before, shadow})

    @pytest.mark.parametrize(
        ("judged", "golden", "fault"),
        [
            (JudgedSet("empty", {}), [GOLD], "judged queries: empty: 0 queries are judged here, 20 are needed"),
            (
                JUDGED,
                [GoldenPair("gold-0", must=("fuel-1",))],
                "golden pairs: 1 of 1 do not hold: gold-0 does not list",
            ),
            (
                JUDGED,
                [GoldenPair("gold-0", never=("gold-1",))],
                "golden pairs: 1 of 1 do not hold: gold-0 lists gold-1",
            ),
        ],
        ids=["no judgments", "must", "never"],
    )
    def test_each_check_is_enough_to_refuse(
        self, releasing: Releasing, judged: JudgedSet, golden: list[GoldenPair], fault: str
    ) -> None:
        with pytest.raises(ReleaseRefused, match=fault) as refusal:
            releasing.promote(ALIKE.name, "awa", [judged], golden)
        assert [check.passed for check in refusal.value.checks].count(False) == 1

    def test_worse_on_one_of_several_sets_is_refused(self, releasing: Releasing) -> None:
        """The version that sees no topic is as good where everything is as right."""
        flat = JudgedSet("no difference", {query.id: {other.id: 3 for other in stories()} for query in stories()})
        with pytest.raises(ReleaseRefused) as refusal:
            releasing.promote(BLIND.name, "awa", [flat, JUDGED], [])
        assert [check.passed for check in refusal.value.checks if check.name == "judged queries"] == [True, False]

    def test_set_with_too_few_queries_is_passed_over_beside_a_larger_one(self, releasing: Releasing) -> None:
        few = JudgedSet("few", dict(list(JUDGED.qrels.items())[:19]))
        done = releasing.promote(ALIKE.name, "awa", [few, JUDGED], [])
        assert [check.says for check in done.checks if "few" in check.says] == []

    def test_queries_that_a_version_has_learned_from_do_not_count(
        self, registry: Registry, releasing: Releasing
    ) -> None:
        learned = list(JUDGED.qrels)[:5]
        card = replace(registry.card(ALIKE.name), training={LEARNED_QUERIES: learned})
        shutil.rmtree(registry.folder(ALIKE.name))
        registry.create(card, {})
        with pytest.raises(
            ReleaseRefused, match="the topics, without 5 that it has learned from: 19 queries are judged here"
        ):
            releasing.promote(ALIKE.name, "awa", [JUDGED], [])

    def test_what_its_base_has_learned_from_does_not_count_either(
        self, registry: Registry, releasing: Releasing
    ) -> None:
        """Down to the live version: what that has learned from is in favour of neither."""
        learned = list(JUDGED.qrels)
        trainings = {
            ALIKE.name: {"base": BLIND.name},
            BLIND.name: {"base": GOOD.name, LEARNED_QUERIES: learned[:5]},
            GOOD.name: {LEARNED_QUERIES: learned[3:]},
        }
        for name, training in trainings.items():
            card = replace(registry.card(name), training=training)
            shutil.rmtree(registry.folder(name))
            registry.create(card, {})
        with pytest.raises(
            ReleaseRefused, match="the topics, without 5 that it has learned from: 19 queries are judged here"
        ):
            releasing.promote(ALIKE.name, "awa", [JUDGED], [])

    def test_bad_panel_is_enough_to_refuse(self, store: Store, releasing: Releasing) -> None:
        graded(store, ALIKE.name, UNACCEPTABLE)
        with pytest.raises(
            ReleaseRefused, match="graded panel: panel 'alike/1 by 0' has verdicts on 24 of 24 sidebars by awa"
        ):
            releasing.promote(ALIKE.name, "awa", [JUDGED], [GOLD])

    def test_panel_of_the_live_model_does_not_count(self, store: Store, registry: Registry) -> None:
        opened(store)
        graded(store, GOOD.name)
        with pytest.raises(ReleaseRefused, match="no panel shows sidebars of alike/1"):
            make_releasing(store, registry).promote(ALIKE.name, "awa", [JUDGED], [GOLD])

    def test_reason_lets_it_through_and_stays(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        done = releasing.promote(BLIND.name, "awa", [JUDGED], [GOLD], reason="the judgments are out of date")
        assert not any(check.passed for check in done.checks)
        assert store.generations.model_version(store.state().generation or 0) == "blind/1"
        assert trail(store, "promote")[0].why == "the judgments are out of date"
        last = registry.card(BLIND.name).history[-1]
        assert (last.reason, last.by) == ("the judgments are out of date", "awa")
        assert [check["passed"] for check in last.checks] == [False] * 3

    def test_golden_pairs_see_what_editors_have_decided(self, store: Store, releasing: Releasing) -> None:
        """Readers get the sidebar with decisions, so a rejected story does not stand there."""
        numbers = store.articles.numbers(["gold-0", "gold-1"])
        store.signals.add([Signal(REJECT, numbers["gold-0"], numbers["gold-1"], "awa", NOW)])
        with pytest.raises(ReleaseRefused, match="gold-0 does not list gold-1"):
            releasing.promote(ALIKE.name, "awa", [JUDGED], [GoldenPair("gold-0", must=("gold-1",))])

    def test_unknown_articles_in_golden_pairs_are_told(self, releasing: Releasing) -> None:
        pairs = [GoldenPair("elsewhere", must=("gold-1",), line=1), GoldenPair("gold-0", never=("nowhere",), line=5)]
        done = releasing.promote(ALIKE.name, "awa", [JUDGED], pairs)
        assert done.notes == (
            "line 1: there is no published article 'elsewhere'",
            "line 5: there is no published article 'nowhere'",
        )
        assert done.checks[1].says == "all 1 hold; 1 more are about articles that are not published here"

    def test_live_version_is_not_promoted_again(self, releasing: Releasing) -> None:
        with pytest.raises(InvalidInput, match=r"good/1 is live already, in generation 1\."):
            releasing.promote(GOOD.name, "awa", [JUDGED], [])

    def test_version_that_is_not_there(self, releasing: Releasing) -> None:
        with pytest.raises(NotFound, match="There is no model version mine/9"):
            releasing.promote("mine/9", "awa", [JUDGED], [])

    def test_damaged_version_is_refused(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        (registry.folder(ALIKE.name) / "weights.bin").write_bytes(b"x")
        for attempt in (
            lambda: releasing.promote(ALIKE.name, "awa", [JUDGED], [], reason="in a hurry"),
            lambda: releasing.start_shadow(ALIKE.name, "awa"),
        ):
            with pytest.raises(InvalidInput, match=r"alike/1 is damaged: weights\.bin is not on the card"):
                attempt()

    def test_nothing_to_replace_before_the_first_build(self, store: Store, registry: Registry) -> None:
        with pytest.raises(NotBuilt):
            make_releasing(store, registry).promote(ALIKE.name, "awa", [JUDGED], [])

    def test_interrupted_promotion_is_completed(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        """The files named the new version and the process died: a build, or the same command, makes it live."""
        registry.put_live(ALIKE.name)
        done = releasing.promote(ALIKE.name, "awa", [JUDGED], [])
        assert (registry.live(), done.before) == ("alike/1", "good/1")

    def test_fault_while_writing_the_files_changes_nothing(
        self, store: Store, registry: Registry, releasing: Releasing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(name: str) -> None:
            raise OSError("no space left")

        before = shown(store)
        monkeypatch.setattr(registry, "put_live", full)
        with pytest.raises(OSError, match="no space left"):
            releasing.promote(ALIKE.name, "awa", [JUDGED], [])
        assert store.generations.model_version(store.state().generation or 0) == "good/1"
        assert (shown(store), registry.live(), trail(store, "promote")) == (before, "good/1", [])

    def test_article_that_the_build_lacks_stops_it(
        self, store: Store, registry: Registry, releasing: Releasing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        numbers = store.generations.numbers
        live = store.state().generation
        monkeypatch.setattr(
            store.generations,
            "numbers",
            lambda generation: numbers(generation) if generation == live else numbers(generation)[1:],
        )
        with pytest.raises(Exception, match="lacks 1 articles that the live one has"):
            releasing.promote(ALIKE.name, "awa", [JUDGED], [], reason="in a hurry")

    def test_article_published_since_is_taken_in(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        """The live model has it already, the new build does not know of it yet."""
        new = make_article("gold-new", title="gold golds 9", body="gold golds golder.")

        def publish() -> None:
            store.articles.upsert([new])
            builder_of(store, GOOD.name).update()

        make_releasing(store, registry, publish).promote(ALIKE.name, "awa", [JUDGED], [])
        teasers = make_recommender(store).for_article("gold-new", Query()).items
        assert {item.article.id.partition("-")[0] for item in teasers} == {"gold"}

    def test_version_put_live_during_the_build_stays(
        self, store: Store, registry: Registry, releasing: Releasing
    ) -> None:
        """Else the one before it could not be gone back to, and its card would say that it is live."""

        def overtake() -> None:
            make_releasing(store, registry).promote(BLIND.name, "ben", [], [], reason="in a hurry")

        with pytest.raises(Unavailable, match="While alike/1 was built blind/1 has replaced good/1"):
            make_releasing(store, registry, overtake).promote(ALIKE.name, "awa", [JUDGED], [])
        assert store.generations.model_version(store.state().generation or 0) == registry.live() == "blind/1"
        assert releasing.roll_back("ben") == ("blind/1", "good/1")


class TestRollBack:
    """`Releasing.roll_back`."""

    def test_damaged_card_of_a_bad_version_stops_no_rollback(
        self, store: Store, registry: Registry, releasing: Releasing
    ) -> None:
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        (registry.folder(BLIND.name) / "card.json").write_text("{")
        assert releasing.roll_back("ben") == ("blind/1", "good/1")
        assert store.generations.model_version(store.state().generation or 0) == registry.live() == "good/1"

    def test_the_very_same_sidebars_are_back(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        before = shown(store)
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        assert shown(store) != before
        assert releasing.roll_back("ben", "readers complain") == ("blind/1", "good/1")
        assert shown(store) == before
        assert registry.live() == "good/1"
        assert (states(registry)["good/1"], states(registry)["blind/1"]) == (LIVE, RETIRED)

    def test_version_that_is_gone_back_to_is_in_the_shadow_no_more(self, store: Store, releasing: Releasing) -> None:
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        releasing.start_shadow(GOOD.name, "awa")
        releasing.roll_back("ben")
        assert store.generations.shadow() is None

    def test_who_and_why_are_on_record(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        releasing.roll_back("ben", "readers complain")
        (entry,) = trail(store, "rollback")
        assert (entry.by, entry.subject, entry.why) == ("ben", "good/1", "readers complain")
        assert registry.card(GOOD.name).history[-1].reason == "readers complain"

    def test_it_takes_less_than_a_second(self, releasing: Releasing) -> None:
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        started = time.perf_counter()
        releasing.roll_back("ben")
        assert time.perf_counter() - started < 1

    def test_second_time_goes_forward_again(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        after = shown(store)
        releasing.roll_back("ben")
        assert releasing.roll_back("ben") == ("good/1", "blind/1")
        assert shown(store) == after
        assert registry.live() == "blind/1"

    def test_what_was_published_since_is_taken_in(self, store: Store, releasing: Releasing) -> None:
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        store.articles.upsert([make_article("gold-new", title="gold golds 9", body="gold golds golder.")])
        releasing.roll_back("ben")
        builder_of(store, GOOD.name).update()
        teasers = make_recommender(store).for_article("gold-new", Query()).items
        assert {item.article.id.partition("-")[0] for item in teasers} == {"gold"}

    def test_nothing_to_go_back_to(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        with pytest.raises(InvalidInput, match="There is no generation to go back to"):
            releasing.roll_back("ben")
        assert registry.live() == "good/1"

    def test_version_whose_files_are_gone_is_not_gone_back_to(
        self, store: Store, registry: Registry, releasing: Releasing
    ) -> None:
        """No article could be taken in with it."""
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        after = shown(store)
        shutil.rmtree(registry.folder(GOOD.name))
        with pytest.raises(NotFound, match="There is no model version good/1"):
            releasing.roll_back("ben")
        assert (shown(store), registry.live(), trail(store, "rollback")) == (after, "blind/1", [])

    def test_live_version_whose_files_are_gone_can_be_left(
        self, store: Store, registry: Registry, releasing: Releasing
    ) -> None:
        before = shown(store)
        releasing.promote(BLIND.name, "awa", [JUDGED], [], reason="to see")
        shutil.rmtree(registry.folder(BLIND.name))
        releasing.roll_back("ben")
        assert shown(store) == before


class TestShadow:
    """`Releasing.start_shadow` and `end_shadow`."""

    def test_shadow_is_beside_and_not_live(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        number = releasing.start_shadow(BLIND.name, "awa")
        assert store.generations.shadow() == number
        assert store.generations.model_version(store.state().generation or 0) == "good/1"
        assert states(registry) == {"good/1": LIVE, "alike/1": CANDIDATE, "blind/1": SHADOW}
        assert trail(store, "shadow")[0].subject == "blind/1"

    def test_other_shadow_begins_with_an_empty_log(self, store: Store, releasing: Releasing) -> None:
        store.shadow.put(store.generations.shadow() or 0, [ShadowSidebar(1, NOW, (2,), (3,))])
        number = releasing.start_shadow(BLIND.name, "awa")
        assert store.shadow.rows(number) == []

    def test_same_version_is_built_anew(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        before = store.generations.shadow()
        number = releasing.start_shadow(ALIKE.name, "awa")
        assert number != before
        assert [entry.state for entry in registry.card(ALIKE.name).history] == [SHADOW]

    def test_end_leaves_a_candidate(self, store: Store, registry: Registry, releasing: Releasing) -> None:
        assert releasing.end_shadow("ben") == "alike/1"
        assert store.generations.shadow() is None
        assert states(registry)["alike/1"] == CANDIDATE
        assert trail(store, "shadow-off")[0].by == "ben"
        with pytest.raises(InvalidInput, match="No model version runs in the shadow"):
            releasing.end_shadow("ben")

    def test_live_version_has_no_shadow_of_itself(self, releasing: Releasing) -> None:
        with pytest.raises(InvalidInput, match="good/1 is live; only another version"):
            releasing.start_shadow(GOOD.name, "awa")
