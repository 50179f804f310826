"""The folder of exported files: each is written completely or not at all, and only where it differs."""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from recommender.errors import InvalidInput, Unavailable

MANIFEST = "manifest.json"
INSIDE = "sidebars"
FORMAT = "recommender sidebars 1"
UNFINISHED = ".new-"  # begins the name of a file that is being written
LEFT_BEHIND_SECONDS = 3_600


class Folder:
    """A folder that only this service writes to: `manifest.json`, and all files in `sidebars/`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inside = path / INSIDE

    def open(self) -> None:
        """Makes the folder. Raises InvalidInput where it holds other files, Unavailable where it cannot be used."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            others = sorted(entry.name for entry in self._path.iterdir())
            if others and not self._is_ours():
                raise InvalidInput(f"{self._path} holds {others[0]}, which is not an export. Choose an empty folder.")
            self.describe({})
            self._inside.mkdir(exist_ok=True)
        except OSError as error:
            raise _unusable(self._path, error) from error

    def _is_ours(self) -> bool:
        try:
            described = json.loads((self._path / MANIFEST).read_bytes())
        except (FileNotFoundError, ValueError):
            return False
        return isinstance(described, dict) and described.get("format") == FORMAT

    def describe(self, facts: Mapping[str, Any]) -> None:
        """Writes what the folder holds into its manifest."""
        text = json.dumps({"format": FORMAT, **facts}, indent=2)
        self._write(self._path / MANIFEST, f"{text}\n".encode())

    def put(self, name: str, data: bytes) -> bool:
        """Writes a file, unless it holds the same already; whether it was written."""
        file = self._inside / name
        try:
            if file.read_bytes() == data:
                return False
        except FileNotFoundError:
            pass  # it is new
        except OSError as error:
            raise _unusable(file, error) from error
        self._write(file, data)
        return True

    def _write(self, file: Path, data: bytes) -> None:
        unfinished = file.with_name(UNFINISHED + secrets.token_hex(8))
        try:
            unfinished.write_bytes(data)
            unfinished.replace(file)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise _unusable(file, error) from error

    def keep(self, names: Iterable[str]) -> int:
        """Removes every other file, and what an interrupted export has left unfinished; returns how many."""
        keep, removed = set(names), 0
        try:
            for file in [*self._inside.iterdir(), *self._path.glob(f"{UNFINISHED}*")]:
                if file.name not in keep and not _is_under_way(file):
                    file.unlink(missing_ok=True)
                    removed += 1
        except OSError as error:
            raise _unusable(self._inside, error) from error
        return removed


def _is_under_way(file: Path) -> bool:
    """Whether another export may be writing the file just now."""
    try:
        return file.name.startswith(UNFINISHED) and time.time() - file.stat().st_mtime < LEFT_BEHIND_SECONDS
    except FileNotFoundError:
        return True


def _unusable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(f"{path} cannot be written: {error.strerror}")
