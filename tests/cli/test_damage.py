"""Commands on a SQLite file that has come to harm: exit code 3 and one line, or what was asked for."""

from pathlib import Path

import pytest

from recommender.store.sql.faults import DAMAGED
from tests.cli.conftest import Run
from tests.damage import HARMS, PAGE, overwrite_page

COMMANDS = (
    ("status",),
    ("related", "blockade-1"),
    ("exposure",),
    ("users", "list"),
    ("ingest", "-", "--format", "jsonl"),
)
EVERY = 7  # of the file's pages: each is noise once, and the commands are many
NEW = '{"id": "new", "title": "Fuel", "body": "Blockade of Bamako."}'


def assert_one_line(run: Run, *command: str) -> bool:
    """Whether the command was stopped; its last word is then one line, and never a traceback."""
    result = run(*command, given=NEW)
    if result.exit_code == 0:
        return False
    assert (command, result.exit_code) == (command, 3)
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert "Traceback" not in result.output
    return True


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", HARMS)
def test_harm_ends_a_command_with_one_line(run: Run, gathered: Path, name: str, command: tuple[str, ...]) -> None:
    HARMS[name](gathered)
    assert_one_line(run, *command)


def test_noise_on_any_page_ends_no_command_in_a_traceback(run: Run, gathered: Path) -> None:
    """Noise in the middle of a table, an index, or what lies on overflow pages."""
    whole, stopped = gathered.read_bytes(), 0
    for page in range(2, len(whole) // PAGE + 1, EVERY):
        for command in (("related", "blockade-1"), ("status",)):
            for beside in gathered.parent.glob(f"{gathered.name}-*"):
                beside.unlink()
            gathered.write_bytes(whole)
            overwrite_page(gathered, page)
            stopped += assert_one_line(run, *command)
    assert stopped > 0


def test_advice_names_check_and_restore(run: Run, gathered: Path) -> None:
    HARMS["header"](gathered)
    assert DAMAGED in run("status").stderr


def test_emptied_file_is_a_new_database(run: Run, gathered: Path) -> None:
    """As SQLite has it; nothing tells it from a file that a script has made for the service."""
    gathered.write_bytes(b"")
    assert "articles    none" in run("status").stdout
