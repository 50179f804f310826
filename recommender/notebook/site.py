"""What a notebook begins with: the site of the settings, or the sample where that is empty."""

import atexit
import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file
from pathlib import Path

from pydantic import SecretStr

from recommender.articles.gazetteer import Gazetteer
from recommender.errors import InvalidInput
from recommender.evaluation.baselines import sidebars
from recommender.evaluation.evaluation import Evaluation, evaluate
from recommender.metrics import Grades
from recommender.ranking.scoring import DEFAULT, RankingModel
from recommender.release.cards import ModelCard
from recommender.release.comparison import VersionComparison
from recommender.release.gate import Check
from recommender.serving.answers import Query
from recommender.serving.recommender import Recommender
from recommender.settings import Settings, load_settings
from recommender.sources.files import open_source
from recommender.sources.ingest import Refusal, ingest
from recommender.store.base import Store
from recommender.temporary import TemporaryFolder
from recommender.wiring import (
    Evaluated,
    golden_pairs,
    make_builder,
    make_gazetteer,
    make_recommender,
    make_releasing,
    make_systems,
    open_store,
)
from recommender.workflows.compare import compare_versions
from recommender.workflows.judgments import OF_SAMPLE, judged_sets
from recommender.workflows.sample import ARTICLES, DATABASE, JUDGMENTS, put_sample_vectors, sample_file
from recommender.workflows.train import train_version


@dataclass(frozen=True)
class Site:
    """The services that notebooks use.

    Attributes
    ----------
    settings : Settings
        The settings in force.
    store : Store
        The open store; open it once in a notebook.
    recommender : Recommender
        Answers as the site does.
    gazetteer : Gazetteer
        The names of this release and of the settings.
    """

    settings: Settings
    store: Store
    recommender: Recommender
    gazetteer: Gazetteer

    @cached_property
    def evaluated(self) -> Evaluated:
        """The service and what it is compared with.

        Returns
        -------
        Evaluated
            `systems`, ranking functions by name, such as `systems[TFIDF]`; `languages`, by the id of each article.

        Raises
        ------
        NotBuilt
            There is no generation yet.
        """
        return make_systems(self.store, self.recommender)

    def evaluate(self, qrels: Mapping[str, Grades]) -> Evaluation:
        """All systems on judged queries.

        Parameters
        ----------
        qrels : mapping of str to mapping of str to int
            Grades, -1 to 3, by query and article id; `Site.qrels` has those of the site.

        Returns
        -------
        Evaluation
            Each measure of each system, 0 to 1, with its 95 % interval.

        Raises
        ------
        NotBuilt
            There is no generation yet.
        """
        return evaluate(self.evaluated.systems, qrels, self.evaluated.languages)

    def sidebars(self) -> Mapping[str, list[str]]:
        """The sidebar of every article, as readers get it.

        Returns
        -------
        mapping of str to list of str
            The id of each article of the generation to the ids shown beside it, in their order.

        Raises
        ------
        NotBuilt
            There is no generation yet.
        """
        return sidebars(self.recommender, list(self.evaluated.languages), Query())

    @cached_property
    def qrels(self) -> Mapping[str, Grades]:
        """The judged queries: the grades of the site's panels, and the sample's judgments where its articles are here.

        Returns
        -------
        mapping of str to mapping of str to int
            Grades, -1 to 3, by query and article id.

        Raises
        ------
        InvalidInput
            Nothing is judged.
        """
        sets = judged_sets(self.store, self.settings)
        if not sets:
            raise InvalidInput("Nothing is judged here yet. `recommender panel create` draws sidebars for grading.")
        return {query: grades for judged_set in sets for query, grades in judged_set.qrels.items()}

    def train(self, recipe: str, name: str, qrels: Path | None = None) -> ModelCard:
        """Trains a version on the archive by a recipe of models/recipes, as the command does.

        Parameters
        ----------
        recipe : str
            A file of models/recipes, such as "graded.toml".
        name : str
            What the version is called, NAME/VERSION; one that is there is never replaced.
        qrels : Path or None
            A file of judgments; if left out, those of the sample where its articles are here, else the grades of
            panels.

        Returns
        -------
        ModelCard
            Of the new version, which is a candidate: nothing is released.

        Raises
        ------
        InvalidInput
            The recipe, the name or the judgments cannot be used.
        ModelUnavailable
            The libraries for training or the base model are missing.
        NotBuilt
            There is no generation yet.
        """
        file = self._recipe(recipe)
        with as_file(sample_file(JUDGMENTS)) as sample:
            here = any(judged_set.name == OF_SAMPLE for judged_set in judged_sets(self.store, self.settings))
            judgments = qrels or (sample if here else None)
            return train_version(self.settings, self.store, file, name, qrels=judgments)

    def _recipe(self, name: str) -> Path:
        files = [folder / "recipes" / name for folder in (self.settings.models, Path("models"))]
        found = next((file for file in files if file.is_file()), None)
        if found is None:
            raise InvalidInput(f"There is no recipe {name}; looked for {' and '.join(map(str, files))}.")
        return found

    def live_weights(self) -> RankingModel:
        """The weights of the score that readers get.

        Returns
        -------
        RankingModel
            Its `weights` by part of the score in log-odds, `threshold` and `relief`; those of this release before a
            build.
        """
        live = self.store.generations.live()
        return DEFAULT if live is None or live.ranking is None else live.ranking

    def compare(self, first: str, second: str) -> VersionComparison:
        """Two versions on all judged sets and in all sidebars.

        Parameters
        ----------
        first, second : str
            Model versions, NAME/VERSION. Both are built in a temporary store, which takes minutes in a large archive.

        Returns
        -------
        VersionComparison
            Measures of both with intervals, and the sidebars that differ.

        Raises
        ------
        NotFound
            There is no such version.
        InvalidInput
            A version is damaged, or there is no published article.
        """
        return compare_versions(self.settings, self.store, first, second)

    def gate(self, name: str) -> list[Check]:
        """What the release gate says of a version; nothing is released.

        Parameters
        ----------
        name : str
            A model version, NAME/VERSION. It is built beside the live one.

        Returns
        -------
        list of Check
            Each with its name, whether it is passed, and what it measured.

        Raises
        ------
        NotFound
            There is no such version.
        InvalidInput
            The version is damaged.
        """
        number = make_builder(self.store, self.settings, name=name).build_beside()
        sets = judged_sets(self.store, self.settings)
        checks, _ = make_releasing(self.store, self.settings).checks(
            name, number, sets, golden_pairs(self.settings, None)
        )
        self.store.generations.drop_retired()
        return checks


def open_site(*, scratch: bool = False) -> Site:
    """The site of the settings in the checkout; where its database is empty the sample instead, in its own.

    Goes to the checkout's root, since paths of the settings are relative to it and Jupyter starts beside the notebook.
    With `scratch` the model versions are a copy that goes away with the notebook, and what is trained goes with it.

    Parameters
    ----------
    scratch : bool
        Whether the model versions are a temporary copy; False if left out.

    Returns
    -------
    Site
        With a generation that is built.

    Raises
    ------
    SettingsError
        A setting is unknown or wrong.
    StoreUnavailable
        The database does not answer.

    Examples
    --------
        site = open_site(scratch=True)
        site.evaluate(site.qrels)
    """
    os.chdir(_root(Path.cwd()))
    settings = load_settings()
    if scratch:
        temporary = TemporaryFolder("notebook")
        atexit.register(temporary.close)
        folder = temporary.path
        shutil.copytree(settings.models, folder / "models")
        settings = settings.model_copy(update={"models": folder / "models"})
    store = open_store(settings.database_url.get_secret_value())
    if not sum(store.articles.counts().values()):
        store.close()
        warnings.warn(f"The database of the settings is empty: this is the sample, in {DATABASE}.", stacklevel=2)
        settings = settings.model_copy(update={"database_url": SecretStr(DATABASE)})
        store = open_store(DATABASE)
        _fill(store)
    if store.state().generation is None:
        make_builder(store, settings).build()
    return Site(settings, store, make_recommender(store, settings), make_gazetteer(settings))


def _fill(store: Store) -> None:
    if not sum(store.articles.counts().values()):
        with sample_file(ARTICLES).open("rb") as stream:
            ingest(store.articles.upsert, open_source(stream, ARTICLES), _stop)
        put_sample_vectors(store)


def _root(folder: Path) -> Path:
    """The checkout that a folder lies in, or the folder."""
    return next((parent for parent in (folder, *folder.parents) if (parent / "pyproject.toml").is_file()), folder)


def _stop(refusal: Refusal) -> None:
    raise InvalidInput(str(refusal))
