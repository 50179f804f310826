"""Writes three pages of docs/reference from the code: `python scripts/docs.py`. A test holds the pages to it."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
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


PYTHON = """# Python

What Python programs and notebooks may rely on; whatever is not named here may move. `python scripts/docs.py` writes
this page from the docstrings, which an IDE shows as well. [Sidebars in a Python program](../how-to/python.md) begins
with a program that can be run.
"""
# What programs call of a class that is exported; of the others every public method.
CALLED = {
    "Article": (),
    "Recommendation": (),
    "Recommender": ("for_article", "for_url", "for_draft", "closest_sentences", "story"),
}
WITHOUT_SECTIONS = ("Settings",)  # each setting is described in docs/reference/settings.md
LINE = 120


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


@dataclass(frozen=True)
class Entry:
    """One name of the face: how it is called, how it is declared, and its docstring."""

    name: str
    declared: str
    docstring: str
    fields: tuple[str, ...]


def face() -> dict[str, list[Entry]]:
    """What may be relied on, by the module that exports it."""
    entries = {module: list(_exported(import_module(module))) for module in ("recommender", "recommender.notebook")}
    entries["recommender"] += _entry("Builder.build", import_module("recommender.build.builder").Builder.build)
    plots = import_module("recommender.notebook.plots")
    own = [name for name, value in vars(plots).items() if getattr(value, "__module__", "") == plots.__name__]
    entries[plots.__name__] = [
        entry for name in own if not name.startswith("_") for entry in _entry(name, vars(plots)[name])
    ]
    entries["recommender.web"] = list(_exported(import_module("recommender.web")))
    return entries


def _exported(module: Any) -> Iterator[Entry]:
    for name in sorted(module.__all__, key=lambda name: (not isinstance(getattr(module, name), str), name.lower())):
        yield from _entry(name, getattr(module, name))


def _entry(name: str, value: Any) -> list[Entry]:
    """The entry of a name, and of a class also those of its methods."""
    if isinstance(value, str):
        return [Entry(name, f"{name}: str" if name == "__version__" else f"{name} = {value!r}", "", ())]
    if name in WITHOUT_SECTIONS:
        text = f"{inspect.getdoc(value)} [Settings](settings.md) describes each."
        return [Entry(name, f"class {name}", text, ())]
    function = getattr(value, "fget", None) or getattr(value, "func", None) or value
    source = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(source).body[0]
    if isinstance(node, ast.FunctionDef):
        kind = "" if function is value else "@property\n"
        names = [argument.arg for argument in [*node.args.args, *node.args.kwonlyargs] if argument.arg != "self"]
        declared = "\n".join(source.splitlines()[node.lineno - 1 : node.body[0].lineno - 1])
        return [Entry(name, kind + declared.removesuffix(":"), inspect.getdoc(function) or "", tuple(names))]
    assert isinstance(node, ast.ClassDef)  # noqa: S101  # there is nothing else in the face
    held = [item for item in node.body if isinstance(item, ast.AnnAssign)]
    lines = [f"class {name}" + ":" * bool(held), *(f"    {ast.get_source_segment(source, item)}" for item in held)]
    names = [item.target.id for item in held if isinstance(item.target, ast.Name)]
    own = CALLED.get(name, [key for key in vars(value) if not key.startswith("_") and key not in names])
    methods = [
        entry
        for key in own
        if callable(getattr(value, key)) or hasattr(vars(value)[key], "fget") or hasattr(vars(value)[key], "func")
        for entry in _entry(f"{name}.{key}", vars(value)[key])
    ]
    if not held and name not in CALLED and "__init__" in vars(value):  # made by its callers, by arguments
        made = _entry("__init__", vars(value)["__init__"])[0]
        lines, names = [f"class {name}", textwrap.indent(made.declared, "    ")], list(made.fields)
    return [Entry(name, "\n".join(lines), inspect.getdoc(value) or "", tuple(names)), *methods]


def python_page() -> str:
    """docs/reference/python.md: every name that may be relied on."""
    parts = [PYTHON]
    for module, entries in face().items():
        parts.append(f"\n## {module}\n\n{_first_paragraph(import_module(module).__doc__ or '')}\n")
        for entry in entries:
            if entry.docstring:
                parts.append(f"\n### {entry.name}\n\n```python\n{entry.declared}\n```\n\n{_prose(entry.docstring)}")
            else:
                parts.append(f"\n- `{entry.declared}`\n")
    return "".join(parts).replace("`\n\n- `", "`\n- `")


def _first_paragraph(text: str) -> str:
    return text.partition("\n\n")[0].strip()


def sections(docstring: str) -> dict[str, str]:
    """The sections of a numpydoc docstring by their heading; what stands before them under an empty one."""
    parts = re.split(r"^(\w+)\n-{3,}\n", docstring, flags=re.MULTILINE)
    return {"": parts[0].strip()} | dict(zip(parts[1::2], map(str.rstrip, parts[2::2]), strict=True))


def _prose(docstring: str) -> str:
    before, *others = sections(docstring).items()
    paragraphs = [textwrap.fill(paragraph, LINE) for paragraph in before[1].split("\n\n")]
    for heading, text in others:
        if heading == "Examples":
            paragraphs.append(f"**Examples**\n\n```python\n{textwrap.dedent(text)}\n```")
        else:
            paragraphs.append(f"**{heading}**\n\n" + "\n".join(_items(text)))
    return "\n\n".join(paragraphs) + "\n"


def _items(text: str) -> Iterator[str]:
    """The entries of a section as a list: a name with its type, or a type alone, and the indented text below it."""
    for item in re.split(r"\n(?=\S)", text.strip("\n")):
        head, _, rest = item.partition("\n")
        names, _, kind = head.partition(" : ")
        called = f"`{names}`" + (f" ({kind})" if kind else "")
        words = " ".join(rest.split())
        yield textwrap.fill(
            f"- {called}: {words}" if words else f"- {called}",
            LINE,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )


if __name__ == "__main__":
    (REFERENCE / "settings.md").write_text(settings_page(), encoding="utf-8")
    (REFERENCE / "cli.md").write_text(cli_page(), encoding="utf-8")
    (REFERENCE / "python.md").write_text(python_page(), encoding="utf-8")
