"""Checks constraints.txt against known advisories, without a network: `python scripts/audit.py ADVISORIES`.

ADVISORIES is a file of one advisory in OSV's format, or of a list of them, a folder or a zip of such files; the
database of PyPI's advisories is published as a zip, which somebody with a network brings along. `--accept ID` leaves
out one that was looked at and doesn't touch this service; its reason stands where the command is called.

Exit codes: 0 nothing found, 1 a version of the lock is affected, 2 the advisories cannot be read.
"""

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "constraints.txt"


@dataclass(frozen=True)
class Finding:
    """A package of the lock that an advisory names."""

    id: str
    package: str
    version: str
    fixed: tuple[str, ...]
    summary: str

    def __str__(self) -> str:
        fixed = f"fixed in {', '.join(self.fixed)}" if self.fixed else "no fixed version"
        return f"{self.package} {self.version}: {self.id}, {fixed}. {self.summary}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Checks the lock against advisories in OSV's format.")
    parser.add_argument("advisories", type=Path)
    parser.add_argument("--lock", type=Path, default=LOCK)
    parser.add_argument("--accept", action="append", default=[], metavar="ID")
    given = parser.parse_args()
    versions = locked(given.lock)
    try:
        advisories = list(read(given.advisories))
        findings = [
            finding
            for advisory in advisories
            for finding in affected(advisory, versions)
            if not {advisory["id"], *advisory.get("aliases", ())} & set(given.accept)
        ]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"{given.advisories} cannot be read: {error}", file=sys.stderr)
        sys.exit(2)
    if not advisories:
        print(f"{given.advisories} holds no advisory", file=sys.stderr)
        sys.exit(2)
    for finding in sorted(findings, key=str):
        print(finding)
    print(f"{len(versions)} packages, {len(advisories)} advisories, {len(findings)} findings")
    sys.exit(bool(findings))


def read(place: Path) -> Iterator[dict[str, Any]]:
    """The advisories of a file, a folder or a zip. Raises OSError, ValueError, BadZipFile."""
    if place.is_dir():
        texts = [file.read_text(encoding="utf-8") for file in sorted(place.rglob("*.json"))]
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            texts = [archive.read(name).decode() for name in sorted(archive.namelist()) if name.endswith(".json")]
    else:
        texts = [place.read_text(encoding="utf-8")]
    for text in texts:
        content = json.loads(text)
        for advisory in content if isinstance(content, list) else [content]:
            if not isinstance(advisory, dict) or "id" not in advisory:
                raise ValueError("an advisory in OSV's format has an id")
            yield advisory


def locked(lock: Path) -> dict[str, str]:
    """Name and version of every package of the lock."""
    return dict(line.split("==") for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line)


def affected(advisory: dict[str, Any], versions: dict[str, str]) -> Iterator[Finding]:
    """What of the lock an advisory names; one that was withdrawn names nothing."""
    if "withdrawn" in advisory:
        return
    named = [entry for entry in advisory.get("affected", ()) if entry.get("package", {}).get("ecosystem") == "PyPI"]
    for name in sorted({normal(entry["package"]["name"]) for entry in named} & versions.keys()):
        entries = [entry for entry in named if normal(entry["package"]["name"]) == name]
        if any(touches(entry, versions[name]) for entry in entries):
            events = [event for entry in entries for span in spans(entry) for event in span]
            fixed = tuple(dict.fromkeys(event["fixed"] for event in events if "fixed" in event))
            yield Finding(advisory["id"], name, versions[name], fixed, advisory.get("summary", ""))


def touches(entry: dict[str, Any], version: str) -> bool:
    """Whether a version is listed, or lies in a range."""
    return version in entry.get("versions", ()) or any(within(events, version) for events in spans(entry))


def spans(entry: dict[str, Any]) -> list[list[dict[str, str]]]:
    """The events of each range of versions; ranges of commits say nothing about a release."""
    return [span["events"] for span in entry.get("ranges", ()) if span["type"] in {"ECOSYSTEM", "SEMVER"}]


def within(events: list[dict[str, str]], version: str) -> bool:
    """OSV's rule: the events before a version, in order, turn it on (introduced) and off (fixed, last_affected)."""
    here, inside = Version(version), False
    for event in sorted(events, key=_place):
        (kind, text), *_ = event.items()
        place = _version(text)
        if kind == "introduced" and here >= place:
            inside = True
        elif (kind == "fixed" and here >= place) or (kind == "last_affected" and here > place):
            inside = False
    return inside


def _place(event: dict[str, str]) -> Version:
    return _version(next(iter(event.values())))


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise ValueError(f"{text!r} is not a version") from error


def normal(name: str) -> str:
    """A package's name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
