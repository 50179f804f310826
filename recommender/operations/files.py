"""Checks of what lies on the disk: room, modes, and secrets in files."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from recommender.operations.findings import Finding, fault, ok, warning
from recommender.operations.folders import UNFINISHED
from recommender.settings import Settings
from recommender.wiring import database_file

LOW_BYTES, FULL_BYTES = 1 << 30, 100 << 20
_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_WEAK = 4  # distinct characters; a key of fewer was not made by a generator


def disk(settings: Settings) -> Iterator[Finding]:
    """Room where the database lies, and the models' folder: a build writes a second generation beside the first."""
    file = database_file(settings)
    folders = {existing(folder) for folder in (file.parent if file else None, settings.models) if folder is not None}
    seen: set[int] = set()
    for folder in sorted(folders):
        if (device := folder.stat().st_dev) in seen:
            continue
        seen.add(device)
        needed = 2 * file.stat().st_size if file is not None and file.exists() and file.parent == folder else 0
        free = shutil.disk_usage(folder).free
        said = f"{in_words(free)} are free at {folder}"
        advice = "Make room: a build needs as much again as the database has, and so does a backup"
        if free < FULL_BYTES:
            yield fault("disk", said, advice)
        elif free < max(LOW_BYTES, needed):
            yield warning("disk", said, advice)
        else:
            yield ok("disk", said)


def permissions(settings: Settings) -> Iterator[Finding]:
    """Whether this user can write where it has to, and others cannot read what is not theirs."""
    found = [*_database_modes(settings), *_folder_modes(settings), *_left_over(settings)]
    yield from found
    if not found:
        private = "" if database_file(settings) is None else "the database is private; its folder can be written, and "
        yield ok("permissions", f"{private}the models' folder can be written")


def _database_modes(settings: Settings) -> Iterator[Finding]:
    file = database_file(settings)
    if file is None:
        return
    for one in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        if not one.is_file():
            continue
        if one.stat().st_mode & (_OTHERS_READ | _OTHERS_WRITE):
            mode = stat.filemode(one.stat().st_mode)
            yield warning(
                "permissions",
                f"{one} is {mode}: others can read it, and it holds hashes of passwords, and secrets",
                f"chmod 600 {one}",
            )
        if not os.access(one, os.R_OK | os.W_OK):
            yield fault(
                "permissions", f"{one} cannot be read and written", "Give it to the user of the service (chown)"
            )


def _folder_modes(settings: Settings) -> Iterator[Finding]:
    file = database_file(settings)
    for folder, what in ((file.parent if file else None, "the database's"), (settings.models, "the models'")):
        if folder is None:
            continue
        there = existing(folder)
        if not os.access(there, os.W_OK | os.X_OK):
            make = fault if folder != settings.models else warning
            yield make(
                "permissions", f"{there} ({what} folder) cannot be written", "Give it to the user of the service"
            )
        if there == folder and there.stat().st_mode & stat.S_IWOTH and not there.stat().st_mode & stat.S_ISVTX:
            yield warning("permissions", f"{there} ({what} folder) can be written by everybody", f"chmod o-w {there}")


def _left_over(settings: Settings) -> Iterator[Finding]:
    """What a restore has kept beside, and one that was killed has left."""
    file = database_file(settings)
    for place in (file, settings.models):
        if place is None:
            continue
        folder = existing(place.parent)
        for left in sorted([*folder.glob(f"{place.name}.replaced-*"), *folder.glob(f".{place.name}{UNFINISHED}")]):
            yield warning(
                "permissions", f"{left} is left from a restore, with all that it holds", "Remove it when all is well"
            )


def secrets(settings: Settings, file: Path | None) -> Iterator[Finding]:
    """The keys, and who can read the file that they stand in."""
    found = []
    keys = [key.get_secret_value() for key in settings.api_keys]
    if any(len(set(key)) <= _WEAK for key in keys):
        advice = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        found.append(warning("secrets", "an API key can be guessed", advice))
    if len(set(keys)) < len(keys):
        found.append(warning("secrets", "an API key is there twice", "Take one of them away"))
    if file is not None and file.is_file():
        mode = file.stat().st_mode
        if mode & _OTHERS_WRITE:
            text = f"{file} is {stat.filemode(mode)}: others can change the settings"
            found.append(fault("secrets", text, f"chmod 600 {file}"))
        elif mode & _OTHERS_READ and _holds_secrets(file):
            text = f"{file} is {stat.filemode(mode)}: others can read its keys or passwords"
            found.append(warning("secrets", text, f"chmod 600 {file}"))
    yield from found
    if not found:
        count = f"API keys: {len(keys)}" if keys else "no API key in the settings"
        yield ok("secrets", f"{count}{f'; {file} is as private as it must be' if file and file.is_file() else ''}")


def _holds_secrets(file: Path) -> bool:
    text = file.read_text(encoding="utf-8")
    return "api_keys" in text or "database_url" in text


def ahead(settings: Settings, limit: float) -> list[Path]:
    """Files of the database and of the models' folder that were written after a time, in seconds since 1970."""
    file = database_file(settings)
    candidates = [file, settings.models / "live", *sorted(settings.models.glob("*/*/card.json"))]
    return [one for one in candidates if one is not None and one.is_file() and one.stat().st_mtime > limit]


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(one for one in (folder, *folder.resolve().parents) if one.is_dir())


def in_words(size: int) -> str:
    """A number of bytes for people."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
