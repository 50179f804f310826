"""What a notebook begins with: the site of the settings, or the sample where nothing is there yet."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path

from recommender.errors import InvalidInput
from recommender.evaluation import Evaluation, evaluate
from recommender.gazetteer import Gazetteer
from recommender.ingest import Refusal, ingest
from recommender.interfaces import Store
from recommender.metrics import Grades
from recommender.service import Query, Recommender
from recommender.settings import Settings, load_settings
from recommender.sources.files import open_source
from recommender.sources.trec import read_qrels
from recommender.systems import sidebars
from recommender.wiring import Evaluated, make_builder, make_gazetteer, make_recommender, make_systems, open_store

SAMPLE = files("recommender") / "sample"


@dataclass(frozen=True)
class Site:
    """The parts that notebooks use."""

    settings: Settings
    store: Store
    recommender: Recommender
    gazetteer: Gazetteer

    @cached_property
    def evaluated(self) -> Evaluated:
        """The service and what it is compared with."""
        return make_systems(self.store, self.recommender)

    def evaluate(self, qrels: Mapping[str, Grades]) -> Evaluation:
        """All systems on judged queries."""
        return evaluate(self.evaluated.systems, qrels, self.evaluated.languages)

    def sidebars(self) -> Mapping[str, list[str]]:
        """The sidebar of every article, as readers get it."""
        return sidebars(self.recommender, list(self.evaluated.languages), Query())


def open_site() -> Site:
    """The site of the settings in the checkout; an empty database is filled with the sample first (two minutes).

    Goes to the checkout's root, since paths of the settings are relative to it and Jupyter starts beside the notebook.
    """
    os.chdir(_root(Path.cwd()))
    settings = load_settings()
    store = open_store(settings.database_url.get_secret_value())
    if store.state().generation is None:
        with (SAMPLE / "articles.jsonl").open("rb") as stream:
            ingest(store.articles.upsert, open_source(stream, "articles.jsonl"), _stop)
        make_builder(store, settings).build()
    return Site(settings, store, make_recommender(store, settings), make_gazetteer(settings))


def sample_judgments() -> Mapping[str, Grades]:
    """The judged queries of the sample."""
    with as_file(SAMPLE / "qrels.txt") as file:
        return read_qrels(file)


def _root(folder: Path) -> Path:
    """The checkout that a folder lies in, or the folder."""
    return next((one for one in (folder, *folder.parents) if (one / "pyproject.toml").is_file()), folder)


def _stop(refusal: Refusal) -> None:
    raise InvalidInput(str(refusal))
