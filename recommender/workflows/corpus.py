"""A corpus in a database of its own, for what must leave the site's alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from recommender.errors import InvalidInput
from recommender.progress import Progress, quiet
from recommender.settings import Settings
from recommender.sources.files import open_source
from recommender.sources.ingest import ingest
from recommender.store.base import Store
from recommender.temporary import TemporaryFolder
from recommender.wiring import make_builder, opened_store

_NOTE_REFUSALS = 5


@contextmanager
def corpus(settings: Settings, articles: Path | None, progress: Progress = quiet) -> Iterator[Store]:
    """The store of the settings, or a temporary one for a corpus of its own."""
    if articles is None:
        with opened_store(settings) as store:
            yield store
        return
    with TemporaryFolder("evaluate") as folder:
        # No reader of both texts is asked: what it said would go with the folder, and be paid for again next time.
        values = {"database_url": SecretStr(f"sqlite:///{folder}/corpus.db"), "reranker": ""}
        apart = settings.model_copy(update=values)
        with opened_store(apart) as store:
            refusals: list[str] = []
            with articles.open("rb") as stream:
                ingest(
                    store.articles.upsert,
                    open_source(stream, articles.name),
                    lambda refusal: refusals.append(str(refusal)),
                )
            if refusals:
                shown = "; ".join(refusals[:_NOTE_REFUSALS])
                raise InvalidInput(f"{len(refusals)} articles are not valid, so no figure would mean anything: {shown}")
            make_builder(store, apart).build(progress=progress)
            yield store
