"""When a reader of both texts is asked, what becomes of its verdicts, and that nothing is asked twice."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from recommender.build.builder import Builder
from recommender.curation.signals import REJECT, Signal
from recommender.errors import Unavailable
from recommender.progress import quiet
from recommender.reranking.base import Reading, Verdict
from recommender.serving.answers import Query
from recommender.serving.document import make_document
from recommender.serving.reading import MAX_REASON, BoxReading, Cost, FollowUp, prune_verdicts
from recommender.store.base import Store
from recommender.store.generation_view import generation_view
from tests.factories import NOW, RELEASE, days_ago, make_article, make_builder, make_recommender
from tests.reader import ToyReader

TOPICS = ("gold", "fuel")
EACH = 5


def archive(each: int = EACH) -> list:  # type: ignore[type-arg]
    """Stories of two topics, all in the same country, so that each is a candidate of each."""
    return [
        make_article(
            f"{topic}-{number}",
            title=f"{topic} {topic}s story {number}",
            body=f"{topic} {topic}er market day{number}.",
            countries=("Mali",),
            tags=(topic,),
            posted_on=days_ago(1 + number),
        )
        for topic in TOPICS
        for number in range(each)
    ]


def contrary(article: str, candidate: str) -> float:
    """A reader for whom only the other topic is essential, and of it the oldest most."""
    return 0.0 if article[0] == candidate[0] else min(4.0, int(candidate[-1]))


def boxes(
    store: Store, reader: ToyReader | None, *, candidates: int = 25, at_once: int = 1, cost: Cost | None = None
) -> BoxReading:
    version = "toy-reader@1" if reader is None else reader.version
    return BoxReading(
        store, make_recommender, version, reader, lambda: NOW, candidates=candidates, at_once=at_once, cost=cost
    )


def read_by(store: Store, reader: ToyReader | None, **options: int) -> Builder:
    return make_builder(store, boxes=boxes(store, reader, **options))


def sidebar(store: Store, article: str = "gold-0") -> list[str]:
    return [item.article.id for item in make_recommender(store).for_article(article, Query()).items]


def wire(store: Store) -> list[object]:
    """The answers of all articles as readers get them, but for the number of the generation."""
    recommender = make_recommender(store)
    documents = [
        make_document(
            recommender.for_article(article.id, Query()), recommender.gazetteer, "en", wording=recommender.wording
        )
        for article in archive()
    ]
    return [{**document, "generation": None, "request_id": None} for document in documents]


@pytest.fixture
def filled(store: Store) -> Store:
    store.articles.upsert(archive())
    return store


# -- what a verdict does -----------------------------------------------------------------------------------------------


def test_verdicts_decide_above_the_threshold(filled: Store) -> None:
    make_builder(filled).build()
    assert all(key.startswith("gold") for key in sidebar(filled))
    report = read_by(filled, ToyReader(contrary)).build()
    assert report.read == 2 * EACH
    assert sidebar(filled) == ["fuel-4", "fuel-3", "fuel-2"]


def test_nothing_else_is_shown_where_nothing_fits(filled: Store) -> None:
    """A reader that finds nothing related silences the box, but for fallbacks."""
    read_by(filled, ToyReader(lambda _article, _candidate: 0.0)).build()
    answer = make_recommender(filled).for_article("gold-0", Query(fallback="none"))
    assert answer.items == []


def test_nothing_is_sent_that_is_not_public(filled: Store) -> None:
    """A reader may be a service of somebody else's."""
    held = replace(archive()[0], flags=("legal_hold",))
    later = replace(archive()[1], posted_on=NOW + timedelta(days=1))
    filled.articles.upsert([held, later])
    reader = ToyReader(contrary)
    read_by(filled, reader).build()
    seen = {article for article, _ in reader.asked} | {candidate for _, candidate in reader.pairs}
    assert len(seen) == 2 * EACH - 2
    assert not seen & {held.id, later.id}


def test_answer_of_no_use_ends_nothing(filled: Store) -> None:
    """The newest article comes first in every build: one that no reader understands would keep all others from it."""
    reader = ToyReader(contrary, puzzled_by={archive()[-1].id})
    report = read_by(filled, reader).build()
    assert report.read == 2 * EACH - 1
    failure = filled.verdicts.last_failure(reader.version)
    assert failure is not None
    assert "says nothing" in failure.message


def test_cost_is_said_before_anything_is_read(filled: Store) -> None:
    make_builder(filled).build()
    reader, said = ToyReader(contrary), list[tuple[str, int]]()

    def progress(steps: Iterable[object], _total: int, label: str) -> Iterable[object]:
        said.append((label, len(reader.asked)))
        return steps

    reading = boxes(filled, reader, cost=lambda unread: f"{len(list(unread))} requests")
    reading.read(filled.state().generation or 0, progress)  # type: ignore[arg-type]
    assert (f"Reading the boxes of {2 * EACH:,} articles: {2 * EACH} requests", 0) in said


def test_pair_without_a_verdict_keeps_its_score(filled: Store) -> None:
    make_builder(filled).build()
    before = wire(filled)
    read_by(filled, ToyReader(lambda _article, _candidate: None)).build()
    assert wire(filled) == before


def test_verdicts_come_with_the_reasons_of_the_reader(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    recommender = make_recommender(filled)
    verdicts = recommender.verdicts(recommender.for_article("gold-0", Query()))
    assert verdicts["fuel-4"] == Verdict(4.0, "gold-0 and fuel-4")


def test_version_that_makes_nothing_of_grades_shows_none(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    make_builder(filled).build()
    recommender = make_recommender(filled)
    assert all(key.startswith("gold") for key in sidebar(filled))
    assert recommender.verdicts(recommender.for_article("gold-0", Query())) == {}


# -- who is asked about what -------------------------------------------------------------------------------------------


def test_only_the_best_candidates_are_read(filled: Store) -> None:
    reader = ToyReader(contrary)
    read_by(filled, reader, candidates=3).build()
    assert {len(candidates) for _, candidates in reader.asked} == {3}
    assert {candidate[:4] for candidate in dict(reader.asked)["gold-0"]} == {"gold"}


def test_what_the_guard_forbids_is_not_read(filled: Store) -> None:
    numbers = filled.articles.numbers(["gold-0", "gold-1"])
    filled.signals.add([Signal(REJECT, numbers["gold-0"], numbers["gold-1"], "awa", NOW - timedelta(days=1))])
    filled.articles.upsert([make_article("gold-2", title="gold golds story 2", flags=("legal_hold",))])
    reader = ToyReader(contrary)
    read_by(filled, reader).build()
    assert ("gold-0", "gold-1") not in reader.pairs
    assert not [pair for pair in reader.pairs if pair[1] == "gold-2"]


def test_page_view_asks_nobody(filled: Store) -> None:
    reader = ToyReader(contrary)
    read_by(filled, reader).build()
    asked = len(reader.asked)
    sidebar(filled)
    assert len(reader.asked) == asked


# -- nothing twice -----------------------------------------------------------------------------------------------------


def test_rebuild_asks_nobody_and_keeps_the_grades(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    before, again = wire(filled), ToyReader(contrary)
    read_by(filled, again).build(full=True)
    assert again.asked == []
    assert wire(filled) == before


def test_new_generation_has_the_kept_grades_before_readers_get_it(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    number = read_by(filled, None).build_beside()
    assert filled.generations.graded(number) == 2 * EACH


def test_generation_that_is_to_be_judged_is_read_first(filled: Store) -> None:
    """What the gate, a comparison or a shadow run looks at; readers keep what they have."""
    make_builder(filled).build()
    before = sidebar(filled)
    number = read_by(filled, ToyReader(contrary)).build_beside()
    candidate = make_recommender(generation_view(filled, number))
    items = candidate.for_article("gold-0", Query()).items
    assert [item.article.id for item in items] == ["fuel-4", "fuel-3", "fuel-2"]
    assert sidebar(filled) == before


def test_build_that_is_killed_goes_on_without_asking_again(filled: Store) -> None:
    class Killed(ToyReader):
        def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict | None]:
            if len(self.asked) == 3:
                raise KeyboardInterrupt
            return super().read(article, candidates)

    first, second = Killed(contrary), ToyReader(contrary)
    with pytest.raises(KeyboardInterrupt):
        read_by(filled, first).build()
    read_by(filled, second).build()
    assert len(first.asked) == 3
    assert not set(first.pairs) & set(second.pairs)
    assert sidebar(filled) == ["fuel-4", "fuel-3", "fuel-2"]


def test_changed_text_is_read_again_and_no_other(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    again = ToyReader(contrary)
    filled.articles.upsert(
        [make_article("gold-1", title="gold golds rewritten", body="gold golder.", countries=("Mali",), tags=("gold",))]
    )
    read_by(filled, again).build()
    assert again.asked
    assert all("gold-1" in pair for pair in again.pairs)


def test_grade_of_a_text_that_has_changed_counts_no_more(filled: Store) -> None:
    """From the moment of the update on, whether the reader answers or not."""
    read_by(filled, ToyReader(contrary)).build()
    filled.articles.upsert(
        [make_article("fuel-4", title="fuel fuels", body="fuel.", countries=("Mali",), posted_on=days_ago(9))]
    )
    make_builder(filled).update()
    number = filled.articles.numbers(["fuel-4"])["fuel-4"]
    live = filled.state().generation or 0
    grades = filled.generations.grades(live, filled.generations.numbers(live))
    assert number not in grades
    assert not [rows for rows in grades.values() if number in rows["number"]]


def test_text_that_changes_while_it_is_read_gets_no_grade(filled: Store) -> None:
    """A reader may take hours, and what it says is of the text that it was given."""

    class Slow(ToyReader):
        def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict | None]:
            if not self.asked:
                filled.articles.upsert([make_article("fuel-4", title="Nothing of the kind", posted_on=days_ago(9))])
            return super().read(article, candidates)

    read_by(filled, Slow(contrary)).build()
    live = filled.state().generation or 0
    number = filled.articles.numbers(["fuel-4"])["fuel-4"]
    grades = filled.generations.grades(live, filled.generations.numbers(live))
    assert grades
    assert not [rows for rows in grades.values() if number in rows["number"]]


# -- away or wrong -----------------------------------------------------------------------------------------------------


def test_reader_that_is_away_changes_no_answer(filled: Store, caplog: pytest.LogCaptureFixture) -> None:
    make_builder(filled).build()
    before = wire(filled)
    report = read_by(filled, ToyReader(contrary, answers=0)).build()
    assert (report.kind, report.read) == ("rebuilt", 0)
    assert wire(filled) == before
    assert len(caplog.records) == 1
    assert "toy-reader@1 gives no answer" in caplog.text
    failure = filled.verdicts.last_failure("toy-reader@1")
    assert failure is not None
    assert (failure.at, failure.message) == (NOW, "nobody is at home")


def test_reader_that_comes_back_is_asked_about_the_rest(filled: Store) -> None:
    first, second = ToyReader(contrary, answers=4), ToyReader(contrary)
    read_by(filled, first).build()
    report = read_by(filled, second).build()
    assert (report.kind, report.read) == ("unchanged", 2 * EACH - 4)
    assert not set(first.pairs) & set(second.pairs)


@pytest.mark.parametrize(
    "verdicts",
    [[], [Verdict(1.0)] * 99, [Verdict(4.5)] * 9, [Verdict(-0.1)] * 9, [Verdict(float("nan"))] * 9],
    ids=["none", "too many", "too high", "too low", "nan"],
)
def test_wrong_answer_counts_as_none(filled: Store, verdicts: list[Verdict]) -> None:
    class Wrong(ToyReader):
        def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict | None]:
            return list(verdicts)

    make_builder(filled).build()
    before = wire(filled)
    assert read_by(filled, Wrong(contrary)).build().read == 0
    assert wire(filled) == before


def test_reason_is_one_line_without_control_characters(filled: Store) -> None:
    class Verbose(ToyReader):
        def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict | None]:
            return [Verdict(4.0, f"one\n\ttwo\u202e\x00{'!' * 1_000}") for _ in candidates]

    read_by(filled, Verbose(contrary)).build()
    recommender = make_recommender(filled)
    [reason, *_] = {item.reason for item in recommender.verdicts(recommender.for_article("gold-0", Query())).values()}
    assert reason.startswith("one two !!!")
    assert len(reason) == MAX_REASON


def test_several_boxes_at_once_end_in_the_same_boxes(filled: Store) -> None:
    read_by(filled, ToyReader(contrary), at_once=4).build()
    assert sidebar(filled) == ["fuel-4", "fuel-3", "fuel-2"]
    assert filled.verdicts.count("toy-reader@1") == 2 * EACH * (2 * EACH - 1)


def test_failure_of_one_box_loses_no_other(filled: Store) -> None:
    class Moody(ToyReader):
        def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict | None]:
            if article.id == "gold-3":
                raise Unavailable("not this one")
            return super().read(article, candidates)

    moody = Moody(contrary)
    read_by(filled, moody, at_once=4).build()
    assert filled.verdicts.count("toy-reader@1") == len(moody.pairs)


# -- updates -----------------------------------------------------------------------------------------------------------


def published(store: Store, reader: ToyReader, clock: Sequence[object] = (NOW,)) -> FollowUp:
    """A new story of fuel is taken in, and waits to be read."""
    reading = boxes(store, reader)
    follow_up = FollowUp(store, lambda: reading, lambda: clock[0])  # type: ignore[arg-type,return-value]
    store.articles.upsert(
        [
            make_article(
                "fuel-9", title="fuel fuels story", body="fuel fueler market.", countries=("Mali",), tags=("fuel",)
            )
        ]
    )
    make_builder(store, changed=follow_up.note).update()
    return follow_up


def test_update_reads_its_own_box_and_those_it_enters(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    reader = ToyReader(contrary)
    follow_up = published(filled, reader)
    assert sidebar(filled, "fuel-9")  # the plain answer is there before
    assert reader.asked == []
    while follow_up.step():
        pass
    assert reader.asked[0][0] == "fuel-9"
    assert {candidates for _, candidates in reader.asked[1:]} == {("fuel-9",)}
    assert sidebar(filled, "fuel-9") == ["gold-4", "gold-3", "gold-2"]
    assert sidebar(filled, "gold-0")[0] == "fuel-9"


def test_reading_changes_the_article_for_caches(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    follow_up = published(filled, ToyReader(contrary))
    recommender = make_recommender(filled)
    basis = recommender.for_article("fuel-9", Query()).basis
    assert recommender.still_right(basis, filled.state())
    follow_up.step()
    assert not recommender.still_right(basis, filled.state())


def test_reader_that_is_away_is_not_asked_at_once_again(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    reader, clock = ToyReader(contrary, answers=0), [NOW]
    follow_up = published(filled, reader, clock)
    assert not follow_up.step()
    reader.answers = float("inf")
    assert not follow_up.step()
    assert reader.asked == []
    clock[0] = NOW + timedelta(hours=1)
    follow_up.step()
    assert reader.asked[0][0] == "fuel-9"


def test_generation_without_a_reader_is_left_alone(filled: Store) -> None:
    make_builder(filled).build()
    follow_up = FollowUp(filled, lambda: None, lambda: NOW)
    follow_up.note([1])
    assert not follow_up.step()
    assert not follow_up.step()


def test_versions_of_a_reader_are_read_apart(filled: Store) -> None:
    read_by(filled, ToyReader(contrary)).build()
    other = ToyReader(contrary, version="toy-reader@2")
    assert read_by(filled, other).build().kind == "rebuilt"
    assert len(other.asked) == 2 * EACH
    assert RELEASE.name == filled.generations.model_version(filled.state().generation or 0)
    boxes(filled, None).know(filled.state().generation or 0, quiet)


# -- pruning -----------------------------------------------------------------------------------------------------------


def test_pruning_spares_whatever_may_be_asked_for_again(filled: Store) -> None:
    """A story that is not published now may come back, and so may a version that a card names."""
    read_by(filled, ToyReader(contrary, version="named@1")).build()
    read_by(filled, ToyReader(contrary)).build()
    [last] = [article for article in archive() if article.id == "gold-4"]
    filled.articles.upsert([replace(last, status="unpublished")])
    assert prune_verdicts(filled, ["named@1", None]) == 0


def test_pruning_removes_what_nothing_names(filled: Store) -> None:
    read_by(filled, ToyReader(contrary, version="old@1")).build()
    read_by(filled, ToyReader(contrary)).build()
    filled.articles.upsert([make_article("gold-4", title="another story")])
    pairs = 2 * EACH * (2 * EACH - 1)
    assert prune_verdicts(filled, []) == pairs + 2 * (2 * EACH - 1)
    assert filled.verdicts.versions() == ["toy-reader@1"]
