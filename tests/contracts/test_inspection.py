"""Looking for faults: nothing in a whole store, and one line for each thing that is not as it must be."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from recommender.store.inspection import Inspection
from recommender.store.sql import inspection as inspection_module
from recommender.wiring import open_store, opened_inspection
from tests.everything import fill
from tests.factories import NOW, make_article


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with something in every table."""
    fill(store)
    return store


@pytest.fixture
def inspection(url: str, filled: Store) -> Iterator[Inspection]:
    """What looks at it."""
    with opened_inspection(url) as opened:
        yield opened


def harmed(url: str, *statements: str) -> None:
    """Runs statements that the service would never run, past the foreign keys and the guards of the trail."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in statements:
            connection.exec_driver_sql(statement)


def problems(inspection: Inspection, *, quick: bool = False) -> list[str]:
    found = list(inspection.flaws(quick=quick))
    assert all(flaw.advice and "\n" not in str(flaw) for flaw in found)
    return [flaw.problem for flaw in found]


def test_whole_store_has_no_flaws(inspection: Inspection) -> None:
    assert problems(inspection) == []
    assert problems(inspection, quick=True) == []


def test_new_store_has_no_flaws(url: str) -> None:
    open_store(url).close()
    with opened_inspection(url) as opened:
        assert problems(opened) == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE state SET live_generation = 99", "generations: the live generation 99 is not there"),
        ("UPDATE state SET shadow_generation = 99", "generations: the shadow generation 99 is not there"),
        ("UPDATE generation SET complete = false", "generations: the live generation 1 is not complete"),
        ("DELETE FROM state", "generations: the table state has 0 rows, not one"),
        ("DELETE FROM embedding", "neighbours: article 1 in generation 1 has no vector"),
        ("UPDATE neighbour SET number = 70 WHERE number = 1", "neighbours: the candidates of article 2"),
        ("UPDATE state SET revision = 1", "revisions: the revision is 1, but a row of article has "),
        (
            "UPDATE signal SET target = 70",
            "articles named: 1 decisions (signal.target) name article 70, which is not there",
        ),
        ("UPDATE sidebar SET source = 70", "articles named: 2 sidebars of the ledger (sidebar.source) name article 70"),
        ("UPDATE sidebar SET current = true", "ledger: beside article 1 2 sidebars stand at once, not one"),
        ("UPDATE sidebar SET teasers = 9", "ledger: sidebar 1 has 2 teasers where it says 9"),
        (
            "INSERT INTO audit (number, at, by, action, subject, why, seconds) VALUES (9, 0, 'x', 'x', '', '', 0)",
            "audit trail: entry 9 of the audit trail does not follow from the one before it",
        ),
        ("DELETE FROM article_search", "search: the desk's search knows 0 articles, and 6 are published"),
    ],
)
def test_broken_rule_is_named(inspection: Inspection, url: str, statement: str, problem: str) -> None:
    if "number = 70" in statement:
        harmed(url, "DELETE FROM article WHERE number = 1")
    harmed(url, statement)
    assert [one for one in problems(inspection) if one.startswith(problem)] != []


def test_candidates_that_cannot_be_read_are_named(inspection: Inspection, url: str) -> None:
    harmed(url, "UPDATE neighbour SET candidates = terms WHERE number = 3", "UPDATE neighbour SET terms = candidates")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE neighbour SET candidates = :data WHERE number = 3"), {"data": b"odd"})
    assert "neighbours: the candidates of article 3 in generation 1 cannot be read" in problems(inspection)


def test_many_problems_of_a_kind_are_counted(url: str, store: Store) -> None:
    fill(store)
    store.articles.upsert([make_article(f"x{number}") for number in range(40)])
    harmed(url, *(f"INSERT INTO review VALUES ({1_000 + number}, 'Ama', 0, 'd')" for number in range(40)))
    with opened_inspection(url) as opened:
        assert problems(opened)[-1] == "articles named: 20 more of the kind"


def test_missing_guard_of_the_trail_is_named(own_url: str) -> None:
    open_store(own_url).close()
    on = "" if own_url.startswith("sqlite") else " ON audit"
    harmed(own_url, f"DROP TRIGGER audit_keeps{on}")
    with opened_inspection(own_url) as opened:
        assert problems(opened, quick=True)[0].startswith("tables: the trigger audit_keeps is missing")


def test_quick_look_follows_the_last_entries(own_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_module, "_LAST_LINKS", 2)
    store = open_store(own_url)
    for _ in range(4):
        store.audit.append(AuditEntry(NOW, "Ama", "pin"))
    on = "" if own_url.startswith("sqlite") else " ON audit"
    harmed(own_url, f"DROP TRIGGER audit_keeps{on}", "UPDATE audit SET why = 'x' WHERE number = 1")
    with opened_inspection(own_url) as opened:
        assert [one for one in problems(opened, quick=True) if one.startswith("the audit trail")] == []
        harmed(own_url, "UPDATE audit SET why = 'x' WHERE number = 4")
        (found,) = [one for one in problems(opened, quick=True) if one.startswith("the audit trail")]
        assert found.startswith("the audit trail: entry 4 ")
        assert any(one.startswith("audit trail: entry 1 ") for one in problems(opened))
    store.close()


def test_missing_table_is_named_and_the_rest_is_looked_at(own_url: str) -> None:
    open_store(own_url).close()
    harmed(own_url, "DROP TABLE look", "UPDATE state SET live_generation = 99")
    with opened_inspection(own_url) as opened:
        found = problems(opened)
    assert "tables: the table look is missing" in found
    assert "generations: the live generation 99 is not there" in found


def test_live_build_says_what_waits(inspection: Inspection, filled: Store) -> None:
    live = inspection.live()
    assert live is not None
    assert (live.generation, live.model_version, live.built_on) == (1, "toy/1", NOW)
    assert (live.articles, live.changed, live.left) == (7, 0, 1)


def test_looking_creates_no_tables(postgresql_database: str) -> None:
    with opened_inspection(postgresql_database) as opened:
        assert opened.schema().kept is None
        assert opened.schema().kept is None
        assert opened.size() > 0
