"""Sidebars as files: each what a page would get now, under a name that no id can misuse."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.article import MAX_ID
from recommender.curation.signals import APART, EXCLUDE, OFF, PIN, REJECT
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.progress import quiet
from recommender.serving.answers import Query
from recommender.serving.document import make_document, to_json
from recommender.serving.export import Exported, export, file_names
from recommender.serving.export_folder import Folder
from recommender.serving.fragment import make_fragment
from recommender.serving.prepared import prepare
from recommender.serving.wording import Wording
from recommender.store.base import Store
from tests.factories import GAZETTEER, NOW, built, days_ago, make_article, make_recommender, stored

WORDS = "junta seized power niamey president bazoum guard palace"
ARCHIVE = [
    *(
        make_article(
            f"coup-{number}",
            title=f"coup-{number} {WORDS}",
            body=f"{WORDS} own{number}",
            url=f"https://example.org/coup-{number}",
            posted_on=days_ago(10 * number),
        )
        for number in range(1, 6)
    ),
    *(make_article(f"n{number}", title=f"lone{number} apart{number}", posted_on=None) for number in range(30)),
]


@pytest.fixture
def archive(store: Store) -> Store:
    built(store, ARCHIVE)
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out"


def exported(store: Store, path: Path) -> Exported:
    return export(store, make_recommender(store), make_fragment(), Folder(path), quiet)


def file(path: Path, article_id: str, kind: int = 0) -> Path:
    return path / "sidebars" / file_names(article_id)[kind]


def ids(path: Path, article_id: str) -> list[str]:
    return [item["id"] for item in json.loads(file(path, article_id).read_text(encoding="utf-8"))["items"]]


def texts(path: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in sorted((path / "sidebars").iterdir()))


def test_every_sidebar_is_written_as_a_page_would_get_it(archive: Store, path: Path) -> None:
    assert exported(archive, path) == Exported(articles=35, written=70, removed=0)
    for article in ARCHIVE:
        recommendation = make_recommender(archive).for_article(article.id, Query())
        assert file(path, article.id).read_bytes() == to_json(
            make_document(recommendation, GAZETTEER, "en", wording=Wording())
        )
    html = file(path, "coup-1", 1).read_text(encoding="utf-8")
    assert "More on the Sahel" in html
    assert html.count('href="https://example.org/coup-') == 3


def test_files_are_small(archive: Store, path: Path) -> None:
    exported(archive, path)
    assert max(file.stat().st_size for file in (path / "sidebars").iterdir()) < 4_000


def test_manifest_tells_what_they_were_made_from(archive: Store, path: Path) -> None:
    exported(archive, path)
    state = archive.state()
    assert json.loads((path / "manifest.json").read_text()) == {
        "format": "recommender sidebars 1",
        "exported": "2026-06-01T12:00:00Z",
        "generation": state.generation,
        "revision": state.revision,
        "articles": 35,
    }


def test_only_what_changed_is_written_again(archive: Store, path: Path) -> None:
    exported(archive, path)
    assert exported(archive, path).written == 0
    Decisions(archive, lambda: NOW).decide("coup-1", [Wish(PIN, "n1", 1)], Sent("awa"))
    assert exported(archive, path).written == 2
    assert ids(path, "coup-1")[0] == "n1"


def test_prepared_answers_are_used_while_they_are_right(archive: Store, path: Path) -> None:
    """They make an export of a large archive ten times faster; the files are the same."""
    exported(archive, path)
    prepare(archive, make_recommender(archive), quiet)
    assert exported(archive, path).written == 0
    Decisions(archive, lambda: NOW).decide("coup-1", [Wish(REJECT, "coup-2")], Sent("awa"))
    exported(archive, path)
    assert "coup-2" not in ids(path, "coup-1")


@pytest.mark.parametrize("wish", [Wish(REJECT, "coup-2"), Wish(APART, "coup-2"), Wish(EXCLUDE, "coup-2"), Wish(OFF)])
def test_decisions_are_in_the_next_export(archive: Store, path: Path, wish: Wish) -> None:
    exported(archive, path)
    assert "coup-2" in ids(path, "coup-1")
    Decisions(archive, lambda: NOW).decide("coup-1", [wish], Sent("awa"))
    exported(archive, path)
    assert "coup-2" not in ids(path, "coup-1")
    assert (ids(path, "coup-1") == []) == (wish.kind == OFF)


def test_legal_hold_removes_its_files_and_leaves_all_others(archive: Store, path: Path) -> None:
    """Neither pins nor prepared answers lead a way around it."""
    Decisions(archive, lambda: NOW).decide("coup-1", [Wish(PIN, "coup-2", 1)], Sent("awa"))
    prepare(archive, make_recommender(archive), quiet)
    exported(archive, path)
    assert "coup-2 " in file(path, "coup-1", 1).read_text()
    archive.articles.upsert([replace(ARCHIVE[1], flags=("legal_hold",))])
    exported(archive, path)
    assert not file(path, "coup-2").exists()
    assert not file(path, "coup-2", 1).exists()
    assert "coup-2 " not in texts(path)


@pytest.mark.parametrize("how", ["withdraw", "unpublished", "future", "held"])
def test_files_of_articles_that_are_gone_are_removed(archive: Store, path: Path, how: str) -> None:
    exported(archive, path)
    if how == "withdraw":
        archive.articles.withdraw("coup-2")
    elif how == "held":
        archive.articles.upsert([replace(ARCHIVE[1], flags=("legal_hold",))])
    elif how == "unpublished":
        archive.articles.upsert([replace(ARCHIVE[1], status="unpublished")])
    else:
        archive.articles.upsert([replace(ARCHIVE[1], posted_on=NOW + timedelta(hours=1))])
    assert exported(archive, path).removed == 2
    assert "coup-2" not in texts(path)


def test_empty_archive_leaves_an_empty_folder(store: Store, path: Path) -> None:
    assert exported(store, path) == Exported(0, 0, 0)
    assert list((path / "sidebars").iterdir()) == []


def test_article_withdrawn_during_the_export_does_not_end_it(archive: Store, path: Path) -> None:
    def withdrawing(items: object, _total: int, _label: str) -> object:
        archive.articles.withdraw("coup-3")
        return items

    done = export(archive, make_recommender(archive), make_fragment(), Folder(path), withdrawing)  # type: ignore[arg-type]  # a Progress
    assert done.articles == 35
    assert not file(path, "coup-3").exists()


HOSTILE = [
    "../x",
    "..",
    ".",
    ".htaccess",
    "/etc/passwd",
    "a/../../b",
    "C:\\x",
    "a?b#c&d",
    "é" * 200,
    "名" * 200,
    "~",
    "a b",
]


def test_hostile_ids_stay_in_their_folder(store: Store, path: Path) -> None:
    stored(store, [make_article(name, title="t") for name in HOSTILE])
    assert exported(store, path).written == 2 * len(HOSTILE)
    inside = list((path / "sidebars").iterdir())
    assert len(inside) == 2 * len(HOSTILE)
    assert sorted(name.name for name in path.iterdir()) == ["manifest.json", "sidebars"]
    assert sorted(name.name for name in path.parent.iterdir() if name.suffix != ".db")[:1] == ["out"]
    for name in HOSTILE:
        assert json.loads(file(path, name).read_text())["article"]["id"] == name


@pytest.mark.parametrize(
    ("article_id", "name"),
    [
        ("mali-2024-09-17", "mali-2024-09-17.json"),
        ("a/b", "a%2Fb.json"),
        ("v1.2", "v1.2.json"),
        ("..", "%2E..json"),
        ("é", "%C3%A9.json"),
        ("~x", "%7Ex.json"),
    ],
)
def test_names_can_be_worked_out(article_id: str, name: str) -> None:
    assert file_names(article_id) == (name, name.removesuffix(".json") + ".html")


def test_long_ids_that_begin_alike_have_files_of_their_own() -> None:
    names = {file_names("é" * 150 + str(number))[0] for number in range(20)}
    assert len(names) == 20
    assert {len(name) for name in names} == {100 + 1 + 32 + len(".json")}


ids_of_any_kind = st.text(min_size=1, max_size=MAX_ID).filter(lambda text: text.isprintable())


@given(ids_of_any_kind)
def test_names_are_safe(article_id: str) -> None:
    for name in file_names(article_id):
        assert name.isascii()
        assert len(name) <= 205
        assert not name.startswith(".")
        assert Path(name).name == name


@given(ids_of_any_kind, ids_of_any_kind)
def test_two_ids_never_share_a_file(article_id: str, other_id: str) -> None:
    assert (file_names(article_id) == file_names(other_id)) == (article_id == other_id)
