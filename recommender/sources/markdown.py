"""Folders of Markdown files with front matter, as Jekyll and Hugo keep them."""

import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt

from recommender.sources import front_matter
from recommender.sources.base import MAX_LINE_BYTES, Record

_ENDINGS = {".md", ".markdown", ".mdown"}
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})-(.+)")
# The templates of Jekyll and Hugo, before Markdown makes quotes of them, and kramdown's attributes.
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\{[%#][^{}]*[%#]\}|\{:[^{}\n]*\}")


class MarkdownFolder:
    """Every Markdown file below a folder, by name; each is one record, its text as HTML.

    `_path` is the file's name in the folder without its ending, `_date` the day that Jekyll writes into it.
    """

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder
        self._markdown = MarkdownIt("commonmark", {"html": True}).enable("table")

    def __iter__(self) -> Iterator[Record]:
        """Every file in order, numbered from 1."""
        files = sorted(file for file in self._folder.rglob("*") if file.suffix.lower() in _ENDINGS and file.is_file())
        for number, file in enumerate(files, start=1):
            yield self._record(number, file)

    def _record(self, number: int, file: Path) -> Record:
        name = file.relative_to(self._folder).with_suffix("").as_posix()
        if file.stat().st_size > MAX_LINE_BYTES:
            return Record(number, {}, f"{name} is longer than {MAX_LINE_BYTES:,} bytes", "is too long")
        try:
            fields, text = front_matter.split(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            return Record(number, {}, f"{name} is not UTF-8; save it as UTF-8", "is not UTF-8")
        except ValueError as error:
            return Record(number, {}, f"{name} {error}", str(error))
        dated = _DATED.fullmatch(file.stem)
        body = self._markdown.render(_TEMPLATE.sub(" ", text))
        return Record(number, {**fields, "_path": name, "_date": dated[1] if dated else None, "_text": body})
