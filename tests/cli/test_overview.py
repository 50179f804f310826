"""The overview is instant and says what the commands say."""

import subprocess
import sys

import click
import pytest

from recommender.cli import COMMANDS, cli
from tests.cli.conftest import Run

HEAVY = ("torch", "sentence_transformers", "sklearn", "scipy", "sqlalchemy", "flask", "numpy", "pydantic")


def loaded_by(*arguments: str) -> set[str]:
    """Top-level modules that a run of the command has imported."""
    script = f"import sys; sys.argv = ['recommender', *{arguments!r}]\n"
    script += "from recommender.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    script += "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.partition("LOADED")[2].split())


def test_overview_loads_nothing_heavy() -> None:
    loaded = loaded_by("--help")
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_no_model(command: str) -> None:
    assert loaded_by(command, "--help").isdisjoint(("torch", "sentence_transformers", "sklearn"))


@pytest.mark.parametrize("name", COMMANDS)
def test_overview_repeats_the_commands_help(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200) == COMMANDS[name][1]


def test_overview_lists_every_command(run: Run) -> None:
    listed = [line.split()[0] for line in run("--help").stdout.partition("Commands:\n")[2].splitlines()]
    assert listed == list(COMMANDS)


def test_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recommender", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("recommender, version ")
