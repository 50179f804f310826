"""Archives as other systems write them, each read by one command."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recommender.articles.article import Article
from recommender.settings import load_settings
from recommender.wiring import opened_store
from tests.cli.conftest import Run
from tests.sources.test_feeds import RSS

Taken = Callable[..., dict[str, Article]]


@pytest.fixture
def taken(run: Run, empty: Path, tmp_path: Path) -> Taken:
    """Reads a file by the command; what is stored then, by id."""

    def call(name: str, content: str | bytes, *options: str) -> dict[str, Article]:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        result = run("ingest", name, *options)
        assert result.exit_code == 0, result.output + result.stderr
        with opened_store(load_settings()) as store:
            numbers = [facts.number for facts in store.articles.facts_since(-1)]
            return {article.id: article for article in store.articles.get(numbers).values()}

    return call


def lines(**fields: list[Any]) -> str:
    """A record for each value of a field; its id is the place of the value."""
    ((name, values),) = fields.items()
    records = [{"id": str(n), "title": "Rain", "body": "Rain at Gao.", name: value} for n, value in enumerate(values)]
    return "\n".join(map(json.dumps, records))


STATUSES = {
    "publish": "published",
    "Published": "published",
    True: "published",
    "1": "published",
    "": "published",
    "draft": "draft",
    "auto-draft": "draft",
    "pending": "draft",
    "future": "published",
    "scheduled": "published",
    "private": "unpublished",
    "trash": "unpublished",
    "inherit": "unpublished",
    "archived": "unpublished",
    "unpublished": "unpublished",
    False: "unpublished",
    "0": "unpublished",
    "gone fishing": "unpublished",
}


def test_statuses_of_publishing_systems(taken: Taken) -> None:
    records = [
        {"id": str(n), "title": "Rain", "body": "It rains.", "status": word, "posted_on": "2099-01-01"}
        for n, word in enumerate(STATUSES)
    ]
    articles = taken("news.jsonl", "\n".join(map(json.dumps, records)))
    assert {word: articles[str(n)].status for n, word in enumerate(STATUSES)} == STATUSES


def test_scheduled_without_date_is_not_public(taken: Taken) -> None:
    assert taken("news.jsonl", lines(status=["future"]))["0"].status == "draft"


@pytest.mark.parametrize(
    "field", [{"password": "secret"}, {"visibility": "private"}, {"draft": True}, {"published": False}]
)
def test_records_kept_back_are_not_public(taken: Taken, field: dict[str, object]) -> None:
    record = {"id": "a", "title": "Rain", "body": "It rains.", "status": "publish"}
    assert taken("news.jsonl", json.dumps(record | field))["a"].status == "unpublished"


MORNING = datetime(2024, 9, 17, 8, 30, tzinfo=UTC)
MIDNIGHT = datetime(2024, 9, 17, tzinfo=UTC)
DATES: list[tuple[Any, datetime | None]] = [
    ("2024-09-17", MIDNIGHT),
    (20240917, MIDNIGHT),
    ("2024-09-17T08:30:00Z", MORNING),
    ("2024-09-17 10:30:00 +0200", MORNING),
    ("2024-09-17 08:30:00 UTC", MORNING),
    ("2024-09-17 09:30 WAT", MORNING),
    ("2024-09-17T08:30:00.123456789Z", MORNING),
    ("2024-09-17T08:30:00+00:00[Africa/Niamey]", MORNING),
    ("2024-09-16T24:00:00Z", MIDNIGHT),
    ("Tue, 17 Sep 2024 08:30:00 GMT", MORNING),
    ("Tue, 17 Sep 2024 04:30:00 EDT", MORNING),
    (1726561800, MORNING),
    (1726561800000, MORNING),
    ("1726561800000", MORNING),
    ("1726561800", MORNING),
    ({"$date": "2024-09-17T08:30:00Z"}, MORNING),
    ("Sept. 17, 2024", MIDNIGHT),
    ("17 septembre 2024 à 8h30", MORNING),
    ("0000-00-00 00:00:00", None),
    (0, None),
    ("soon", None),
    ("2024-09", None),
    ("2024-13-45", None),
    ("03/04/2024", None),
]


def test_dates_of_all_kinds(taken: Taken) -> None:
    articles = taken("news.jsonl", lines(posted_on=[value for value, _ in DATES]))
    read = [(value, articles[str(number)].posted_on) for number, (value, _) in enumerate(DATES)]
    assert read == DATES


def test_dates_without_zone_are_the_sites(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_TIME_ZONE", "Africa/Niamey")
    monkeypatch.setenv("RECOMMENDER_DATE_ORDER", "dmy")
    articles = taken("news.jsonl", lines(posted_on=["2024-09-17 09:30", "17/09/2024 09:30", "2024-09-17T08:30Z"]))
    assert {article.posted_on for article in articles.values()} == {MORNING}


LANGUAGES = {
    "fr": "fr",
    "FR": "fr",
    "fra": "fr",
    "fre": "fr",
    "fr-BF": "fr",
    "fr_FR": "fr",
    "French": "fr",
    "français": "fr",
    "eng": "en",
    "hau": "ha",
    "العربية": "ar",
    "pt-BR": "pt",
}


def test_languages_have_one_code(taken: Taken) -> None:
    articles = taken("news.jsonl", lines(language=list(LANGUAGES)))
    assert {word: articles[str(n)].language for n, word in enumerate(LANGUAGES)} == LANGUAGES


TEXTS = {
    "fr": "Les éleveurs attendent la pluie depuis trois mois, et les puits du village sont presque vides.",
    "en": "The herders have waited for rain for three months, and the wells of the village are nearly dry.",
    "ha": "Makiyaya sun dade suna jiran ruwan sama, kuma rijiyoyin kauyen sun kusa bushewa gaba daya.",
    "ar": "ينتظر الرعاة المطر منذ ثلاثة أشهر، وآبار القرية جافة تقريبا هذا العام.",
}


def test_languages_are_recognised(taken: Taken) -> None:
    records = [{"id": code, "title": text[:40], "body": text} for code, text in TEXTS.items()]
    articles = taken("news.jsonl", "\n".join(map(json.dumps, records)))
    assert {code: article.language for code, article in articles.items()} == {code: code for code in TEXTS}


TABLE = "id,title,body\nc1,Pluies à Tahoua,Il a plu.\n"
FILES: dict[str, tuple[str, str | bytes]] = {
    "commas": ("a.csv", TABLE),
    "semicolons": ("a.csv", TABLE.replace(",", ";")),
    "tabs": ("a.csv", TABLE.replace(",", "\t")),
    "bars": ("a.csv", TABLE.replace(",", "|")),
    "a line for Excel": ("a.csv", f"sep=;\n{TABLE.replace(',', ';')}"),
    "capitals": ("a.csv", TABLE.replace("id,title", "ID,Title")),
    "spaces": ("a.csv", TABLE.replace("id,title,body", " id , title , body ")),
    "an ending of its own": ("a.tsv", TABLE.replace(",", "\t")),
    "UTF-16": ("a.csv", TABLE.encode("utf-16")),
    "UTF-16 without a mark": ("a.csv", TABLE.encode("utf-16-le")),
    "Windows": ("a.csv", TABLE.encode("cp1252")),
    "an array": ("a.json", '[{"id": "c1", "title": "Pluies à Tahoua", "body": "Il a plu."}]'),
    "printed large": ("a.json", '[\n {\n  "id": "c1",\n  "title": "Pluies à Tahoua",\n  "body": "Il a plu."\n }\n]\n'),
    "an object": ("a.json", '{\n "id": "c1",\n "title": "Pluies à Tahoua",\n "body": "Il a plu."\n}'),
    "in an object": ("a.json", '{"posts": [{"id": "c1", "title": "Pluies à Tahoua", "body": "Il a plu."}]}'),
    "two arrays": ("a.json", '[]\n[\n{"id": "c1", "title": "Pluies à Tahoua", "body": "Il a plu."}\n]'),
    "lines of Windows": ("a.jsonl", '{"id": "c1", "title": "Pluies à Tahoua", "body": "Il a plu."}\r\n\r\n'),
    "lines in .json": ("a.json", '{"id": "c1", "title": "Pluies à Tahoua", "body": "Il a plu."}\n'),
}


@pytest.mark.parametrize("kind", FILES)
def test_files_as_people_have_them(taken: Taken, kind: str) -> None:
    (article,) = taken(*FILES[kind]).values()
    assert (article.id, article.title, article.body) == ("c1", "Pluies à Tahoua", "Il a plu.")


def test_encodings_are_said(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TABLE.encode("cp1252"))
    assert "note: a.csv was read as cp1252; --encoding names another" in run("ingest", "a.csv").stderr


def test_encodings_can_be_named(taken: Taken) -> None:
    assert taken("a.csv", TABLE.encode("mac-roman"), "--encoding", "mac-roman")["c1"].title == "Pluies à Tahoua"


def test_unknown_encodings_are_wrong_usage(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    assert run("ingest", "a.csv", "--encoding", "klingon").exit_code == 2


def test_ids_of_all_kinds(taken: Taken) -> None:
    articles = taken("news.jsonl", "\n".join('{"id": %s, "title": "T"}' % text for text in ("123", "124.0", "9007199254740993")))  # fmt: skip # noqa: E501, UP031
    assert set(articles) == {"123", "124", "9007199254740993"}
    assert "7" in taken("frame.csv", "id,title\n7.0,Rain\n")


RECORDS: dict[str, dict[str, Any]] = {
    "wordpress": {
        "id": 7,
        "title": {"rendered": "Rain &#38; sun"},
        "content": {"rendered": "<p>It rains.</p>", "protected": False},
        "excerpt": {"rendered": "<p>Rain.</p>"},
        "date": "2024-09-17T10:30:00",
        "date_gmt": "2024-09-17T08:30:00",
        "status": "publish",
        "link": "https://journal.example/7",
        "categories": [1],
        "_embedded": {
            "author": [{"name": "A. Writer"}],
            "wp:term": [[{"name": "Sahel"}], [{"name": "rain"}, {"name": "Niger"}]],
        },
    },
    "ghost": {
        "id": "7",
        "title": "Rain & sun",
        "html": "<p>It rains.</p>",
        "custom_excerpt": "Rain.",
        "published_at": "2024-09-17T08:30:00.000+00:00",
        "status": "published",
        "url": "https://journal.example/7",
        "primary_author": {"name": "A. Writer"},
        "primary_tag": {"name": "Sahel"},
        "tags": [{"id": "1", "name": "rain"}, {"id": "2", "name": "Niger"}],
    },
    "drupal": {
        "id": "7",
        "attributes": {
            "title": "Rain & sun",
            "body": {"value": "<p>It rains.</p>", "summary": "Rain."},
            "created": "2024-09-17T08:30:00+00:00",
            "path": {"alias": "/7"},
            "status": True,
        },
    },
    "jsonfeed": {
        "id": "7",
        "title": "Rain & sun",
        "content_html": "<p>It rains.</p>",
        "summary": "Rain.",
        "date_published": "2024-09-17T08:30:00Z",
        "url": "https://journal.example/7",
        "authors": [{"name": "A. Writer"}],
        "tags": ["rain", "Niger"],
    },
    "id=_id,title=headline,body=text,summary=chapo,posted_on=date,url=web.link": {
        "_id": {"$oid": "7"},
        "headline": "Rain & sun",
        "text": "It rains.",
        "chapo": "Rain.",
        "date": {"$date": {"$numberLong": "1726561800000"}},
        "web": {"link": "https://journal.example/7"},
    },
}


@pytest.mark.parametrize("entries", RECORDS)
def test_maps_of_publishing_systems(taken: Taken, monkeypatch: pytest.MonkeyPatch, entries: str) -> None:
    monkeypatch.setenv("RECOMMENDER_SITE_URL", "https://journal.example")
    article = taken("a.json", json.dumps([RECORDS[entries]]), "--map", entries)["7"]
    assert (article.title, article.summary, article.body) == ("Rain & sun", "Rain.", "It rains.")
    assert (article.url, article.posted_on, article.status) == ("https://journal.example/7", MORNING, "published")
    if entries in ("wordpress", "ghost"):
        assert (article.author, article.edition, article.tags) == ("A. Writer", "Sahel", ("rain", "Niger"))


def test_protected_posts_are_not_public(taken: Taken) -> None:
    record = RECORDS["wordpress"] | {"content": {"rendered": "", "protected": True}}
    assert taken("a.json", json.dumps([record]), "--map", "wordpress")["7"].status == "unpublished"


def test_settings_hold_the_map(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_FIELD_MAP", "title=headline,body=text")
    assert taken("a.csv", "id,headline,text\n1,Rain,It rains.\n")["1"].body == "It rains."


def test_records_without_ids_get_their_texts(taken: Taken) -> None:
    first = taken("a.json", '[{"body": "It rains."}, {"body": "It is dry."}]', "--map", "id=@hash")
    assert len(first) == 2
    assert taken("b.json", '[{"body": "It rains."}]', "--map", "id=@hash") == first


@pytest.mark.parametrize("entry", ["title", "mood=text", "joomla", "title="])
def test_wrong_maps_are_wrong_input(run: Run, empty: Path, tmp_path: Path, entry: str) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    assert run("ingest", "a.csv", "--map", entry).exit_code == 2


POST = """---
title: Rain at Tahoua
date: 2024-09-17
tags: [rain, Niger]
image: /img/rain.jpg
---
{% include box.html %}
## The wells

It [rains](https://journal.example/rain) in **Tahoua**. ![a cloud](cloud.jpg)
"""


@pytest.mark.parametrize("name", ["jekyll", "hugo"])
def test_folders_of_markdown(run: Run, empty: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "posts" / "2024").mkdir(parents=True)
    (tmp_path / "posts" / "2024" / "rain.md").write_text(POST)
    (tmp_path / "posts" / "toml.md").write_text("+++\ntitle = 'Sun'\ndraft = true\n+++\nDry.\n")
    (tmp_path / "posts" / "README.txt").write_text("not a post")
    assert run("ingest", "posts", "--map", name).stdout == "2 added, 0 changed, 0 unchanged, 0 refused\n"
    with opened_store(load_settings()) as store:
        articles = {article.id: article for article in store.articles.get([1, 2]).values()}
    rain = articles["2024/rain"]
    assert (rain.title, rain.body) == ("Rain at Tahoua", "The wells\n\nIt rains in Tahoua.")
    assert (rain.posted_on, rain.tags, rain.image_url) == (MIDNIGHT, ("rain", "Niger"), None)
    assert articles["toml"].status == "unpublished"


def test_dropped_fields_are_counted_by_kind(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text(lines(image_url=["/a.jpg", "/b.jpg", "https://cdn.example/c.jpg"]))
    result = run("ingest", "news.jsonl")
    assert result.stdout == "3 added, 0 changed, 0 unchanged, 0 refused\n"
    said = "note: image_url: dropped: is relative; set site_url: 2 records, first news.jsonl, line 1 (got '/a.jpg')"
    assert said in result.stderr


def test_unknown_keys_are_named_once(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text(lines(datePublished=["2024-09-17", "2024-09-18"]))
    said = "note: ignored: datePublished in 2 (did you mean posted_on? --map posted_on=datePublished)"
    assert said in run("ingest", "news.jsonl").stderr


def test_articles_that_no_box_can_lead_to_are_counted(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text(lines(url=[None, "/gao", "https://journal.example/gao"]))
    said = "note: url: 2 published without one: no box that links leads there"
    assert said in run("ingest", "news.jsonl").stderr


def test_ids_that_come_twice_are_told(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("id,title\na,Rain\nb,Sun\na,Rain again\n")
    result = run("ingest", "news.csv")
    assert "note: id: 1 record with an id that came before, first 'a' in lines 2 and 4 of news.csv" in result.stderr


def test_dry_run_stores_nothing(run: Run, empty: Path, tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("id,headline,body\n" + "a,Rain,It rains.\n" * 12)
    result = run("ingest", "news.csv", "--map", "title=headline", "--dry-run")
    assert result.stdout.endswith("12 would be taken, 0 refused; nothing was stored\n")
    assert result.stdout.count("Rain  (from headline)") == 10
    assert not empty.exists()


# -- feeds


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_feeds_are_read(taken: Taken, encoding: str) -> None:
    written = RSS.replace("UTF-8", encoding.upper()).replace("Rain fell on Gao", "Café à Gao").encode(encoding)
    (article,) = taken("feed.xml", written).values()
    assert (article.id, article.body) == ("story-7", "Café à Gao.")


def test_address_of_a_private_host_is_refused(run: Run, empty: Path) -> None:
    result = run("ingest", "http://127.0.0.1:1/feed")
    assert result.exit_code == 2
    assert "not public" in result.stderr
