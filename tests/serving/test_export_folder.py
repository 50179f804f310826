"""A folder of files that are written whole or not at all, and only by this service."""

import json
import os
from pathlib import Path

import pytest

from recommender.errors import InvalidInput, Unavailable
from recommender.serving.export_folder import LEFT_BEHIND_SECONDS, MANIFEST, Folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "out"


@pytest.fixture
def folder(path: Path) -> Folder:
    """A folder that is ready."""
    made = Folder(path)
    made.open()
    return made


def names(path: Path) -> list[str]:
    return sorted(file.name for file in (path / "sidebars").iterdir())


def test_file_is_written_once(path: Path, folder: Folder) -> None:
    assert folder.put("a.json", b"1") is True
    written = (path / "sidebars" / "a.json").stat()
    assert folder.put("a.json", b"1") is False
    assert (path / "sidebars" / "a.json").stat().st_mtime_ns == written.st_mtime_ns
    assert folder.put("a.json", b"2") is True
    assert (path / "sidebars" / "a.json").read_bytes() == b"2"


def test_reader_of_the_old_file_keeps_it_whole(path: Path, folder: Folder) -> None:
    """A new file replaces the old one; the old one is not written over."""
    folder.put("a.json", b"old")
    with (path / "sidebars" / "a.json").open("rb") as reader:
        folder.put("a.json", b"newer")
        assert reader.read() == b"old"


def test_files_can_be_read_by_a_server(path: Path, folder: Folder) -> None:
    folder.put("a.json", b"1")
    umask = os.umask(0)
    os.umask(umask)
    assert (path / "sidebars" / "a.json").stat().st_mode & 0o777 == 0o666 & ~umask


def test_others_are_removed(path: Path, folder: Folder) -> None:
    for name in ("a.json", "b.json", "c.html"):
        folder.put(name, b"1")
    assert folder.keep(["b.json", "never-there.json"]) == 2
    assert names(path) == ["b.json"]


@pytest.mark.parametrize(("age", "stays"), [(0, True), (LEFT_BEHIND_SECONDS + 60, False)])
def test_what_a_killed_export_left_is_removed(path: Path, folder: Folder, age: int, stays: bool) -> None:
    """Unless it may belong to one that runs just now."""
    unfinished = path / "sidebars" / ".new-0123"
    unfinished.write_bytes(b"half")
    os.utime(unfinished, (unfinished.stat().st_mtime - age,) * 2)
    folder.keep([])
    assert unfinished.exists() == stays


def test_manifest_says_what_it_holds(path: Path, folder: Folder) -> None:
    folder.describe({"articles": 3})
    assert json.loads((path / MANIFEST).read_text())["articles"] == 3


def test_opening_again_keeps_the_files(path: Path, folder: Folder) -> None:
    folder.put("a.json", b"1")
    Folder(path).open()
    assert names(path) == ["a.json"]


@pytest.mark.parametrize("manifest", [None, "{}", "[]", "no json", '{"format": "another"}'])
def test_folder_of_others_is_left_alone(tmp_path: Path, manifest: str | None) -> None:
    (tmp_path / "index.html").write_text("mine")
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(InvalidInput, match=r"index\.html|manifest\.json"):
        Folder(tmp_path).open()
    assert (tmp_path / "index.html").read_text() == "mine"
    assert not (tmp_path / "sidebars").exists()


def test_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be written"):
        Folder(tmp_path / "file" / "out").open()


def test_file_that_cannot_be_written_leaves_nothing_behind(path: Path, folder: Folder) -> None:
    (path / "sidebars" / "a.json").mkdir()
    with pytest.raises(Unavailable, match=r"a\.json cannot be written"):
        folder.put("a.json", b"1")
    (path / "sidebars" / "a.json").rmdir()
    assert names(path) == []
