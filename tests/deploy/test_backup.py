"""The nightly backup: a new file each time, the newest kept, and nothing removed when it fails."""

import os
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def back_up(folder: Path, database: Path, keep: int = 2) -> int:
    """Runs the script with this checkout's command; its exit code."""
    command = folder.parent / "bin" / "recommender"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m recommender "$@"\n')
    command.chmod(0o700)
    environment = os.environ | {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RECOMMENDER_DATABASE_URL": f"sqlite:///{database}",
    }
    script = ROOT / "deploy" / "backup.sh"
    return subprocess.run(["sh", script, folder, str(keep)], cwd=folder.parent, env=environment, check=False).returncode


def test_newest_backups_are_kept(archive_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        (folder / f"recommender-{day}T013000Z.backup").touch()
    (folder / "of-somebody-else").touch()
    assert back_up(folder, archive_file) == 0
    kept = sorted(file.name for file in folder.iterdir())
    assert kept[:2] == ["of-somebody-else", "recommender-2026-01-03T013000Z.backup"]
    assert len(kept) == 3
    newest = folder / kept[2]
    assert newest.stat().st_size > 0
    assert stat.S_IMODE(newest.stat().st_mode) == 0o600


def test_failed_backup_removes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    names = [f"recommender-2026-01-0{day}T013000Z.backup" for day in range(1, 5)]
    for name in names:
        (folder / name).touch()
    assert back_up(folder, tmp_path / "no-database.db") == 3
    assert sorted(file.name for file in folder.iterdir()) == names
