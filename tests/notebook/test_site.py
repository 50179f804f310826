"""What a notebook begins with says in words what is wrong."""

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from recommender.notebook import Site
from recommender.settings import Settings
from recommender.store.base import Store
from tests.factories import GAZETTEER, make_recommender


def test_mistyped_recipe_is_named(store: Store, tmp_path: Path) -> None:
    site = Site(Settings(models=tmp_path), store, make_recommender(store), GAZETTEER)
    with pytest.raises(InvalidInput, match=r"There is no recipe grded\.toml; looked for .*recipes/grded\.toml"):
        site.train("grded.toml", "ours/1")
