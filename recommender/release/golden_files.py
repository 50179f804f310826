"""Golden pairs in YAML, as editors write them."""

from pathlib import Path

import yaml

from recommender.errors import InvalidInput
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.release.golden_pairs import GoldenPair

_LISTS = ("must", "never")
_FIELDS = ("article", *_LISTS, "why")
_MAX_BYTES = 1_000_000
_NULL = "tag:yaml.org,2002:null"


def read_golden(path: Path) -> list[GoldenPair]:
    """The pairs of a file, in order.

    An id is taken as it is written: `no`, `2024-01-01` and `0123` are texts like any other. Raises InvalidInput with
    the line that is wrong.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InvalidInput(f"The golden pairs {path} take more than a megabyte; is this the right file?")
        # Nodes and not values: they know their lines, and nothing in the file becomes an object.
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The golden pairs {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        raise InvalidInput(f"{path}{where}: this is not YAML: {problem}") from error
    except RecursionError as error:
        raise InvalidInput(f"{path}: lists lie inside lists too deeply") from error
    if root is None:
        return []
    reader = _Reader(path)
    if not isinstance(root, yaml.SequenceNode):
        raise reader.wrong(root, "expected a list, each of whose entries begins with `- article: ID`")
    return [reader.pair(node) for node in root.value]


class _Reader:
    """Turns the nodes of one file into pairs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, int] = {}

    def wrong(self, node: yaml.Node, problem: str) -> InvalidInput:
        return InvalidInput(f"{self._path}, line {_line(node)}: {problem}")

    def pair(self, node: yaml.Node) -> GoldenPair:
        fields = self._fields(node)
        if "article" not in fields:
            raise self.wrong(node, "`article` is missing: whose sidebar is meant?")
        article = self._text(fields["article"], "article")
        if article in self._lines:
            raise self.wrong(node, f"{article!r} has an entry on line {self._lines[article]} already")
        self._lines[article] = _line(node)
        must, never = (self._ids(fields, name, article) for name in _LISTS)
        if not must and not never:
            raise self.wrong(node, f"say what {article!r} must list, or never lists")
        if len(must) > SIDEBAR_PLACES:
            raise self.wrong(fields["must"], f"a sidebar has {SIDEBAR_PLACES} places, so no more can be asked for")
        if both := set(must) & set(never):
            raise self.wrong(node, f"{min(both)!r} stands under `must` and under `never`")
        why = self._text(fields["why"], "why") if "why" in fields else ""
        return GoldenPair(article, must, never, why, _line(node))

    def _fields(self, node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, "expected an entry that begins with `article: ID`")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key, "the name of a field")
            if name not in _FIELDS:
                raise self.wrong(key, f"unknown field {name!r}; there are {', '.join(_FIELDS)}")
            if name in fields:
                raise self.wrong(key, f"`{name}` stands there twice")
            fields[name] = value
        return fields

    def _ids(self, fields: dict[str, yaml.Node], name: str, article: str) -> tuple[str, ...]:
        if name not in fields:
            return ()
        node = fields[name]
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong(node, f"`{name}` is a list: write `{name}: [ID, ID]`")
        ids: list[str] = []
        for item in node.value:
            text = self._text(item, name)
            if text == article:
                raise self.wrong(item, f"an article never stands beside itself; take {text!r} out")
            if text in ids:
                raise self.wrong(item, f"{text!r} stands there twice")
            ids.append(text)
        return tuple(ids)

    def _text(self, node: yaml.Node, name: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.wrong(node, f"`{name}` is one text here")
        if not node.value.strip() or node.tag == _NULL:
            raise self.wrong(node, f"`{name}` is empty")
        return str(node.value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
