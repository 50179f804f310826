"""JSON that is not one object a line: arrays, printed large or not, several of them, or inside an object of their own.

It is read token by token, so that a file of any size takes the memory of one record, and a broken record spoils no
other.
"""

import codecs
import re
from collections.abc import Iterator
from typing import IO

from recommender.sources.base import MAX_LINE_BYTES, Record
from recommender.sources.bounded_json import OversizedJson, loads

# The names of lists of articles: Ghost's db and data, JSON Feed's items, JSON:API's data, and the like.
LISTS = frozenset(
    "articles data db docs documents entries feed items nodes posts records response result results stories".split()
)
_CHUNK = 256 * 1024
_TOKEN = re.compile(r'\s+|"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]+|"', re.DOTALL)
_END_OF_STRING = re.compile(r'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_ONE_LIST = re.compile(r'\s*\{\s*"(?:' + "|".join(sorted(LISTS)) + r')"\s*:\s*[\[{]')


def is_document(head: str) -> bool:
    """Whether a file that begins so holds JSON of another shape than one object a line."""
    text = head.lstrip("\ufeff \t\r\n")
    if text.startswith("["):
        return True
    if not text.startswith("{"):
        return False
    first, _, rest = text.partition("\n")
    if first.strip() == "{" or _ONE_LIST.match(text):
        return True
    # An object that begins with other things than a list, such as JSON Feed's, or goes on in the next line.
    goes_on = bool(rest) and not first.rstrip().endswith("}") and rest.lstrip()[:1] in ('"', "}", "]")
    return goes_on or _leads_to_a_list(first)


def _leads_to_a_list(line: str) -> bool:
    """Whether the first object has a list of objects under a name of LISTS, and no id of its own before it."""
    depth, key, before = 0, "", ""
    for match in _TOKEN.finditer(line):
        part = match[0]
        if part.isspace():
            continue
        if part in "[{":
            if part == "{" and before == "[" and depth == 2 and key in LISTS:
                return True
            depth += 1
        elif part in "]}":
            depth -= 1
            if depth == 0:
                return False
        elif part == ":" and depth == 1:
            key = before.strip('"')
            if key == "id":
                return False
        before = part
    return False


def records(stream: IO[bytes]) -> Iterator[Record]:
    """Every object of the lists in a document; other values in their places are reported."""
    yield from _Walk(stream).records()


class _Walk:
    """Where the reading is: in which lists and objects around, and inside which record."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._tokens = _tokens(stream)
        self._line = 1
        self._around: list[str] = []  # what encloses the records: "[" or "{"

    def records(self) -> Iterator[Record]:
        key = before = ""
        for part in self._counted():
            inside = self._around[-1] if self._around else ""
            wanted = not inside or inside == "[" or key in LISTS
            if part == "{" and (not inside or inside == "["):
                yield from self._record()
            elif part in ("[", "{"):
                if wanted and (before == ":" or inside != "{"):
                    self._around.append(part)
                    key = ""
                else:
                    self._skip()
            elif part in ("]", "}"):
                if self._around:
                    self._around.pop()
                key = ""
            elif part == ":":
                key = before.strip('"')
            elif part != "," and inside == "[":
                yield Record(self._line, {}, "is a JSON value, not an object; write one object for each article")
            before = part

    def _counted(self) -> Iterator[str]:
        for part in self._tokens:
            if not part.isspace():
                yield part
            self._line += part.count("\n")

    def _skip(self) -> None:
        depth = 1
        for part in self._counted():
            depth += (part in "[{") - (part in "]}")
            if not depth:
                return

    def _record(self) -> Iterator[Record]:
        """One object: a record, or what holds a list of records, whose list is walked on from its first one."""
        line, parts, size = self._line, ["{"], 1
        path: list[tuple[str, str]] = [("{", "")]  # what is open, and under which key
        before, has_id = "{", False
        for part in self._tokens:
            self._line += part.count("\n")
            size += len(part)
            if size <= MAX_LINE_BYTES:
                parts.append(part)
            if part.isspace():
                continue
            if part in ("{", "["):
                key = path[-1][1] if path[-1][0] == "{" else ""
                if part == "{" and before == "[" and not has_id and _are_lists(path):
                    self._around += [opened for opened, _ in path]
                    yield from self._record()
                    return
                path.append((part, key if part == "[" else ""))
            elif part in ("}", "]"):
                path.pop()
                if not path:
                    yield _parsed(line, "".join(parts), size)
                    return
            elif part == ":" and path[-1][0] == "{":
                path[-1] = ("{", before.strip('"'))
                has_id = has_id or (len(path) == 1 and path[-1][1] == "id")
            before = part
        yield Record(line, {}, "is not valid JSON: it does not end; write a list of objects", "is not valid JSON")


def _are_lists(path: list[tuple[str, str]]) -> bool:
    return all(key in LISTS for opened, key in path if opened == "{")


def _parsed(line: int, text: str, size: int) -> Record:
    if size > MAX_LINE_BYTES:
        return Record(line, {}, f"is longer than {MAX_LINE_BYTES:,} bytes; an article is shorter")
    if _NOT_UTF8.search(text):
        return Record(line, {}, "is not UTF-8; save the file as UTF-8, or name its encoding with --encoding")
    try:
        value = loads(text)
    except OversizedJson as error:
        return Record(line, {}, f"{error}; an article is flatter", str(error))
    except ValueError as error:
        return Record(line, {}, f"is not valid JSON ({error}); write a list of objects", "is not valid JSON")
    return Record(line, value)


def _tokens(stream: IO[bytes]) -> Iterator[str]:
    """Strings, marks, other values and white space, in order; of a string that is too long its pieces."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    buffer, place, ended = "", 0, False
    while True:
        match = _TOKEN.match(buffer, place)
        complete = (
            match is not None and match[0] != '"' and (match.end() < len(buffer) or ended or match[0] in "[]{},:")
        )
        if match is not None and complete:
            yield match[0]
            place = match.end()
            continue
        if ended:
            if match is not None:
                yield match[0]
            return
        if len(buffer) - place > 2 * MAX_LINE_BYTES and buffer[place] == '"':
            yield " " * (MAX_LINE_BYTES + 1)  # makes its record too long
            escapes = len(buffer) - len(buffer.rstrip("\\"))
            buffer, place = '"' + "\\" * (escapes % 2), 0
        chunk = stream.read(max(_CHUNK, len(buffer) - place))
        ended = not chunk
        buffer, place = buffer[place:] + decoder.decode(chunk, final=ended), 0
