"""The guard: whatever editors, flags and readers do, no way of asking shows what may not stand there.

Every example changes an archive several times under one running application, so that its caches and prepared answers
are stale each time, and asks in every way there is after each change.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.articles.article import FLAGS, HOLD_FLAG
from recommender.curation.sensitivity import ANYTHING, FIXED, ROWS, Matrix
from recommender.curation.signals import APART, BOOST, EXCLUDE, MATRIX, OFF, PIN, REJECT, Signal
from recommender.progress import quiet
from recommender.ranking.candidates import TextCandidates
from recommender.serving.answers import Query
from recommender.serving.prepared import prepare
from recommender.store.base import Store
from recommender.web.app import make_app
from recommender.wiring import make_builder
from tests.embedder import ToyEmbedder
from tests.web.conftest import close, context_of
from tests.web.toy import ARCHIVE, YESTERDAY, settings_for

IDS = [article.id for article in ARCHIVE]
NUMBERS = {name: number for number, name in enumerate(IDS, 1)}
Pair = tuple[str, str]


@dataclass(frozen=True)
class World:
    """The state of the archive: flags and status of each article, the matrix, and what editors have decided."""

    flags: dict[str, tuple[str, ...]]
    gone: frozenset[str]
    cells: frozenset[Pair]
    pins: tuple[tuple[str, int, str], ...]
    bans: tuple[tuple[str, str, str], ...]
    off: frozenset[str]

    def forbids(self, source: str, target: str) -> bool:
        """Whether a story may not stand beside an article, said the long way."""
        own, other = {*self.flags[source], ANYTHING}, {*self.flags[target], ANYTHING}
        return (
            source == target
            or target in self.gone
            or source in self.off
            or any((row, column) in self.cells | FIXED for row in own for column in other)
            or any(
                (kind == EXCLUDE and banned == target)
                or (kind == REJECT and (beside, banned) == (source, target))
                or (kind == APART and {beside, banned} == {source, target})
                for kind, beside, banned in self.bans
            )
        )


names = st.sampled_from(IDS)
built = st.sampled_from([article.id for article in ARCHIVE if article.status == "published"])  # these have candidates
worlds = st.builds(
    World,
    flags=st.fixed_dictionaries(
        {name: st.lists(st.sampled_from(FLAGS), max_size=2, unique=True).map(tuple) for name in IDS}
    ),
    gone=st.frozensets(names, max_size=3),
    cells=st.frozensets(st.tuples(st.sampled_from(ROWS), st.sampled_from(ROWS)), max_size=6),
    pins=st.lists(
        st.tuples(names, st.integers(1, 3), names).filter(lambda pin: pin[0] != pin[2]),
        max_size=8,
        unique_by=lambda pin: pin[:2],
    ).map(tuple),
    bans=st.lists(st.tuples(st.sampled_from([EXCLUDE, REJECT, APART]), names, names), max_size=6).map(tuple),
    off=st.frozensets(names, max_size=2),
)


def become(store: Store, world: World) -> None:
    """Brings the archive into a state, with every signal of the last one ended."""
    with store.writing():
        store.articles.upsert(
            [
                replace(
                    article,
                    flags=world.flags[article.id],
                    status="unpublished" if article.id in world.gone else "published",
                )
                for article in ARCHIVE
            ]
        )
        store.signals.end([signal.number for signal in store.signals.changed_since(-1)], YESTERDAY, "awa")
        store.signals.add([*signals_of(world)])


def signals_of(world: World) -> Iterator[Signal]:
    def signal(kind: str, source: str | None, target: str | None, **fields: object) -> Signal:
        number = NUMBERS[source] if source else None
        return Signal(kind, number, NUMBERS[target] if target else None, "awa", YESTERDAY, **fields)  # type: ignore[arg-type]  # as named

    for source, slot, target in world.pins:
        yield signal(PIN, source, target, slot=slot)
        yield signal(BOOST, None, target, factor=10.0)
    for kind, source, target in world.bans:
        yield signal(kind, None if kind == EXCLUDE else source, target)
    for source in sorted(world.off):
        yield signal(OFF, source, None)
    yield signal(MATRIX, None, None, data=Matrix(world.cells | FIXED).to_data())


def shown_beside(client: FlaskClient, source: str, question: str) -> list[set[str]]:
    """What is shown beside an article by every way of asking."""
    path = f"/api/v1/recommend?article_id={source}{question}"
    asked = [client.get(way) for way in (path, path.replace("article_id=", "n=9&article_id="))]
    answers = [answer.json["items"] for answer in asked if answer.status_code != 404]  # as a held article is
    fragment = client.get(path, headers={"Accept": "text/html"}).text
    page = client.get(f"/articles/{source}").text
    shown = [{item["id"] for item in items} for items in answers]
    return [*shown, *({unescape(name) for name in re.findall(r'data-id="(.*?)"', html)} for html in (fragment, page))]


@pytest.fixture(scope="module")
def site(toy_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FlaskClient, Store]]:
    """One application for all examples, with answers prepared before the first.

    A reader of both texts finds every story essential beside every other: its verdict passes no guard either.
    """
    folder = tmp_path_factory.mktemp("guard")
    database = Path(shutil.copy(toy_archive, folder / "copy.db"))
    boxes = [{"query": name, "candidates": IDS, "grades": [4] * len(IDS)} for name in IDS]
    (folder / "boxes.jsonl").write_text("".join(json.dumps(box) + "\n" for box in boxes))
    app = make_app(settings_for(database, reranker=f"recorded:{folder / 'boxes.jsonl'}", reranker_candidates=50))
    store = context_of(app).store
    make_builder(store, context_of(app).settings, ToyEmbedder()).build()
    assert store.generations.graded(store.state().generation or 0) > 1
    prepare(context_of(app).store, context_of(app).recommender, quiet)
    yield app.test_client(), context_of(app).store
    close(app)


@given(
    st.lists(worlds, min_size=2, max_size=3),
    st.sampled_from(["", "&fallback=latest", "&min_score=0", "&lang=any", "&diversity=1"]),
    st.data(),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_way_of_asking_leads_around_the_guard(
    site: tuple[FlaskClient, Store], changes: list[World], question: str, data: st.DataObject
) -> None:
    client, store = site
    sources = data.draw(st.lists(names, min_size=3, max_size=3, unique=True))
    for world in changes:
        become(store, world)
        for source in set(sources) - world.gone:
            for shown in shown_beside(client, source, question):
                assert not [target for target in shown if world.forbids(source, target)]


@given(worlds, st.lists(st.sampled_from(FLAGS), max_size=2, unique=True), built)
@settings(max_examples=25)
def test_drafts_do_not_lead_around_the_guard(
    site: tuple[FlaskClient, Store], world: World, flags: list[str], like: str
) -> None:
    client, store = site
    become(store, replace(world, off=frozenset(), pins=(), gone=world.gone - {like}))
    world = replace(world, flags={**world.flags, "draft": tuple(flags)}, off=frozenset(), gone=world.gone - {like})
    rows = store.generations.candidates(store.state().generation or 0, [NUMBERS[like]])[NUMBERS[like]]
    draft = replace(next(article for article in ARCHIVE if article.id == like), id="draft", flags=tuple(flags))
    recommender = context_of(client.application).recommender  # type: ignore[arg-type]  # an APIFlask
    recommendation = recommender.for_draft(
        draft, TextCandidates(rows, ()), Query(n=9, languages=("any",), fallback="ladder")
    )
    shown = [item.article.id for item in recommendation.items] + [
        article.id for article in recommender.coverage(draft, TextCandidates(rows, ()))
    ]
    assert not [target for target in shown if world.forbids("draft", target)]


def test_held_article_is_gone_from_an_answer_that_is_cached(site: tuple[FlaskClient, Store]) -> None:
    client, store = site
    plain = World(dict.fromkeys(IDS, ()), frozenset(), frozenset(), (), (), frozenset())
    become(store, plain)
    path = "/api/v1/recommend?article_id=blockade-1"
    answers = [client.get(path) for _ in range(2)]
    first = answers[1].json["items"][0]["id"]
    become(store, replace(plain, flags={**plain.flags, first: (HOLD_FLAG,)}))
    again = client.get(path, headers={"If-None-Match": answers[1].headers["ETag"]})
    assert again.status_code == 200
    assert first not in json.dumps(again.json)
