"""Which model version a build takes: that of `models/live`, unless the settings or the caller say otherwise."""

from dataclasses import replace
from pathlib import Path

import pytest

from recommender.build.model_version import ModelVersion
from recommender.errors import InvalidInput, NotFound, SettingsError
from recommender.ranking.scoring import DEFAULT
from recommender.release.cards import BUILT_IN, Embedding
from recommender.release.registry import FolderRegistry
from recommender.rerankers import make_endpoint
from recommender.settings import Settings
from recommender.wiring import installed_models, make_model_version
from tests.release.test_cards import CARD

PACKAGED = "all-MiniLM-L6-v2@53aa51172d14"
WEIGHTS = replace(DEFAULT, version="ours", threshold=7.5)
OURS = replace(CARD, name="ours/1", ranking=WEIGHTS)
PLAIN = replace(OURS, name="ours/2", embedding=Embedding("all-MiniLM-L6-v2", None, PACKAGED, 384, 1))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A folder with a version that has an embedding of its own, which is live, and one that has not."""
    registry = FolderRegistry(tmp_path / "models")
    registry.create(OURS, {"embedding/model.safetensors": b"weights"})
    registry.create(PLAIN, {})
    registry.put_live(OURS.name)
    return Settings(models=tmp_path / "models")


def test_without_a_folder_there_is_the_built_in_version(tmp_path: Path) -> None:
    model_version, embedder = make_model_version(Settings(models=tmp_path / "none"))
    assert (model_version, embedder.version) == (ModelVersion(BUILT_IN, DEFAULT), PACKAGED)


def test_live_version_is_taken(settings: Settings) -> None:
    model_version, embedder = make_model_version(settings)
    assert model_version == ModelVersion(OURS.name, WEIGHTS)
    assert embedder.version.startswith("ours/1@")


def test_named_version_is_taken(settings: Settings) -> None:
    model_version, embedder = make_model_version(settings, PLAIN.name)
    assert (model_version.name, embedder.version) == (PLAIN.name, PACKAGED)


def test_built_in_version_needs_no_card_among_others(settings: Settings) -> None:
    assert make_model_version(settings, BUILT_IN)[0] == ModelVersion(BUILT_IN, DEFAULT)


def test_model_of_the_settings_takes_the_place_of_the_live_one(settings: Settings) -> None:
    tried = settings.model_copy(update={"model": "all-MiniLM-L6-v2"})
    assert make_model_version(tried)[1].version == PACKAGED
    assert make_model_version(tried, OURS.name)[1].version.startswith("ours/1@")


def test_unknown_version_is_not_found(settings: Settings) -> None:
    with pytest.raises(NotFound, match="ours/9"):
        make_model_version(settings, "ours/9")


def test_damaged_version_is_refused(settings: Settings) -> None:
    (settings.models / OURS.name / "embedding" / "model.safetensors").write_bytes(b"others")
    with pytest.raises(InvalidInput, match=r"ours/1 is damaged: embedding/model\.safetensors is not the file"):
        make_model_version(settings)


def test_language_model_is_as_the_settings_say() -> None:
    named = Settings(
        reranker_url="http://127.0.0.1:11434/v1/",
        reranker_model="gemma3:4b",
        reranker_parallel=3,
        reranker_requests=7,
        reranker_price_input=0.5,
        reranker_budget=2.0,
    )
    endpoint = make_endpoint(named)
    assert endpoint.version.startswith("gemma3:4b json_schema ")
    assert (endpoint.parallel, endpoint.budget.requests, endpoint.budget.money) == (3, 7, 2.0)
    assert endpoint.budget.prices.asked == 0.5
    assert make_endpoint(named).budget is not endpoint.budget  # each build has its own


@pytest.mark.parametrize("settings", [Settings(), Settings(reranker_url="http://127.0.0.1:1/v1")])
def test_without_a_language_model_the_settings_are_named(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="reranker_url and reranker_model"):
        make_endpoint(settings)


def test_models_on_this_machine_are_named_as_the_setting_takes_them(settings: Settings) -> None:
    assert installed_models(settings)[0] == "all-MiniLM-L6-v2"
    assert str(settings.models / "ours" / "1" / "embedding") in installed_models(settings)


def test_model_that_is_not_here_is_no_choice(settings: Settings) -> None:
    FolderRegistry(settings.models).create(
        replace(PLAIN, name="ours/3", embedding=Embedding("no/such-model", None, "x@1", 384, 1)), {}
    )
    assert "no/such-model" not in installed_models(settings)
