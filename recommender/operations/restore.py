"""Brings a backup back: everything is made and compared beside what is there, and then takes its place at once."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recommender.errors import InvalidInput, StoreUnavailable, Unavailable
from recommender.operations.archive import ArchiveReader, Manifest, model_files, opened
from recommender.operations.backup import fill
from recommender.operations.database_file import take_place, unused
from recommender.operations.folders import give_to_owner_of, sync, told, working_folder
from recommender.settings import Settings
from recommender.store.audit_chain import Trail
from recommender.wiring import database_file, opened_dump, opened_inspection, utc_now

Confirm = Callable[[list[str]], bool]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What was restored, where that lies which it has replaced, and the chain of the audit trail that is there now."""

    manifest: Manifest
    kept: list[Path]
    trail: Trail


def restore(settings: Settings, path: Path, confirm: Confirm, tell: Tell) -> Restored:
    """Puts a backup in the place of the settings' database and models' folder.

    `confirm` is asked where something is there already, and is told what. Raises InvalidInput for a file that is
    damaged, of a newer release or refused, and Unavailable where something is in use or cannot be written; nothing has
    changed then.
    """
    with opened(path) as archive:
        tell(f"{path}: whole, made {archive.manifest.made} by {archive.manifest.software}")
        _check_schema(settings, archive.manifest, path)
        if (there := _there(settings, archive.manifest)) and not confirm(there):
            raise InvalidInput(
                f"There is something already: {'; '.join(there)}. --replace puts the backup in its place."
            )
        now = utc_now()
        kept: list[Path] = []
        with _models(settings.models, archive, now) as models, _database(settings, archive, now, kept):
            tell("restored and compared, table by table; now it takes its place")
            kept += models.put_in_place()
        with opened_inspection(settings.database_url.get_secret_value()) as inspection:
            return Restored(archive.manifest, kept, inspection.trail())


def _check_schema(settings: Settings, manifest: Manifest, path: Path) -> None:
    with opened_dump(settings.database_url.get_secret_value()) as dump:
        if not dump.knows(manifest.schema):
            raise InvalidInput(
                f"{path} is of schema {manifest.schema}, which this release does not know. "
                f"{manifest.software} wrote it; upgrade this one."
            )


def _there(settings: Settings, manifest: Manifest) -> list[str]:
    """What would be replaced, in words."""
    found = []
    file, url = database_file(settings), settings.database_url.get_secret_value()
    if file is None or file.exists():
        try:
            with opened_dump(url) as dump:
                if not dump.is_empty():
                    found.append(f"the database {file} holds data" if file else "the database holds data")
        except StoreUnavailable as error:
            if file is None:
                raise
            found.append(f"the database {file} cannot be read ({str(error).partition('. ')[0]})")
    here = {name: _digest(settings.models / name) for name in model_files(settings.models)}
    if here and here != manifest.models():
        found.append(f"the models' folder {settings.models} holds other files")
    return found


@contextmanager
def _database(settings: Settings, archive: ArchiveReader, now: datetime, kept: list[Path]) -> Iterator[None]:
    """The database, filled and compared; what is done at the end of the block is the switch."""
    file = database_file(settings)
    if file is None:
        with opened_dump(settings.database_url.get_secret_value()) as dump:
            if others := dump.others():
                raise Unavailable(
                    f"{others} other connections use the database. Stop the service and running builds first."
                )
            with dump.replacing(archive.manifest.schema) as load:
                fill(load, archive)
                yield
        return
    file = file.resolve()  # a link to the file goes on leading to it
    with unused(file):
        pass  # at once, and not after all the work
    with working_folder(file) as folder, told(file):
        new = folder / file.name
        with opened_dump(f"sqlite:///{new}") as dump, dump.replacing(archive.manifest.schema) as load:
            fill(load, archive)
        yield
        before = take_place(new, file, now)
        kept += [before] if before else []


class _Models:
    """The models' folder of a backup, beside the one that is there."""

    def __init__(self, new: Path, folder: Path, now: datetime, *, same: bool) -> None:
        self._new = new
        self._folder = folder
        self._before = folder.with_name(f"{folder.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
        self._same = same
        self._switched = False

    def put_in_place(self) -> list[Path]:
        """Gives the folder its name; where another one was, it is kept under a name with the time, which is given."""
        if self._same:
            return []
        kept = []
        give_to_owner_of(self._folder if self._folder.is_dir() else self._folder.parent, self._new)
        if self._folder.is_dir() and any(self._folder.iterdir()):
            self._folder.rename(self._before)
            kept.append(self._before)
        self._new.rename(self._folder)
        self._switched = True
        sync(self._folder.parent)
        return kept

    def take_back(self) -> None:
        """The folder from before, for a switch that has failed."""
        if self._switched:
            self._folder.rename(self._new)
        if self._before.exists():
            self._before.rename(self._folder)


@contextmanager
def _models(folder: Path, archive: ArchiveReader, now: datetime) -> Iterator[_Models]:
    wanted = archive.manifest.models()
    here = {name: _digest(folder / name) for name in model_files(folder)}
    resolved = folder.resolve()  # a link to the folder goes on leading to it
    with working_folder(resolved) as working, told(resolved):
        new = working / "models"
        new.mkdir()
        archive.put_models(new)
        for file in new.rglob("*"):
            if file.is_file():
                sync(file)
        models = _Models(new, resolved, now, same=here == wanted)
        try:
            yield models
        except BaseException:
            models.take_back()
            raise


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
