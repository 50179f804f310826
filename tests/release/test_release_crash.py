"""kill -9 in the middle of a promotion or a rollback: readers notice nothing, and the next build puts it in order."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.release.base import Registry
from recommender.release.cards import LIVE
from recommender.serving.answers import Query
from recommender.store.base import Store
from tests.factories import make_recommender
from tests.newsroom import BLIND, GOOD, builder_of, make_registry, make_releasing, opened, stories
from tests.web.served import environment

# Comes to a halt after a step, to be killed there.
HALTING = """
import sys, time
from pathlib import Path

from recommender.release.registry import FolderRegistry
from recommender.wiring import open_store
from tests.newsroom import make_releasing

url, folder, task, place = sys.argv[1:]


def halting(owner, step):
    plain = getattr(owner, step)

    def call(*given, **named):
        found = plain(*given, **named)
        if step == place:
            print("halted", flush=True)
            time.sleep(600)
        return found

    setattr(owner, step, call)


store, registry = open_store(url), FolderRegistry(Path(folder))
for step in ("write", "finish", "activate", "swap_back", "drop_retired"):
    halting(store.generations, step)
for step in ("record", "put_live"):
    halting(registry, step)
releasing = make_releasing(store, registry)
if task == "promote":
    releasing.promote("blind/1", "awa", [], [], reason="to see")
else:
    releasing.roll_back("awa")
print("done")
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """The versions, in the folder of the database."""
    return make_registry(tmp_path / "models")


def shown(store: Store) -> dict[str, list[str]]:
    recommender = make_recommender(store)
    return {
        article.id: [item.article.id for item in recommender.for_article(article.id, Query()).items]
        for article in stories()
    }


def released(store: Store) -> str | None:
    return store.generations.model_version(store.state().generation or 0)


def killed(registry: Registry, store: Store, task: str, place: str) -> tuple[dict[str, list[str]], ...]:
    """Every sidebar before, during and after a command that is killed after a step."""
    before = shown(store)
    site = registry.folder(GOOD.name).parents[2]
    arguments = [f"sqlite:///{site / 'test.db'}", str(site / "models"), task, place]
    with subprocess.Popen(
        [sys.executable, "-c", HALTING, *arguments], stdout=subprocess.PIPE, env=environment(), text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halted\n"
        during = shown(store)
        process.send_signal(signal.SIGKILL)
    return before, during, shown(store)


def put_in_order(store: Store, registry: Registry) -> None:
    """What `recommender build` does."""
    builder_of(store, registry.live()).build()
    assert released(store) == registry.live()


@pytest.mark.parametrize("place", ["write", "finish", "activate", "record"])
def test_killed_promotion_is_none(store: Store, registry: Registry, place: str) -> None:
    opened(store)
    before, during, after = killed(registry, store, "promote", place)
    assert before == during == after
    assert (released(store), registry.live()) == (GOOD.name, GOOD.name)
    put_in_order(store, registry)
    assert shown(store) == before


def test_promotion_killed_after_its_decision_is_completed_by_a_build(store: Store, registry: Registry) -> None:
    opened(store)
    before, during, after = killed(registry, store, "promote", "put_live")
    assert before == during == after
    assert (released(store), registry.live()) == (GOOD.name, BLIND.name)
    put_in_order(store, registry)
    assert shown(store) != before
    assert registry.card(BLIND.name).history[-1].reason == "to see"
    make_releasing(store, registry).roll_back("awa")
    assert shown(store) == before


def test_promotion_killed_after_the_switch_is_whole(store: Store, registry: Registry) -> None:
    opened(store)
    before, during, after = killed(registry, store, "promote", "drop_retired")
    assert before != during == after
    assert (released(store), registry.live()) == (BLIND.name, BLIND.name)
    assert registry.card(BLIND.name).state == LIVE
    make_releasing(store, registry).roll_back("awa")
    assert shown(store) == before


@pytest.mark.parametrize(("place", "version"), [("swap_back", BLIND.name), ("put_live", GOOD.name)])
def test_killed_rollback_leaves_readers_where_they_were(
    store: Store, registry: Registry, place: str, version: str
) -> None:
    opened(store)
    first = shown(store)
    make_releasing(store, registry).promote(BLIND.name, "awa", [], [], reason="to see")
    before, during, after = killed(registry, store, "rollback", place)
    assert before == during == after != first
    assert (released(store), registry.live()) == (BLIND.name, version)
    put_in_order(store, registry)
    assert (shown(store) == first) == (version == GOOD.name)
