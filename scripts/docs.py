"""Writes two pages of docs/reference from the code: `python scripts/docs.py`. A test holds the pages to it."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from pydantic.fields import FieldInfo

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # so that it runs without the package being installed

from recommender.cli import COMMANDS, cli  # noqa: E402
from recommender.settings import PREFIX, Settings  # noqa: E402

Page = Callable[[], str]

REFERENCE = ROOT / "docs" / "reference"
WIDTH = 80

SETTINGS = f"""# Settings

A setting comes from the environment (`{PREFIX}PORT=9000`), else from a TOML file (`port = 9000`), else it has its
default. The file is `recommender.toml` in the current folder; `recommender --config FILE` or `{PREFIX}CONFIG` name
another. In a variable several values are separated by commas, in the file they are a list.

`recommender settings` shows what is in force and where it comes from, with passwords and keys masked. An unknown name
or a value of the wrong kind stops the start. `python scripts/docs.py` writes this page from the code.

| setting | default | what it is |
|---|---|---|
"""

COMMAND_LINE = """# Command line

Each command as `--help` shows it; `python -m recommender` is the same. `python scripts/docs.py` writes this page from
the code.

Exit codes: 0 done, 1 some records were refused, 2 wrong usage or input, 3 a part is unavailable.
"""


def settings_page() -> str:
    """docs/reference/settings.md: a row for each setting."""
    return SETTINGS + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    secret = hasattr(field.default, "get_secret_value")
    default: Any = field.default.get_secret_value() if secret else field.default
    text = ",".join(default) if isinstance(default, tuple) else default
    shown = "none" if text in ("", None) else f"`{str(text).lower() if isinstance(text, bool) else text}`"
    limits = {kind: getattr(limit, kind) for limit in field.metadata for kind in ("ge", "le") if hasattr(limit, kind)}
    span = f" From {limits['ge']:g} to {limits['le']:g}." if len(limits) == 2 else ""
    return f"| `{name}` | {shown} | {field.description}{span} |\n"


def cli_page() -> str:
    """docs/reference/cli.md: the help of every command."""
    overview = click.Context(cli, info_name="recommender", terminal_width=WIDTH, **cli.context_settings)
    parts = [COMMAND_LINE, _block(cli.get_help(overview))]
    contexts = {"": overview}
    for name, command in commands().items():
        group, _, word = name.rpartition(" ")
        contexts[name] = click.Context(command, info_name=word, parent=contexts[group], terminal_width=WIDTH)
        parts.append(f"\n## {name}\n{_block(command.get_help(contexts[name]))}")
    return "".join(parts)


def commands() -> dict[str, click.Command]:
    """Every command by the words that call it, such as `users add`, each group before what it holds."""
    return dict(_below(cli, "", COMMANDS))


def _below(group: click.Group, path: str, names: Iterable[str]) -> Iterator[tuple[str, click.Command]]:
    for name in names:
        command = group.get_command(click.Context(group), name)
        assert command is not None  # noqa: S101  # a group knows the names that it lists
        yield path + name, command
        if isinstance(command, click.Group):
            yield from _below(command, f"{path}{name} ", command.commands)


def _block(text: str) -> str:
    return f"\n```\n{text}\n```\n"


if __name__ == "__main__":
    (REFERENCE / "settings.md").write_text(settings_page(), encoding="utf-8")
    (REFERENCE / "cli.md").write_text(cli_page(), encoding="utf-8")
