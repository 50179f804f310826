"""Which reader of both texts a model version has, and that updates of the live version are read by it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.ranking.scoring import DEFAULT, READER
from recommender.release.cards import Embedding, ModelCard
from recommender.release.comparison import copy_verdicts
from recommender.release.registry import FolderRegistry
from recommender.rerankers import open_reranker
from recommender.reranking.base import Verdict
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.wiring import make_box_reading, make_builder, make_follow_up, make_registry, open_store
from tests.embedder import ToyEmbedder
from tests.factories import NOW, make_article
from tests.web.toy import settings_for

SITE = "site/1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A site that replays what a reader has said of nothing."""
    (tmp_path / "boxes.jsonl").write_text("")
    return settings_for(
        tmp_path / "site.db", reranker=f"recorded:{tmp_path / 'boxes.jsonl'}", models=str(tmp_path / "models")
    )


def add(settings: Settings, reranker: str | None) -> None:
    registry = make_registry(settings)
    assert isinstance(registry, FolderRegistry)
    embedding = Embedding("toy", None, "toy@1", 64, 0)
    registry.create(ModelCard(SITE, NOW.date(), "tests", embedding, DEFAULT, reranker=reranker), {})


def version_of(settings: Settings) -> str:
    opened = open_reranker(settings)
    assert opened is not None
    return opened.reranker.version


def test_version_without_a_reader_of_its_own_has_that_of_the_site(store: Store, settings: Settings) -> None:
    add(settings, None)
    for name in (SITE, "sahel/1"):
        reading = make_box_reading(store, settings, name, DEFAULT)
        assert reading is not None
        assert reading.version == version_of(settings)


def test_version_keeps_to_the_reader_that_its_card_names(
    store: Store, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """What that one has said counts; another is not asked in its place."""
    add(settings, "other@1")
    reading = make_box_reading(store, settings, SITE, DEFAULT)
    assert reading is not None
    assert reading.version == "other@1"
    assert not reading.asks
    assert "bound to the reader other@1" in caplog.text


@pytest.mark.parametrize("reranker", ["", "the site's"])
def test_version_that_makes_nothing_of_grades_has_none(store: Store, settings: Settings, reranker: str) -> None:
    model = replace(DEFAULT, weights={**DEFAULT.weights, READER: 0.0})
    chosen = settings if reranker else settings.model_copy(update={"reranker": ""})
    assert make_box_reading(store, chosen, "sahel/1", model) is None


def test_site_without_a_reader_has_none(store: Store, settings: Settings) -> None:
    assert make_box_reading(store, settings.model_copy(update={"reranker": ""}), "sahel/1", DEFAULT) is None


def test_update_is_read_by_the_reader_of_the_live_version(settings: Settings, tmp_path: Path) -> None:
    box = {"query": "new", "candidates": ["a", "b"], "grades": [0, 4], "reasons": ["no", "yes"]}
    (tmp_path / "boxes.jsonl").write_text(json.dumps(box))
    store = open_store(settings.database_url.get_secret_value())
    store.articles.upsert([make_article(key, title="fuel convoy", body=f"fuel convoy {key}.") for key in ("a", "b")])
    follow_up = make_follow_up(store, settings)
    builder = make_builder(store, settings, ToyEmbedder(), changed=follow_up.note)
    builder.build()
    store.articles.upsert([make_article("new", title="fuel convoy", body="fuel convoy again.")])
    builder.update()
    live = store.state().generation or 0
    assert store.generations.graded(live) == 0
    while follow_up.step():
        pass
    numbers = store.articles.numbers(["a", "b", "new"])
    [(number, rows)] = store.generations.grades(live, list(numbers.values())).items()
    assert number == numbers["new"]
    assert dict(rows.tolist()) == {numbers["a"]: 0.0, numbers["b"]: 4.0}
    store.close()


def test_comparison_takes_along_what_was_read(store: Store, tmp_path: Path) -> None:
    store.verdicts.put("r@1", "a", {"b": Verdict(2.5, "why"), "c": None})
    apart = open_store(f"sqlite:///{tmp_path}/apart.db")
    copy_verdicts(store, apart, "r@1")
    copy_verdicts(store, apart, None)
    assert list(apart.verdicts.of("r@1")) == list(store.verdicts.of("r@1"))
    apart.close()
