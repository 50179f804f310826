"""Model versions in a folder: `<name>/<version>/` with a card and files, and `live`, which names one of them."""

import fcntl
import hashlib
import http.client
import secrets
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from recommender.errors import InvalidInput, NotFound, Unavailable
from recommender.release.cards import (
    BUILT_IN,
    CARD,
    MAX_BYTES,
    README,
    FileEntry,
    HistoryEntry,
    ModelCard,
    checked_file,
    checked_name,
    from_json,
    readme,
    to_json,
)

LIVE_FILE = "live"
LOCK_FILE = ".lock"  # empty; a process that adds to a card holds it
UNFINISHED = ".new-"  # begins the name of what is being written
LEFT_SECONDS = 86_400.0  # what was not written to for so long was left by a process that was killed
FETCH_SECONDS = 60.0  # without a byte
_CHUNK = 1 << 20


class FolderRegistry:
    """`Registry` over a folder, which need not be there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        """Every version that has a card, in order."""
        cards = sorted(self._root.glob(f"*/*/{CARD}"))
        names = [f"{card.parent.parent.name}/{card.parent.name}" for card in cards]
        return [name for name in names if _is_name(name)]

    def folder(self, name: str) -> Path:
        """Where a version lies. Raises NotFound."""
        folder = self._root / checked_name(name)
        if not (folder / CARD).is_file():
            raise NotFound(f"There is no model version {name} in {self._root}.")
        return folder

    def card(self, name: str) -> ModelCard:
        """The card of a version. Raises NotFound, and InvalidInput for one that is damaged or another's."""
        file = self.folder(name) / CARD
        try:
            if file.stat().st_size > MAX_BYTES:
                raise InvalidInput(f"{file} is not a model card: it is too large.")
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{file} cannot be read: {error}") from error
        card = from_json(text, str(file))
        if card.name != name:
            raise InvalidInput(f"{file} is the card of {card.name}, not of {name}.")
        return card

    def live(self) -> str:
        """The version that builds build. Raises InvalidInput where the file names none."""
        file = self._root / LIVE_FILE
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return BUILT_IN
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{file} cannot be read: {error}") from error
        try:
            return checked_name(text.strip())
        except InvalidInput as error:
            raise InvalidInput(f"{file}: {error}") from error

    def put_live(self, name: str) -> None:
        """Says which version builds build. Raises NotFound for one that is neither there nor built in."""
        if name != BUILT_IN:
            self.folder(name)
        self._write(self._root / LIVE_FILE, f"{name}\n".encode())

    def create(self, card: ModelCard, files: Mapping[str, bytes | Path]) -> ModelCard:
        """Adds a version with its files, whole or not at all; gives the card with their digests.

        Raises InvalidInput where there is one already: released versions are not written over.
        """
        folder = self._root / checked_name(card.name)
        if folder.exists():
            raise InvalidInput(f"{folder} is there already. Versions are not written over; choose another number.")
        self._sweep()
        unfinished = self._unfinished()
        with _writing(self._root):
            try:
                entries = {}
                for path, content in files.items():
                    entries[path] = _put(unfinished / checked_file(path), content)
                complete = replace(card, files=entries)
                unfinished.mkdir(parents=True, exist_ok=True)
                (unfinished / CARD).write_text(to_json(complete), encoding="utf-8")
                (unfinished / README).write_text(readme(complete), encoding="utf-8")
                folder.parent.mkdir(parents=True, exist_ok=True)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return complete

    def record(self, name: str, entry: HistoryEntry) -> None:
        """Adds an entry to the history of a version. Concurrent calls wait for each other."""
        folder, lock = self.folder(name), self._root / LOCK_FILE
        self._sweep()
        with _writing(lock), lock.open("ab") as locked:
            fcntl.flock(locked, fcntl.LOCK_EX)  # until the file is closed, if only because the process has died
            card = self.card(name).recorded(entry)
            self._write(folder / CARD, to_json(card).encode())
            self._write(folder / README, readme(card).encode())

    def verify(self, name: str) -> list[str]:
        """What is wrong with the files of a version: damaged, missing, foreign; empty where nothing is.

        Raises NotFound, and InvalidInput for a card that is damaged.
        """
        card, folder = self.card(name), self.folder(name)
        problems = []
        for file in sorted(folder.rglob("*")):
            path = file.relative_to(folder).as_posix()
            if file.is_symlink():
                problems.append(f"{path} is a link")
            elif not file.is_dir() and path not in (CARD, README) and path not in card.files:
                problems.append(f"{path} is not on the card")
        for path, entry in card.files.items():
            file = folder / path
            if not file.exists():
                problems.append(f"{path} is missing; `recommender models fetch {name}` gets it")
            elif not file.is_file() or (not file.is_symlink() and _entry_of(file) != entry):
                problems.append(f"{path} is not the file of the card")
        embedding = card.embedding.files
        if embedding is not None and not any(path.startswith(f"{embedding}/") for path in card.files):
            problems.append(f"the card names no file in {embedding}/")
        return problems

    def fetch(self, name: str, source: str) -> list[str]:
        """Gets the files of a version that are missing or damaged from a folder or https address; says which.

        They lie there as here: `<name>/<version>/<path>`. A file is put into place when its digest is right. Raises
        Unavailable for one that cannot be had, InvalidInput for one that is another, and where a link is in the way.
        """
        card, folder = self.card(name), self.folder(name)
        self._sweep()
        fetched = []
        for path, entry in card.files.items():
            file = folder / path
            if file.is_file() and not file.is_symlink() and _entry_of(file) == entry:
                continue
            if any(parent.is_symlink() for parent in file.parents if parent.is_relative_to(folder)):
                raise InvalidInput(f"{file.parent} is or lies behind a link; take it away first.")
            unfinished = self._unfinished()
            with _writing(file):
                file.parent.mkdir(parents=True, exist_ok=True)
                try:
                    _copy(source.rstrip("/"), f"{name}/{path}", unfinished, entry.bytes)
                    if _entry_of(unfinished) != entry:
                        raise InvalidInput(f"{source}/{name}/{path} is not the file of the card.")
                    unfinished.replace(file)
                finally:
                    unfinished.unlink(missing_ok=True)
            fetched.append(path)
        return fetched

    def _unfinished(self) -> Path:
        """Where something is written before it is put into place: not among the files of a version."""
        return self._root / f"{UNFINISHED}{secrets.token_hex(8)}"

    def _sweep(self) -> None:
        """Removes what was never put into place."""
        for leftover in self._root.glob(f"{UNFINISHED}*"):
            with suppress(OSError):  # another process may be removing it too
                if time.time() - leftover.lstat().st_mtime > LEFT_SECONDS:
                    shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def _write(self, file: Path, data: bytes) -> None:
        unfinished = self._unfinished()
        with _writing(file):
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                unfinished.write_bytes(data)
                unfinished.replace(file)
            finally:
                unfinished.unlink(missing_ok=True)


def _is_name(text: str) -> bool:
    try:
        checked_name(text)
    except InvalidInput:
        return False
    return True


def _put(file: Path, content: bytes | Path) -> FileEntry:
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, file)
    else:
        file.write_bytes(content)
    return _entry_of(file)


def _entry_of(file: Path) -> FileEntry:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileEntry(digest, file.stat().st_size)


def _copy(source: str, path: str, target: Path, size: int) -> None:
    """Copies at most `size` bytes and one more, which makes a wrong file of it."""
    try:
        if source.startswith("https://"):
            address = f"{source}/{urllib.parse.quote(path)}"
            stream = urllib.request.urlopen(address, timeout=FETCH_SECONDS)  # noqa: S310  # https only, as said above
        else:
            stream = Path(source, path).open("rb")  # noqa: SIM115  # closed below, as the other one
        with stream, target.open("wb") as written:
            remaining = size + 1
            while remaining and (chunk := stream.read(min(_CHUNK, remaining))):
                written.write(chunk)
                remaining -= len(chunk)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"{source}/{path} cannot be had: {error}") from error


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror or error}") from error
