"""What stands above a Markdown text: YAML between lines of ---, TOML between +++, or a JSON object."""

import re
import tomllib
from datetime import date
from typing import Any

import yaml

_YAML = re.compile(r"\ufeff?\s*---[ \t]*\r?\n(.*?)(?:^|\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.DOTALL)
_TOML = re.compile(r"\ufeff?\s*\+\+\+[ \t]*\r?\n(.*?)\n\+\+\+[ \t]*(?:\r?\n|$)", re.DOTALL)


def split(text: str) -> tuple[dict[str, Any], str]:
    """The fields above a text, and the text. Raises ValueError where they cannot be read or are not fields."""
    for form, read in ((_YAML, _read_yaml), (_TOML, tomllib.loads)):
        if match := form.match(text):
            fields = read(match[1])
            if not isinstance(fields, dict):
                raise ValueError("has no fields between the lines at its top")
            return {str(key): _plain(value) for key, value in fields.items()}, text[match.end() :]
    raise ValueError("has no fields at its top, between lines of --- or +++")


def _read_yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "cannot be read"
        raise ValueError(f"is not valid YAML at its top ({problem})") from error


def _plain(value: Any) -> Any:
    """A date as text: without a time of its own it has no zone, which `datetime` cannot say."""
    return value.isoformat() if isinstance(value, date) else value
