"""Two model versions side by side, each built in a database of its own."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from pydantic import SecretStr

from recommender.articles.article import Article
from recommender.embedding.pooling import article_vectors
from recommender.errors import InvalidInput
from recommender.processes import in_own_process
from recommender.progress import Progress, quiet
from recommender.release.comparison import (
    ComparedVersion,
    Cost,
    Timed,
    VersionComparison,
    compare,
    copy_articles,
    copy_vectors,
    copy_verdicts,
    learned_queries,
    lineage,
)
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.store.generation_view import generation_view
from recommender.temporary import TemporaryFolder
from recommender.wiring import (
    make_base,
    make_builder,
    make_model_version,
    make_recommender,
    make_registry,
    opened_store,
)
from recommender.workflows.judgments import judged_sets, read_sets

_EMBEDDED = 20  # articles whose embedding is timed


def compare_versions(
    settings: Settings, store: Store, first: str, second: str, files: Sequence[Path] = (), *, progress: Progress = quiet
) -> VersionComparison:
    """How two model versions differ: on judged queries, and in the sidebars of the whole archive.

    `files` are files of judgments; without any the sample's are taken where its articles are here, and those of panels.
    """
    for name in (first, second):
        make_model_version(settings, name)  # says what is wrong with it before the work
    with _apart(settings) as apart:
        sets = read_sets(files) or judged_sets(store, settings)
        keys = copy_articles(store, apart)
        if not keys:
            raise InvalidInput("There is no published article yet. Run `recommender ingest` first.")
        sides = [_side(settings, store, apart, name, keys, progress=progress) for name in (first, second)]
        return compare(sides[0], sides[1], sets)


@contextmanager
def _apart(settings: Settings) -> Iterator[Store]:
    """A temporary store."""
    with TemporaryFolder("compare") as folder:
        apart = settings.model_copy(update={"database_url": SecretStr(f"sqlite:///{folder}/compare.db")})
        with opened_store(apart) as store:
            yield store


def _side(
    settings: Settings, store: Store, apart: Store, name: str, keys: list[str], *, progress: Progress
) -> ComparedVersion:
    """A model version, built apart; what it embeds and reads anew is kept with the site."""
    _, embedder = make_model_version(settings, name)
    timed = Timed(embedder)
    builder = make_builder(apart, settings, timed, name=name)
    copy_vectors(store, apart, builder.version, keys)
    copy_verdicts(store, apart, builder.reranker)
    started = time.perf_counter()
    number = builder.build_beside(progress)
    build = time.perf_counter() - started - timed.seconds
    copy_vectors(apart, store, builder.version, keys)
    copy_verdicts(apart, store, builder.reranker)
    beside = generation_view(apart, number)
    numbers = apart.generations.numbers(number)
    sampled = numbers[:: max(1, len(numbers) // _EMBEDDED)][:_EMBEDDED]
    articles = list(apart.articles.get(sampled).values())
    milliseconds, memory = _measured(settings, name, articles)
    disk = make_base(settings, name).embedding.bytes
    cost = Cost(milliseconds, memory, disk, build)
    registry = make_registry(settings)
    learned = learned_queries(registry, lineage(registry, name))
    return ComparedVersion(name, beside, make_recommender(beside, settings), cost, learned)


def _measured(settings: Settings, name: str, articles: Sequence[Article]) -> tuple[float, int]:
    """Milliseconds for the embedding of one article, and bytes of memory, in a process of its own."""
    return in_own_process(embedding_cost, settings, name, articles)


def embedding_cost(settings: Settings, name: str, articles: Sequence[Article]) -> tuple[float, int]:
    """Median milliseconds for the embedding of an article, and the most bytes that this process has had in memory."""
    import resource  # noqa: PLC0415  # not on every system, and only this needs it

    _, embedder = make_model_version(settings, name)
    article_vectors(embedder, articles[:1])  # loads the model
    seconds = []
    for article in articles:
        started = time.perf_counter()
        article_vectors(embedder, [article])
        seconds.append(time.perf_counter() - started)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1_000 * median(seconds), most if sys.platform == "darwin" else 1_024 * most
