"""`export`: sidebars as static files."""

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.web.toy import ARCHIVE

PUBLIC = [article.id for article in ARCHIVE if article.status == "published" and not article.flags]


def test_sidebars_are_written(run: Run, archive: Path) -> None:
    result = run("export", "out")
    assert result.exit_code == 0
    assert result.stdout == f"{len(PUBLIC)} sidebars; {2 * len(PUBLIC)} files written, 0 removed\n"
    names = {file.name for file in (archive.parent / "out" / "sidebars").iterdir()}
    assert names == {f"{name}.{kind}" for name in PUBLIC for kind in ("json", "html")}
    sidebar = json.loads((archive.parent / "out" / "sidebars" / "blockade-1.json").read_text())
    assert sidebar["items"][0]["id"] == "blockade-3"
    assert "More on the Sahel" in (archive.parent / "out" / "sidebars" / "blockade-1.html").read_text()


def test_second_export_writes_nothing(run: Run, archive: Path) -> None:
    run("export", "out")
    assert run("export", "out").stdout == f"{len(PUBLIC)} sidebars; 0 files written, 0 removed\n"


def test_folder_of_others_is_refused(run: Run, archive: Path) -> None:
    (archive.parent / "site").mkdir()
    (archive.parent / "site" / "index.html").write_text("mine")
    result = run("export", "site")
    assert result.exit_code == 2
    assert "index.html" in result.stderr


def test_place_that_cannot_be_written_ends_with_three(run: Run, archive: Path) -> None:
    (archive.parent / "file").write_text("in the way")
    assert run("export", "file/out").exit_code == 3
