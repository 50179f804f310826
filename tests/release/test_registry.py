"""A registry gives back what was put into it, whole, and refuses what is damaged or foreign."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recommender.errors import InvalidInput, NotFound, Unavailable
from recommender.ranking.scoring import DEFAULT
from recommender.release.cards import BUILT_IN, CANDIDATE, LIVE, HistoryEntry, readme
from recommender.release.registry import FolderRegistry
from tests.release.test_cards import CARD

NAME = CARD.name
FILES = {"embedding/model.safetensors": b"weights", "embedding/config.json": b"{}"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def registry(tmp_path: Path) -> FolderRegistry:
    return FolderRegistry(tmp_path / "models")


@pytest.fixture
def filled(registry: FolderRegistry) -> Iterator[FolderRegistry]:
    registry.create(CARD, FILES)
    yield registry
    unfinished = list(registry.folder(NAME).parents[1].rglob(".new-*"))
    assert unfinished == []  # nothing half written stays behind


def test_folder_that_is_not_there_holds_nothing(registry: FolderRegistry) -> None:
    assert (registry.names(), registry.live()) == ([], BUILT_IN)


def test_version_comes_back_with_its_digests(filled: FolderRegistry) -> None:
    card = filled.card(NAME)
    assert replace(card, files={}) == replace(CARD, files={})
    assert {path: entry.bytes for path, entry in card.files.items()} == {
        "embedding/config.json": 2,
        "embedding/model.safetensors": 7,
    }
    assert (filled.folder(NAME) / "embedding" / "config.json").read_bytes() == b"{}"
    assert filled.verify(NAME) == []


def test_files_may_be_copied_from_elsewhere(registry: FolderRegistry, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"weights")
    registry.create(CARD, {"embedding/model.safetensors": source})
    assert registry.verify(NAME) == []
    assert source.exists()


def test_version_is_not_written_over(filled: FolderRegistry) -> None:
    with pytest.raises(InvalidInput, match="not written over"):
        filled.create(CARD, {})
    assert filled.verify(NAME) == []


def test_foreign_type_makes_no_version(registry: FolderRegistry) -> None:
    with pytest.raises(InvalidInput, match="of a type"):
        registry.create(CARD, {"embedding/config.json": b"{}", "embedding/weights.pkl": b""})
    assert registry.names() == []
    assert list((registry._root).iterdir()) == []


def test_names_are_in_order(registry: FolderRegistry) -> None:
    for name in ("sahel/2", "other/1", "sahel/1"):
        registry.create(replace(CARD, name=name), {})
    assert registry.names() == ["other/1", "sahel/1", "sahel/2"]


def test_folders_that_are_no_versions_are_passed_over(filled: FolderRegistry) -> None:
    for name in ("Upper/1", "recipes/x y"):
        folder = filled._root / name
        folder.mkdir(parents=True)
        (folder / "card.json").write_text("{}")
    (filled._root / "README.md").write_text("page")
    assert filled.names() == [NAME]


def test_unknown_version_is_not_found(filled: FolderRegistry) -> None:
    with pytest.raises(NotFound):
        filled.card("sahel/9")


def test_card_of_another_is_refused(filled: FolderRegistry) -> None:
    folder = filled._root / "sahel" / "3"
    folder.mkdir()
    (folder / "card.json").write_bytes((filled.folder(NAME) / "card.json").read_bytes())
    with pytest.raises(InvalidInput, match="card of sahel/2, not of sahel/3"):
        filled.card("sahel/3")


def test_card_that_is_no_text_is_refused(filled: FolderRegistry) -> None:
    (filled.folder(NAME) / "card.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="cannot be read"):
        filled.card(NAME)


def test_card_of_any_size_is_not_read(filled: FolderRegistry) -> None:
    with (filled.folder(NAME) / "card.json").open("ab") as stream:
        stream.truncate(2 << 20)
    with pytest.raises(InvalidInput, match="too large"):
        filled.card(NAME)


def test_live_version_is_named(filled: FolderRegistry) -> None:
    filled.put_live(NAME)
    assert filled.live() == NAME
    assert (filled._root / "live").read_text() == "sahel/2\n"


def test_unknown_version_is_not_made_live(filled: FolderRegistry) -> None:
    filled.put_live(NAME)
    with pytest.raises(NotFound):
        filled.put_live("sahel/9")
    assert filled.live() == NAME


@pytest.mark.parametrize("content", [b"", b"sahel", b"../x", b"\xff"])
def test_live_file_that_names_nothing_is_refused(filled: FolderRegistry, content: bytes) -> None:
    (filled._root / "live").write_bytes(content)
    with pytest.raises(InvalidInput, match="live"):
        filled.live()


def test_history_is_added_to(filled: FolderRegistry) -> None:
    filled.record(NAME, HistoryEntry(datetime(2026, 6, 2, tzinfo=UTC), "first", LIVE, "better"))
    card = filled.card(NAME)
    assert (card.state, len(card.history)) == (LIVE, 2)
    assert "better" in (filled.folder(NAME) / "README.md").read_text()
    assert filled.verify(NAME) == []


def test_damage_is_found(filled: FolderRegistry) -> None:
    folder = filled.folder(NAME) / "embedding"
    (folder / "model.safetensors").write_bytes(b"Weights")
    (folder / "config.json").unlink()
    (folder / "extra.json").write_text("{}")
    (folder / "link.json").symlink_to(folder / "extra.json")
    os.mkfifo(folder / "pipe")
    assert filled.verify(NAME) == [
        "embedding/extra.json is not on the card",
        "embedding/link.json is a link",
        "embedding/pipe is not on the card",
        "embedding/config.json is missing; `recommender models fetch sahel/2` gets it",
        "embedding/model.safetensors is not the file of the card",
    ]


def test_folder_in_the_place_of_a_file_is_found(filled: FolderRegistry) -> None:
    file = filled.folder(NAME) / "embedding" / "config.json"
    file.unlink()
    file.mkdir()
    assert filled.verify(NAME) == ["embedding/config.json is not the file of the card"]


def test_embedding_without_files_is_found(registry: FolderRegistry) -> None:
    registry.create(CARD, {})
    assert registry.verify(NAME) == ["the card names no file in embedding/"]


def test_nothing_is_fetched_through_a_link(filled: FolderRegistry, tmp_path: Path) -> None:
    FolderRegistry(tmp_path / "elsewhere").create(CARD, FILES)
    shutil.rmtree(filled.folder(NAME) / "embedding")
    (tmp_path / "outside").mkdir()
    (filled.folder(NAME) / "embedding").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput, match="link"):
        filled.fetch(NAME, str(tmp_path / "elsewhere"))
    assert list((tmp_path / "outside").iterdir()) == []


def test_built_in_version_needs_no_folder_to_be_live(filled: FolderRegistry) -> None:
    filled.put_live(NAME)
    filled.put_live(BUILT_IN)
    assert filled.live() == BUILT_IN


def test_entry_that_could_not_be_read_again_changes_nothing(filled: FolderRegistry) -> None:
    with pytest.raises(InvalidInput, match="The card of sahel/2"):
        filled.record(NAME, HistoryEntry(datetime(2026, 6, 2, tzinfo=UTC), "first", "no state"))
    assert len(filled.card(NAME).history) == 1


def test_missing_file_is_fetched(filled: FolderRegistry, tmp_path: Path) -> None:
    other = FolderRegistry(tmp_path / "elsewhere")
    other.create(CARD, FILES)
    (filled.folder(NAME) / "embedding" / "model.safetensors").unlink()
    (filled.folder(NAME) / "embedding" / "config.json").write_bytes(b"damaged")
    assert sorted(filled.fetch(NAME, str(tmp_path / "elsewhere"))) == sorted(FILES)
    assert filled.verify(NAME) == []
    assert filled.fetch(NAME, str(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("content", [b"another", b"weights and much more", b""])
def test_wrong_file_is_not_taken(filled: FolderRegistry, tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "elsewhere" / NAME / "embedding"
    source.mkdir(parents=True)
    (source / "model.safetensors").write_bytes(content)
    file = filled.folder(NAME) / "embedding" / "model.safetensors"
    file.unlink()
    with pytest.raises(InvalidInput, match="not the file of the card"):
        filled.fetch(NAME, str(tmp_path / "elsewhere"))
    assert not file.exists()


@pytest.mark.parametrize("source", ["nowhere", "https://127.0.0.1:9"])
def test_source_that_gives_nothing_is_unavailable(filled: FolderRegistry, source: str) -> None:
    (filled.folder(NAME) / "embedding" / "model.safetensors").unlink()
    with pytest.raises(Unavailable, match="cannot be had"):
        filled.fetch(NAME, source)


def test_of_two_at_once_one_makes_the_version(registry: FolderRegistry) -> None:
    refused: list[Exception] = []

    def create() -> None:
        try:
            registry.create(CARD, FILES)
        except (InvalidInput, Unavailable) as error:
            refused.append(error)

    both = [threading.Thread(target=create) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(refused) == 1
    assert registry.verify(NAME) == []


def test_of_several_entries_at_once_none_is_lost(filled: FolderRegistry) -> None:
    start = threading.Barrier(8)

    def record(reason: str) -> None:
        start.wait()
        filled.record(NAME, HistoryEntry(datetime(2026, 6, 2, tzinfo=UTC), "first", LIVE, reason))

    recorders = [threading.Thread(target=record, args=(f"reason {number}",)) for number in range(8)]
    for thread in recorders:
        thread.start()
    for thread in recorders:
        thread.join()
    reasons = {entry.reason for entry in filled.card(NAME).history[1:]}
    assert reasons == {f"reason {number}" for number in range(8)}
    assert (filled.folder(NAME) / "README.md").read_text() == readme(filled.card(NAME))


def test_entry_waits_for_another_process(filled: FolderRegistry) -> None:
    """The lock is the system's, so it holds between processes and ends with the one that holds it."""
    program = "import fcntl, sys; file = open(sys.argv[1], 'ab'); fcntl.flock(file, 2); print(flush=True); input()"
    entry = HistoryEntry(datetime(2026, 6, 2, tzinfo=UTC), "first", LIVE)
    recorder = threading.Thread(target=filled.record, args=(NAME, entry))
    holder = subprocess.Popen(
        [sys.executable, "-c", program, filled._root / ".lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        recorder.start()
        recorder.join(0.3)
        assert filled.card(NAME).state == CANDIDATE
        holder.kill()
    recorder.join()
    assert filled.card(NAME).state == LIVE


@pytest.mark.parametrize("write", ["create", "record", "fetch"])
def test_what_a_killed_process_has_left_goes_after_a_day(filled: FolderRegistry, write: str) -> None:
    root, now = filled._root, time.time()
    for name, hours in (("old", 25), ("young", 23)):
        (root / f".new-{name}").mkdir()
        (root / f".new-{name}" / "config.json").touch()
        (root / f".new-{name}-file").touch()
        for leftover in (f".new-{name}", f".new-{name}-file"):
            os.utime(root / leftover, times=(now - hours * 3_600,) * 2)
    entry = HistoryEntry(datetime(2026, 6, 2, tzinfo=UTC), "first", LIVE)
    {
        "create": lambda: filled.create(replace(CARD, name="sahel/3"), FILES),
        "record": lambda: filled.record(NAME, entry),
        "fetch": lambda: filled.fetch(NAME, "nowhere"),
    }[write]()
    assert sorted(path.name for path in root.glob(".new-*")) == [".new-young", ".new-young-file"]
    shutil.rmtree(root / ".new-young")
    (root / ".new-young-file").unlink()


def test_card_that_could_not_be_read_makes_no_version(registry: FolderRegistry) -> None:
    with pytest.raises(InvalidInput, match="are not read"):
        registry.create(replace(CARD, training={"learned_queries": ["x" * 60] * 18_000}), FILES)
    assert list(registry._root.iterdir()) == []


def test_versions_of_this_release_are_whole() -> None:
    """Large weights are not in git, so they may be missing; what is here is what the cards say."""
    registry = FolderRegistry(ROOT / "models")
    assert registry.live() in registry.names()
    problems = [problem for name in registry.names() for problem in registry.verify(name)]
    assert [problem for problem in problems if "is missing" not in problem] == []
    assert registry.verify(BUILT_IN) == []


def test_built_in_version_is_the_one_in_the_folder() -> None:
    assert FolderRegistry(ROOT / "models").card(BUILT_IN).ranking == DEFAULT


def test_pages_of_versions_are_those_of_their_cards() -> None:
    registry = FolderRegistry(ROOT / "models")
    pages = {name: (registry.folder(name) / "README.md").read_text(encoding="utf-8") for name in registry.names()}
    assert pages == {name: readme(registry.card(name)) for name in registry.names()}
