"""A small archive whose right answers are known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from recommender.articles.article import Article
from recommender.embedding.base import Embedder
from recommender.settings import Settings, load_settings
from recommender.wiring import make_builder, open_store

KEY = "a-key-of-the-tests-only"
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def story(
    article_id: str,
    title: str,
    summary: str,
    posted: str | datetime,
    *,
    edition: str = "Sahel",
    language: str = "en",
    reads: int = 0,
    **fields: object,
) -> Article:
    """An article with an address on example.org."""
    moment = posted if isinstance(posted, datetime) else datetime.fromisoformat(posted).replace(tzinfo=UTC)
    values = {"url": f"https://example.org/sahel/{article_id}", "body": f"{title}. {summary}"} | fields
    return Article(
        id=article_id,
        title=title,
        summary=summary,
        posted_on=moment,
        edition=edition,
        language=language,
        read_count=reads,
        **values,  # type: ignore[arg-type]
    )


# Five stories on a blockade, three on gold, two in French, two of the last days, and what must be handled with care.
ARCHIVE = (
    story(
        "blockade-1",
        "Fighters blockade fuel convoys near Bamako",
        "Tankers burn on the road as jihadist fighters blockade the Malian capital.",
        "2025-09-10",
        countries=("Mali",),
        tags=("blockade",),
        reads=100,
    ),
    story(
        "blockade-2",
        "Bamako runs out of fuel under jihadist blockade",
        "Queues grow at filling stations while convoys wait for an escort.",
        "2025-09-20",
        countries=("Mali",),
        tags=("blockade",),
        reads=900,
    ),
    story(
        "blockade-3",
        "Army escorts fuel convoys through the jihadist blockade",
        "Soldiers open the road to Bamako for a hundred tankers.",
        "2025-10-01",
        countries=("Mali",),
        tags=("blockade",),
        reads=300,
    ),
    story(
        "blockade-4",
        "Schools close as the fuel blockade of Bamako bites",
        "The Malian capital has no fuel for buses.",
        "2025-10-20",
        countries=("Mali", "Senegal"),
        tags=("blockade",),
        reads=200,
        image_url="https://example.org/images/school.jpg",
    ),
    story(
        "blockade-maghreb",
        "Algiers watches the fuel blockade of Bamako with alarm",
        "Diplomats fear that jihadist fighters will hold the Malian capital.",
        "2025-10-25",
        edition="Maghreb",
        countries=("Algeria", "Mali"),
        tags=("blockade",),
    ),
    story(
        "gold-1",
        "Niger takes over the uranium and gold mine of Arlit",
        "The junta nationalises the foreign mine and its ore.",
        "2025-06-20",
        countries=("Niger",),
        tags=("mining",),
    ),
    story(
        "gold-2",
        "Foreign mining company sues the junta over the gold mine",
        "Arbitrators are asked for a ruling on the nationalised ore.",
        "2025-07-15",
        countries=("Niger",),
        tags=("mining",),
    ),
    story(
        "gold-3",
        "Ore from the nationalised mine leaves for the coast",
        "A convoy carries uranium out of Arlit under the junta's guard.",
        "2025-11-01",
        countries=("Niger",),
        tags=("mining",),
    ),
    story(
        "fr-1",
        "Le blocus du carburant paralyse Bamako",
        "Les camions citernes attendent une escorte sur la route de Bamako.",
        "2025-10-02",
        language="fr",
        countries=("Mali",),
        tags=("blockade",),
    ),
    story(
        "fr-2",
        "L'armée escorte les camions citernes vers Bamako",
        "Le blocus du carburant continue malgré une escorte sur la route.",
        "2025-10-12",
        language="fr",
        countries=("Mali",),
        tags=("blockade",),
    ),
    story("lone", "Chess festival opens in Ouagadougou", "Grandmasters gather.", "2025-05-05", countries=("Benin",)),
    story("recent-read", "Rains arrive early", "Farmers sow millet.", YESTERDAY - timedelta(days=5), reads=5000),
    story("recent-new", "Wrestlers crown a champion", "Drums in Dakar.", YESTERDAY, reads=10),
    story(
        "held",
        "Court hears the fuel blockade case against Bamako officers",
        "Jihadist blockade of the Malian capital: convoys, tankers and an escort.",
        "2025-10-15",
        countries=("Mali",),
        tags=("blockade",),
        flags=("legal_hold",),
        reads=9000,
    ),
    story("unpublished", "Fuel blockade of Bamako, a draft", "Convoys.", "2025-10-16", status="unpublished"),
)


def settings_for(database: Path, **values: object) -> Settings:
    """The default settings on a SQLite file, with the demonstration pages; lists as in a settings file."""
    base = load_settings().model_dump() | {"database_url": SecretStr(f"sqlite:///{database}"), "demonstration": True}
    return Settings(**(base | values))


def build_archive(database: Path, articles: Sequence[Article] = ARCHIVE, embedder: Embedder | None = None) -> None:
    """A database file with the articles, built; with the model of the settings if `embedder` is None."""
    settings = settings_for(database)
    store = open_store(settings.database_url.get_secret_value())
    store.articles.upsert(articles)
    make_builder(store, settings, embedder).build()
    store.close()
