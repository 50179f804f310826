"""What a notebook begins with says in words what is wrong."""

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from recommender.notebook import Site, open_site
from recommender.settings import Settings, load_settings
from recommender.store.base import Store
from recommender.wiring import opened_store
from tests.factories import GAZETTEER, make_recommender


def test_sample_has_a_database_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site's empty one stays empty, whatever a notebook was opened for."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match=r"is empty: this is the sample, in sqlite:///var/sample\.db"):
        site = open_site()
    assert site.store.articles.counts() == {"published": 300}
    site.store.close()
    with opened_store(load_settings()) as store:
        assert store.articles.counts() == {}


def test_mistyped_recipe_is_named(store: Store, tmp_path: Path) -> None:
    site = Site(Settings(models=tmp_path), store, make_recommender(store), GAZETTEER)
    with pytest.raises(InvalidInput, match=r"There is no recipe grded\.toml; looked for .*recipes/grded\.toml"):
        site.train("grded.toml", "ours/1")
