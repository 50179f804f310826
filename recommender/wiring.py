"""Assembly: the only module that sees every adapter. Each is imported where it is made, so commands start fast."""

import logging
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from recommender.articles.gazetteer import Gazetteer, parse_gazetteer
from recommender.build.model_version import ModelVersion
from recommender.embedding.base import Embedder
from recommender.progress import Progress
from recommender.ranking.scoring import DEFAULT, READER, RankingModel
from recommender.retrieval.base import Toolbox
from recommender.serving.answers import RankingDefaults
from recommender.serving.recommender import Recommender
from recommender.serving.wording import Wording
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.store.limits import COMMAND, TimeLimits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recommender.arrays import Vectors
    from recommender.articles.gazetteer import Name
    from recommender.build.builder import Builder, LiveBuilder
    from recommender.desk.accounts import Accounts
    from recommender.desk.decisions import Decisions
    from recommender.desk.keys import Keys
    from recommender.desk.second_factor import Policy
    from recommender.evaluation.evaluation import System
    from recommender.release.cards import ModelCard
    from recommender.release.golden_pairs import GoldenPair
    from recommender.release.interleaving import Interleaver, InterleavingControl
    from recommender.release.promotion import Releasing
    from recommender.release.registry import FolderRegistry
    from recommender.release.shadow import Shadowing
    from recommender.serving.export import Files
    from recommender.serving.fragment import Fragment
    from recommender.serving.prepared import Sweep
    from recommender.serving.reading import BoxReading, FollowUp
    from recommender.serving.recorder import Recorder
    from recommender.sources.fetching import Fetcher
    from recommender.sources.ingest import Reader
    from recommender.sources.publishing import Publishing
    from recommender.store.dump import Dump
    from recommender.store.inspection import Inspection
    from recommender.training.ranking_weights import Fitter
    from recommender.training.training import Base, TrainingServices

# ruff: noqa: PLC0415  # imports inside functions are this module's purpose: the web process must not load torch

_log = logging.getLogger(__name__)

COPIED_AT_ONCE = 500
WORKER_STATEMENT_SECONDS = 60


def utc_now() -> datetime:
    """The clock of every service that needs one."""
    return datetime.now(UTC)


def open_store(database_url: str, limits: TimeLimits = COMMAND) -> Store:
    """The store behind an address, with the tables of this release.

    The tables of an older release are brought up to date first. Close it with `close()` at the end.

    Parameters
    ----------
    database_url : str
        `sqlite:///FILE` or `postgresql+psycopg://user:password@host/name`; `settings.database_url.get_secret_value()`
        has that of the settings.
    limits : TimeLimits
        How long a connection, a statement and a writer's turn may take; if left out, as long as commands let them.

    Returns
    -------
    Store
        `articles.upsert(articles)` puts articles into it. Safe to use from several threads.

    Raises
    ------
    SettingsError
        It is not such an address.
    StoreUnavailable
        The database does not answer, or a newer release has written it.
    """
    from recommender.store.sql.database import Database
    from recommender.store.sql.schema import upgrade
    from recommender.store.sql.store import SqlStore

    database = Database(database_url, limits)
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)


def service_limits(settings: Settings) -> TimeLimits:
    """How long a process that answers requests waits for the database."""
    return TimeLimits(
        settings.database_connect_seconds, settings.database_statement_seconds, settings.database_lock_seconds
    )


def worker_limits(settings: Settings) -> TimeLimits:
    """How long the process with the embedding model waits: it reads whole tables, and must notice when it waits for
    nothing."""
    limits = service_limits(settings)
    return replace(limits, statement=max(WORKER_STATEMENT_SECONDS, limits.statement))


@contextmanager
def opened_store(settings: Settings) -> "Iterator[Store]":
    """The store of the settings, closed at the end."""
    store = open_store(settings.database_url.get_secret_value())
    try:
        yield store
    finally:
        store.close()


@contextmanager
def opened_dump(database_url: str) -> "Iterator[Dump]":
    """A database as a whole, to be copied or replaced; its tables stay as they are."""
    from recommender.store.sql.database import Database
    from recommender.store.sql.dump import SqlDump

    database = Database(database_url)
    try:
        yield SqlDump(database)
    finally:
        database.close()


@contextmanager
def opened_inspection(database_url: str) -> "Iterator[Inspection]":
    """A database as those see it who look for faults; its tables stay as they are."""
    from recommender.store.sql.database import Database
    from recommender.store.sql.inspection import SqlInspection

    database = Database(database_url)
    try:
        yield SqlInspection(database)
    finally:
        database.close()


def database_file(settings: Settings) -> Path | None:
    """The file of the settings' database; None where a server keeps it. Raises SettingsError."""
    from recommender.store.sql.database import sqlite_file

    return sqlite_file(settings.database_url.get_secret_value())


def make_registry(settings: Settings) -> "FolderRegistry":
    """The model versions of the settings' folder."""
    from recommender.release.registry import FolderRegistry

    return FolderRegistry(settings.models)


def check_model(settings: Settings) -> str:
    """The version of the embedding model that builds use, whose files are those promised; none is loaded or fetched.

    Raises ModelUnavailable, NotFound and InvalidInput for one that is missing, damaged or another.
    """
    return make_model_version(settings.model_copy(update={"model_download": False}))[1].version


def make_fetcher() -> "Fetcher":
    """Fetches what stands at public addresses."""
    from recommender.sources.fetching import Fetcher

    return Fetcher()


def make_gazetteer(settings: Settings) -> Gazetteer:
    """The names of this release, and those of the settings' file, which replace others with the same key.

    Raises InvalidInput for a table that is wrong.
    """
    if settings.gazetteer is None:
        return _released_gazetteer()
    from recommender.sources.tables import read_gazetteer

    released, own = _released_names(), settings.gazetteer
    return Gazetteer([*released, *parse_gazetteer(read_gazetteer(own), str(own), (name.key for name in released))])


@cache
def _released_names() -> "list[Name]":
    from importlib.resources import files

    from recommender.sources.tables import read_gazetteer

    return parse_gazetteer(read_gazetteer(files("recommender") / "articles" / "gazetteer.csv"), "gazetteer.csv")


@cache
def _released_gazetteer() -> Gazetteer:
    return Gazetteer(_released_names())


def make_toolbox(gazetteer: Gazetteer) -> Toolbox:
    """Word weights by scikit-learn, exact search by scikit-learn and SciPy, each loaded at its first use."""

    from recommender.retrieval.terms import FORMAT

    def fit_lexical(articles):  # type: ignore[no-untyped-def]  # the field of Toolbox says the types
        from recommender.retrieval.tfidf import TfidfModel

        return TfidfModel.fit(articles, gazetteer)

    def read_lexical(data):  # type: ignore[no-untyped-def]
        from recommender.retrieval.tfidf import TfidfModel

        return TfidfModel.from_bytes(data, gazetteer)

    def index(vectors):  # type: ignore[no-untyped-def]
        from recommender.retrieval.exact import ExactIndex

        return ExactIndex(vectors)

    def term_index(rows):  # type: ignore[no-untyped-def]
        from recommender.retrieval.sparse import SparseTermIndex

        return SparseTermIndex(rows)

    return Toolbox(f"{gazetteer.digest}/{FORMAT}", fit_lexical, read_lexical, index, term_index)


def make_model_version(settings: Settings, name: str | None = None) -> tuple[ModelVersion, Embedder]:
    """The live version of the registry, or the one with a name, and its embedder; the model is loaded when needed.

    The setting `model` overrides the live version's embedding. Raises NotFound and InvalidInput for a version
    that is not there or damaged.
    """
    from recommender.embedding.model_files import DEFAULT_MODEL
    from recommender.errors import InvalidInput
    from recommender.release.cards import BUILT_IN

    registry = make_registry(settings)
    wanted = name or registry.live()
    if wanted == BUILT_IN and wanted not in registry.names():
        model_version, model, version, promised = ModelVersion(BUILT_IN, DEFAULT), DEFAULT_MODEL, None, None
    else:
        card = _verified_card(registry, wanted)
        model_version, embedding = ModelVersion(wanted, card.ranking), card.embedding
        files = None if embedding.files is None else registry.folder(wanted) / embedding.files
        model, version = (embedding.model or "", None) if files is None else (str(files), wanted)
        promised = embedding.version if files is None else None  # of files that are its own the digests are on the card
    if settings.model is not None and name is None:
        model, version, promised = settings.model, None, None
    embedder = make_embedder(model, name=version, download=settings.model_download)
    if promised not in (None, embedder.version):
        raise InvalidInput(f"The model version {wanted} is of {promised}, but here is {embedder.version}.")
    return model_version, embedder


def make_embedder(model: str, *, name: str | None = None, download: bool = False) -> Embedder:
    """The embedder of a model as `find_model` takes it, or of several joined by `+`; `name` is a folder's in its
    version. The model is loaded when the first text comes.
    """
    from recommender.embedding.joined import JoinedEmbedder
    from recommender.embedding.model_files import UNIVERSAL_ENCODER, model_names
    from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
    from recommender.embedding.universal_encoder import UniversalEncoderEmbedder

    names = model_names(model)
    if len(names) > 1:
        return JoinedEmbedder([make_embedder(part, download=download) for part in names])
    if model == UNIVERSAL_ENCODER:
        return UniversalEncoderEmbedder()
    return SentenceTransformerEmbedder(model, name=name, download=download)


def installed_models(settings: Settings) -> list[str]:
    """The embedding models on this machine: of packages, alone and joined, and of model versions; each as the setting
    `model` names one.
    """
    from recommender.embedding.model_files import DEFAULT_MODEL, UNIVERSAL_ENCODER
    from recommender.errors import ModelUnavailable

    registry = make_registry(settings)
    models = [DEFAULT_MODEL, UNIVERSAL_ENCODER, f"{DEFAULT_MODEL}+{UNIVERSAL_ENCODER}"]
    for name in registry.names():
        embedding = registry.card(name).embedding
        models.append(str(registry.folder(name) / embedding.files) if embedding.files else embedding.model or "")
    installed = []
    for model in dict.fromkeys(models):
        try:
            _ = make_embedder(model).version
        except ModelUnavailable:
            continue
        installed.append(model)
    return installed


def model_bytes(model: str, *, download: bool = False) -> int:
    """The bytes of the files of a model as `make_embedder` takes it. Raises ModelUnavailable."""
    from recommender.embedding.model_files import find_model, model_names

    return sum(_size(find_model(part, download=download).folder) for part in model_names(model))


def _verified_card(registry: "FolderRegistry", name: str) -> "ModelCard":
    """The card of a version whose files are those of the card. Raises NotFound, and InvalidInput for a damaged one."""
    from recommender.errors import InvalidInput

    card = registry.card(name)
    if problems := registry.verify(name):
        raise InvalidInput(f"The model version {name} is damaged: {'; '.join(problems)}")
    return card


def make_box_reading(store: Store, settings: Settings, name: str, ranking: RankingModel) -> "BoxReading | None":
    """What reads the boxes of a model version, None where no reader counts for it.

    A version whose card names a reader has the verdicts of that one; it is asked only where it is that of the settings.
    Another has the reader of the settings, if its weights make something of grades.
    """
    from recommender.errors import Unavailable
    from recommender.rerankers import open_reranker
    from recommender.serving.reading import BoxReading

    if not ranking.weights.get(READER):
        return None
    try:
        opened = open_reranker(settings)
        version = None if opened is None else opened.reranker.version
    except Unavailable as error:  # its files are away: what it has said counts on
        opened, version = None, store.generations.reranker(store.state().generation or 0)
        _log.warning("The reader %s cannot be used, and the service goes on without it: %s", settings.reranker, error)
    registry = make_registry(settings)
    named = registry.card(name).reranker if name in registry.names() else None
    version = named or version
    if version is None:
        return None
    asked = opened is not None and opened.reranker.version == version
    if named is not None and opened is not None and not asked:
        _log.warning("%s is bound to the reader %s: %s is not asked.", name, named, opened.reranker.version)
    return BoxReading(
        store,
        lambda view: make_recommender(view, settings),
        version,
        opened.reranker if opened is not None and asked else None,
        utc_now,
        candidates=settings.reranker_candidates,
        at_once=1 if opened is None else opened.at_once,
        cost=opened.cost if opened is not None and asked else None,
    )


def make_follow_up(store: Store, settings: Settings) -> "FollowUp":
    """Reads the boxes that updates have changed."""
    from recommender.serving.reading import BoxReading, FollowUp

    held: dict[int, BoxReading | None] = {}

    def reading_of_live() -> BoxReading | None:
        live = store.state().generation
        if live is not None and live not in held:
            held.clear()
            name, ranking = store.generations.model_version(live), store.generations.ranking(live)
            reading = make_box_reading(store, settings, name or "", ranking or DEFAULT)
            # A generation goes on with the reader that it was built with.
            same = reading is not None and reading.version == store.generations.reranker(live)
            held[live] = reading if same else None
        return None if live is None else held[live]

    return FollowUp(store, reading_of_live, utc_now)


def make_builder(
    store: Store,
    settings: Settings,
    embedder: Embedder | None = None,
    name: str | None = None,
    changed: "Callable[[Sequence[int]], object] | None" = None,
) -> "Builder":
    """A builder of candidate lists: with the model version of the settings, or with the one of a name.

    Parameters
    ----------
    store : Store
        Where articles are taken from, and generations kept.
    settings : Settings
        Their model versions, names and threshold.
    embedder : Embedder or None
        Used instead of the version's own embedding model, if given.
    name : str or None
        A model version, NAME/VERSION; None takes the live one.
    changed : callable or None
        Is told which articles an update has taken in, by number.

    Returns
    -------
    Builder
        The embedding model is loaded when it is first needed.

    Raises
    ------
    NotFound
        There is no such version.
    InvalidInput
        The version is damaged, or the table of names is wrong.
    ModelUnavailable
        The embedding model is not on this machine.
    """
    from recommender.build.builder import Builder
    from recommender.release.interleaving import end_left
    from recommender.serving.prepared import prepare
    from recommender.store.generation_view import generation_view

    def prepare_beside(number: int, progress: Progress) -> None:
        prepare(store, make_recommender(generation_view(store, number), settings), progress)

    def switched() -> None:
        end_left(store, "recommender build", utc_now())

    model_version, own = make_model_version(settings, name)
    toolbox = make_toolbox(make_gazetteer(settings))
    return Builder(
        store,
        embedder or own,
        toolbox,
        model_version,
        utc_now,
        min_score=settings.min_score,
        prepare=prepare_beside,
        switched=switched,
        boxes=make_box_reading(store, settings, model_version.name, model_version.ranking),
        changed=changed or (lambda _numbers: None),
    )


def make_live_builder(
    store: Store, settings: Settings, changed: "Callable[[Sequence[int]], object] | None" = None
) -> "LiveBuilder":
    """Takes articles in and compares drafts, with the embedding model of the live version.

    `changed` is told which articles were taken in.
    """
    from recommender.build.builder import LiveBuilder

    return LiveBuilder(store, lambda name: make_builder(store, settings, name=name, changed=changed))


def make_recommender(
    store: Store,
    settings: Settings,
    clock: Callable[[], datetime] = utc_now,
    ranking: RankingModel | None = None,
) -> Recommender:
    """Answers requests from the store, by the weights of its generation or those of a ranking model that is given.

    Parameters
    ----------
    store : Store
        An open store; it must stay open.
    settings : Settings
        The site's choices where a query makes none: threshold, diversity, roles, other languages, names.
    clock : callable
        Gives the time, aware and in UTC.
    ranking : RankingModel or None
        Weights to use instead of those of the generation.

    Returns
    -------
    Recommender
        Loads no model; safe to use from several threads. It notices each change of the store.

    Raises
    ------
    InvalidInput
        The table of names is wrong.
    """
    defaults = RankingDefaults(
        settings.min_score, settings.diversity, ranking, settings.roles, settings.other_languages
    )
    texts = {key: texts.model_dump(exclude_none=True) for key, texts in settings.sidebar_texts.items()}
    wording = Wording(settings.sidebar_heading, texts)
    return Recommender(store, defaults, make_gazetteer(settings), clock, wording)


def make_accounts(
    store: Store,
    clock: Callable[[], datetime] = utc_now,
    pause: Callable[[float], None] = time.sleep,
    second_factor: "Policy" = "optional",
) -> "Accounts":
    """Signs people in, with passwords kept by scrypt; `pause` waits before a refusal.

    `second_factor` says who must have one.
    """
    from recommender.desk.accounts import Accounts
    from recommender.desk.attempts import Attempts
    from recommender.desk.one_time_codes import PyotpCodes
    from recommender.desk.passwords import ScryptPasswords
    from recommender.desk.second_factor import SecondFactors

    factors = SecondFactors(store, PyotpCodes(), clock, second_factor)
    return Accounts(store, ScryptPasswords(), clock, pause, factors, Attempts(store, clock))


def make_keys(store: Store, settings: Settings, clock: Callable[[], datetime] = utc_now) -> "Keys":
    """Which programs may do what: the keys in the store, and those of the settings."""
    from recommender.desk.keys import Keys

    return Keys(store, clock, [key.get_secret_value() for key in settings.api_keys])


def make_publishing(store: Store, by: str, clock: Callable[[], datetime] = utc_now) -> "Publishing":
    """Keeps articles in the name of `by`, and writes down what has changed."""
    from recommender.sources.publishing import Publishing

    return Publishing(store, by, clock)


def code_of_language(text: str) -> str | None:
    """The code that articles carry for a language's code or name in any form; None for what is neither."""
    from recommender.sources.languages import language_code

    return language_code(text)


def make_reader(settings: Settings, field_map: "Iterable[str]" = ()) -> "Reader":
    """Reads records as the site writes them: by its settings, and by further entries of a map of fields.

    Raises InvalidInput for an entry that is not one.
    """
    from recommender.articles.reading import Conventions
    from recommender.sources.field_map import FieldMap
    from recommender.sources.ingest import Reader
    from recommender.sources.languages import language_code

    def recognise(text: str) -> str | None:
        from recommender.sources.detection import recognise  # loads its model at the first text without a code

        code = recognise(text)
        return None if code is None else language_code(code)

    conventions = Conventions(
        settings.site_url, ZoneInfo(settings.time_zone), settings.date_order, language_code, recognise
    )
    return Reader(FieldMap.of((*settings.field_map, *field_map)), conventions)


def make_decisions(store: Store, clock: Callable[[], datetime] = utc_now) -> "Decisions":
    """What editors decide."""
    from recommender.desk.decisions import Decisions

    return Decisions(store, clock)


def make_recorder(store: Store, recommender: Recommender) -> "Recorder":
    """Writes down what is shown."""
    from recommender.serving.recorder import Recorder

    return Recorder(store, recommender.gazetteer, utc_now, recommender.wording)


def make_sweep(store: Store, settings: Settings) -> "Sweep":
    """Keeps prepared answers and the ledger up to date."""
    from recommender.serving.prepared import Sweep

    return Sweep(store, make_recommender(store, settings))


def make_releasing(store: Store, settings: Settings) -> "Releasing":
    """Promotes, rolls back, and runs model versions in the shadow."""
    from recommender.release.promotion import Releasing

    return Releasing(
        store,
        make_registry(settings),
        lambda name: make_builder(store, settings, name=name),
        lambda view: make_recommender(view, settings),
        utc_now,
    )


def golden_pairs(settings: Settings, path: Path | None) -> "list[GoldenPair]":
    """The golden pairs of a file, or of the models' folder. Raises InvalidInput for a file that is wrong."""
    from recommender.release.golden_files import read_golden

    file = path or settings.models / "golden.yaml"
    return read_golden(file) if path or file.is_file() else []


def make_shadowing(store: Store, settings: Settings) -> "Shadowing":
    """Computes what a model version in the shadow would show."""
    from recommender.release.shadow import Shadowing

    return Shadowing(store, lambda view: make_recommender(view, settings))


def make_interleaving(store: Store, settings: Settings, recommender: Recommender) -> "Interleaver":
    """Mixes the sidebars of two model versions while they are interleaved, and counts clicks."""
    import secrets

    from recommender.release.interleaving import Interleaver

    key = store.accounts.secret("interleaving", secrets.token_urlsafe(48))
    return Interleaver(store, recommender, lambda view: make_recommender(view, settings), key)


def make_interleaving_control(store: Store) -> "InterleavingControl":
    """Starts and ends interleavings of two model versions, and reports on them."""
    from recommender.release.interleaving import InterleavingControl

    return InterleavingControl(store, utc_now)


def make_fragment_of() -> "Fragment":
    """Renders sidebars as HTML, outside the web application."""
    from recommender.serving.fragment import make_fragment

    return make_fragment()


def make_files(path: Path) -> "Files":
    """A folder for sidebars as files."""
    from recommender.serving.export_folder import Folder

    return Folder(path)


def make_base(settings: Settings, name: str) -> "Base":
    """The model version that a recipe starts from.

    Raises NotFound, ModelUnavailable, and InvalidInput for a damaged one.
    """
    from recommender.embedding.model_files import (
        DEFAULT_DIMENSION,
        DEFAULT_MODEL,
        UNIVERSAL_ENCODER,
        find_model,
        model_names,
    )
    from recommender.release.cards import BUILT_IN, Embedding
    from recommender.training.training import Base

    registry = make_registry(settings)
    if name == BUILT_IN and name not in registry.names():
        model_files = find_model(DEFAULT_MODEL)
        about = Embedding(DEFAULT_MODEL, None, model_files.version, DEFAULT_DIMENSION, _size(model_files.folder))
        return Base(name, about, model_files.folder, DEFAULT)
    card = _verified_card(registry, name)
    folder: Path | None
    if card.embedding.files is not None:
        folder = registry.folder(name) / card.embedding.files
    else:
        names = model_names(card.embedding.model or "")
        found = [find_model(part, download=settings.model_download).folder for part in names]
        folder = found[0] if len(found) == 1 and names[0] != UNIVERSAL_ENCODER else None
    return Base(name, card.embedding, folder, card.ranking)


def make_candidate(
    settings: Settings, model: str, name: str, by: str, licence: str, *, reader: bool | None = None
) -> "tuple[ModelCard, dict[str, Path]]":
    """The card and the files of a version with another embedding model and the weights of the live one.

    `model` is as `make_embedder` takes it; the files of a folder become the version's own. With `reader` it is bound to
    the reader of the settings; with False it makes nothing of grades; None leaves both as they are. Raises
    ModelUnavailable, InvalidInput for files that no version may hold, and SettingsError without a reader to bind it to.
    """
    from recommender.embedding.model_files import DEFAULT_MODEL
    from recommender.release.cards import CANDIDATE, Embedding, HistoryEntry, ModelCard
    from recommender.training.training import EMBEDDING
    from recommender.version import __version__

    live = make_model_version(settings, make_registry(settings).live())[0]
    ranking, reranker = _with_reader(live.ranking, settings, reader)
    folder = Path(model).expanduser()
    own = model != DEFAULT_MODEL and folder.is_dir()
    embedder = make_embedder(model, name=name if own else None, download=settings.model_download)
    given = make_embedder(model, download=settings.model_download).version
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()] if own else []
    now = utc_now()
    card = ModelCard(
        name=name,
        made_on=now.date(),
        made_with=f"recommender {__version__}",
        embedding=Embedding(
            None if own else model,
            EMBEDDING if own else None,
            embedder.version,
            embedder.embed([""]).shape[1],
            model_bytes(model, download=settings.model_download),
        ),
        ranking=ranking,
        reranker=reranker,
        training={"base": live.name, "embedding": given, "weights": f"those of {live.name}"},
        licence=licence,
        history=(HistoryEntry(now, by, CANDIDATE, f"added from {given}"),),
    )
    return card, {f"{EMBEDDING}/{path.relative_to(folder).as_posix()}": path for path in paths}


def _with_reader(ranking: RankingModel, settings: Settings, reader: bool | None) -> tuple[RankingModel, str | None]:
    """Weights that make something of grades, or nothing, and the version of the reader that they are bound to."""
    from recommender.errors import SettingsError
    from recommender.rerankers import open_reranker

    if reader is None:
        return ranking, None
    if not reader:
        return replace(ranking, weights={**ranking.weights, READER: 0.0}), None
    opened = open_reranker(settings)
    if opened is None:
        raise SettingsError("The setting `reranker` names no reader to bind the version to.")
    worth = ranking if ranking.weights[READER] else DEFAULT
    weights = {**ranking.weights, READER: worth.weights[READER]}
    relief = {**ranking.relief, READER: worth.relief[READER]}
    return replace(ranking, weights=weights, relief=relief), opened.reranker.version


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def make_training(settings: Settings, name: str) -> "TrainingServices":
    """What it takes to train the version `name`. Raises ModelUnavailable without the libraries that training needs."""
    from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
    from recommender.evaluation.baselines import service_system
    from recommender.release.cards import Embedding
    from recommender.training.sentence_transformers_trainer import SentenceTransformersTrainer
    from recommender.training.training import EMBEDDING, TrainingServices

    def system(store: Store, model: RankingModel) -> "System":
        return service_system(make_recommender(store, settings, ranking=model))

    @contextmanager
    def built(store: Store, model: str) -> "Iterator[Store]":
        # What is learned is how the measured parts count: no reader is asked for it.
        unread = settings.model_copy(update={"reranker": ""})
        with copied(store) as beside:
            make_builder(beside, unread, make_embedder(model)).build()
            yield beside

    def described(folder: Path) -> Embedding:
        embedder = SentenceTransformerEmbedder(str(folder), name=name)
        return Embedding(None, EMBEDDING, embedder.version, embedder.embed([""]).shape[1], _size(folder))

    return TrainingServices(SentenceTransformersTrainer(), make_fitter(), described, system, built)


@contextmanager
def copied(store: Store) -> "Iterator[Store]":
    """A temporary store with the articles of the live generation of another, to be built anew."""
    from recommender.errors import NotBuilt
    from recommender.temporary import TemporaryFolder

    generation = store.state().generation
    if generation is None:
        raise NotBuilt
    numbers = store.generations.numbers(generation)
    with TemporaryFolder("train") as folder:
        beside = open_store(f"sqlite:///{folder}/articles.db")
        try:
            for start in range(0, len(numbers), COPIED_AT_ONCE):
                beside.articles.upsert(list(store.articles.get(numbers[start : start + COPIED_AT_ONCE]).values()))
            yield beside
        finally:
            beside.close()


def make_fitter() -> "Fitter":
    """Learns ranking models."""
    from recommender.training.ordinal_regression import fit

    return fit


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation runs on: the systems by name, and the language of each article."""

    systems: "Mapping[str, System]"
    languages: dict[str, str]


def make_systems(store: Store, recommender: Recommender) -> Evaluated:
    """The service and what it is compared with, over the articles and vectors of the store. Raises NotBuilt."""
    import numpy as np

    from recommender.articles.labels import full_text
    from recommender.embedding.pooling import Geometry
    from recommender.errors import NotBuilt
    from recommender.evaluation.baselines import (
        BM25,
        DENSE,
        FUSION,
        LATEST,
        MOST_READ,
        RANK_FUSION,
        TAG_PLUGIN,
        TFIDF,
        TFIDF_TAGS,
        Archive,
        service_system,
    )
    from recommender.evaluation.evaluation import SERVICE
    from recommender.retrieval.bm25 import Bm25Index
    from recommender.retrieval.tfidf import PlainTfidf, words

    live = store.generations.live()
    if live is None:
        raise NotBuilt
    members = store.generations.members(live.model, live.number)
    by_number = store.articles.get([member.number for member in members])
    articles = [by_number[member.number] for member in members]
    texts = [full_text(article) for article in articles]
    documents = [words(text, article.language) for text, article in zip(texts, articles, strict=True)]
    centres = Geometry.from_bytes(live.geometry).embeddings
    vectors = np.stack([centres.centred(member.vector, member.language) for member in members])
    tags = [" ".join(article.tags) for article in articles]
    tfidf = PlainTfidf(texts)
    tagged = PlainTfidf([f"{text} {labels}" for text, labels in zip(texts, tags, strict=True)])
    of_tags = PlainTfidf(tags)
    bm25 = Bm25Index(documents)
    archive = Archive(articles)

    def dense(place: int) -> "Vectors":
        nearest: Vectors = vectors @ vectors[place]
        return nearest

    systems = {
        LATEST: archive.ranked(archive.latest),
        MOST_READ: archive.ranked(archive.most_read),
        TAG_PLUGIN: archive.ranked(archive.shared_tags),
        TFIDF: archive.ranked(tfidf.scores),
        TFIDF_TAGS: archive.ranked(tagged.scores),
        BM25: archive.ranked(lambda place: bm25.scores(documents[place])),
        DENSE: archive.ranked(dense),
        FUSION: archive.fused(tfidf.scores, dense),
        RANK_FUSION: archive.rank_fused(dense, tagged.scores, of_tags.scores),
        SERVICE: service_system(recommender),
    }
    return Evaluated(systems, {article.id: article.language for article in articles})
