"""Makes a backup, and does not call it done before it has been restored once and compared."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import InvalidInput, Unavailable
from recommender.operations.archive import ArchiveReader, ArchiveWriter, Manifest, opened
from recommender.operations.folders import put_in_place, told, working_folder
from recommender.settings import Settings
from recommender.store.dump import Load, Snapshot, TableSummary
from recommender.version import __version__
from recommender.wiring import database_file, opened_dump, utc_now

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Backup:
    """A backup that was made: where, what it holds, and its size in bytes."""

    path: Path
    manifest: Manifest
    bytes: int


def back_up(settings: Settings, path: Path, tell: Tell) -> Backup:
    """Writes everything that is kept, and the models' folder, into one file, which is private (0600).

    The file has its name only when it was restored into a scratch database whose tables have the same counts and
    digests. Raises InvalidInput for a name that is taken, Unavailable where it could not be written or was not equal.
    """
    if path.exists() or path.is_symlink():
        raise InvalidInput(f"{path} is there already. A backup is not written over; choose another name.")
    file = database_file(settings)
    if file is not None and not file.exists():
        raise Unavailable(f"There is no database: {file} does not exist.")
    models = settings.models.resolve()
    if models in path.resolve().parents:
        raise InvalidInput(f"{path} lies in the models' folder, which is part of the backup. Choose another place.")
    with working_folder(path) as folder, told(path):
        unfinished = folder / "backup"
        _write(settings, unfinished, tell)
        with opened(unfinished) as archive:
            tell("verifying: restoring into a scratch database")
            verify(archive, folder / "scratch.db")
            made = Backup(path, archive.manifest, unfinished.stat().st_size)
        put_in_place(unfinished, path)
    return made


def _write(settings: Settings, file: Path, tell: Tell) -> None:
    url = settings.database_url.get_secret_value()
    with (
        open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream,  # noqa: PTH123  # with its mode from the start
        opened_dump(url) as dump,
        dump.snapshot() as snapshot,
    ):
        archive = ArchiveWriter(stream)
        tables = []
        for shape in snapshot.tables():
            summary = archive.add_table(shape, snapshot.lines(shape.name))
            tables.append(summary)
            if summary.rows:
                tell(f"{shape.name}: {summary.rows:,} rows")
        archive.add_models(settings.models)
        made = utc_now().isoformat(timespec="seconds")
        archive.finish(
            f"recommender {__version__}", made, url.partition(":")[0].partition("+")[0], snapshot.schema, tables
        )
        stream.flush()
        os.fsync(stream.fileno())


def verify(archive: ArchiveReader, scratch: Path) -> None:
    """Restores into a scratch file, which stays. Raises Unavailable where a table has become another."""
    with opened_dump(f"sqlite:///{scratch}") as dump, dump.replacing(archive.manifest.schema) as load:
        fill(load, archive)


def fill(load: Load, archive: ArchiveReader) -> None:
    """Fills empty tables from a backup, and reads them again to compare. Raises Unavailable where they differ."""
    tables = archive.manifest.tables
    shapes = {shape.name: shape for shape in load.tables()}
    for table in tables:
        shape = shapes.pop(table.shape.name, None)
        if shape is None or dict(shape.columns) != dict(table.shape.columns):
            raise InvalidInput(
                f"The backup's table {table.shape.name} is not that of schema {archive.manifest.schema}."
            )
    # By the order of the tables that are there: each comes after those that it refers to.
    by_name = {table.shape.name: table for table in tables}
    for shape in load.tables():
        if shape.name in by_name:
            for rows in archive.rows(by_name[shape.name]):
                load.insert(shape, rows)
    load.give_numbers_after([table.shape for table in tables])
    for table in tables:
        found = summary_of(load, table)
        if (found.rows, found.sha256) != (table.rows, table.sha256):
            raise Unavailable(
                f"The table {table.shape.name} has become another: {found.rows:,} rows where the manifest has "
                f"{table.rows:,}, or other values. Nothing was restored."
            )
    for shape in load.tables():
        if shape.name in by_name and shape.last_number != by_name[shape.name].shape.last_number:
            raise Unavailable(f"The table {shape.name} would give numbers twice. Nothing was restored.")


def summary_of(source: Snapshot | Load, table: TableSummary) -> TableSummary:
    """What a table holds now."""
    digest, rows = hashlib.sha256(), 0
    for line in source.lines(table.shape.name):
        digest.update(line)
        rows += 1
    return TableSummary(table.shape, rows, digest.hexdigest())
