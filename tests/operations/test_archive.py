"""The file of a backup: every byte is checked before anything is restored, and what does not belong is refused."""

import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from recommender.operations.archive import MANIFEST, opened
from tests.operations.conftest import manifest_of

Member = tuple[tarfile.TarInfo, bytes]


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy of a backup, to be tampered with."""
    return Path(shutil.copy(made, tmp_path / "copy.tar"))


def members(path: Path) -> list[Member]:
    with tarfile.open(path) as tar:
        return [(member, stream.read() if (stream := tar.extractfile(member)) else b"") for member in tar]


def rewritten(path: Path, change: Callable[[list[Member]], Iterator[Member]]) -> None:
    """Writes the tar anew with other members."""
    changed = list(change(members(path)))
    with tarfile.open(path, "w") as tar:
        for member, data in changed:
            member.size = len(data) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(data))


def added(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Callable[[list[Member]], Iterator[Member]]:
    def change(held: list[Member]) -> Iterator[Member]:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        yield member, b""
        yield from held

    return change


def test_whole_backup_is_read(path: Path) -> None:
    assert manifest_of(path).rows > 20


@pytest.mark.parametrize("name", ["database/article/000001.jsonl.gz", "models/live", MANIFEST])
def test_flipped_byte_is_found_and_named(path: Path, name: str) -> None:
    with tarfile.open(path) as tar:
        place = tar.getmember(name).offset_data
    with path.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)
        stream.seek(place)
        stream.write(bytes([byte[0] ^ 1]))
    with pytest.raises(InvalidInput, match=rf"damaged: {name} \(bytes {place:,} to "):
        manifest_of(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_file_is_found(path: Path, share: float) -> None:
    end = max(member.offset_data + member.size for member, _ in members(path))  # what follows is zeros
    size = int(end * share)
    with path.open("r+b") as stream:
        stream.truncate(size)
    with pytest.raises(InvalidInput, match=r"cut off or damaged|damaged at byte"):
        manifest_of(path)


@pytest.mark.parametrize("content", [b"", b"no tar", b"\0" * 4096])
def test_other_files_are_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"not a backup|no manifest"):
        manifest_of(path)


@pytest.mark.parametrize(
    "name",
    [
        "models/../../etc/cron.d/x",
        "/etc/passwd",
        "../x",
        "models//x",
        "models",
        "database/../x",
        "other/x",
        "models/a\\b",
    ],
)
def test_path_that_leads_elsewhere_is_refused(path: Path, name: str) -> None:
    rewritten(path, added(name))
    with pytest.raises(InvalidInput, match="no backup holds"):
        manifest_of(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_folders_and_devices_are_refused(path: Path, kind: bytes) -> None:
    rewritten(path, added("models/x", kind, "/etc/passwd"))
    with pytest.raises(InvalidInput, match="is not a file"):
        manifest_of(path)


def test_file_outside_the_manifest_is_refused(path: Path) -> None:
    rewritten(path, added("models/more"))
    with pytest.raises(InvalidInput, match="not in its manifest"):
        manifest_of(path)


def test_file_that_is_there_twice_is_refused(path: Path) -> None:
    rewritten(path, lambda held: iter([*held, held[0]]))
    with pytest.raises(InvalidInput, match="twice"):
        manifest_of(path)


def test_missing_file_is_named(path: Path) -> None:
    rewritten(path, lambda held: (one for one in held if one[0].name != "models/live"))
    with pytest.raises(InvalidInput, match="does not hold models/live"):
        manifest_of(path)


def test_missing_backup_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"), opened(tmp_path / "none.tar"):
        pass
