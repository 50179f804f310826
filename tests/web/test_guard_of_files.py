"""The guard holds for static files too: an export after any change shows nothing that may not stand there."""

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.progress import quiet
from recommender.serving.export import export, file_names
from recommender.serving.prepared import prepare
from recommender.serving.recommender import Recommender
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.wiring import make_files, make_fragment_of, make_recommender, open_store
from tests.web.test_guard import IDS, World, become, worlds
from tests.web.toy import settings_for

Site = tuple[Store, Recommender, Settings, Path]


@pytest.fixture(scope="module")
def site(toy_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One folder for all examples, with answers prepared before the first."""
    folder = tmp_path_factory.mktemp("files")
    made = settings_for(Path(shutil.copy(toy_archive, folder / "copy.db")))
    store = open_store(f"sqlite:///{folder / 'copy.db'}")
    recommender = make_recommender(store, made)
    prepare(store, recommender, quiet)
    yield store, recommender, made, folder / "out"
    store.close()


def shown_in(folder: Path, article_id: str) -> set[str]:
    """The stories in both files of an article; none where it has no files."""
    as_json, as_html = (folder / "sidebars" / name for name in file_names(article_id))
    if not as_json.exists():
        assert not as_html.exists()
        return set()
    items = json.loads(as_json.read_text(encoding="utf-8"))["items"]
    return {item["id"] for item in items} | {
        unescape(name) for name in re.findall(r'data-id="(.*?)"', as_html.read_text(encoding="utf-8"))
    }


@given(st.lists(worlds, min_size=2, max_size=3))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_file_leads_around_the_guard(site: Site, changes: list[World]) -> None:
    store, recommender, _, folder = site
    for world in changes:
        become(store, world)
        export(store, recommender, make_fragment_of(), make_files(folder), quiet)
        for source in IDS:
            shown = shown_in(folder, source)
            assert not shown or source not in world.gone
            assert not [target for target in shown if world.forbids(source, target)]
