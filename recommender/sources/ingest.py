"""Use case: records of a source into the store; a bad one is reported, the others go in."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recommender.articles.article import Article, shown
from recommender.articles.reading import Conventions, Remark, read_article
from recommender.errors import InvalidArticle
from recommender.sources.base import Record, Source
from recommender.sources.field_map import FieldMap, suggested
from recommender.store.articles import Upserted

BATCH = 500  # articles in one transaction: what an interrupted run has to read again
SHOWN_KEYS = 12
NOTHING = "that hold nothing"


@dataclass(frozen=True)
class Refusal:
    """Why one record was refused, in words for its sender; `cause` is the same for all that were for one reason."""

    source: str
    line: int
    reason: str
    cause: str = ""

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: {self.reason}"


@dataclass(frozen=True)
class IngestReport:
    """How many records of a source were added, changed, unchanged and refused."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Taken:
    """One record that is an article, and from which keys its fields come."""

    line: int
    article: Article
    origins: Mapping[str, str]
    remarks: tuple[Remark, ...]


@dataclass
class Group:
    """How often something happened, and where first."""

    first: str
    count: int = 0


@dataclass
class Findings:
    """What there is to say of the records of one run, each cause once, with how often it was found and where first."""

    refusals: dict[str, Group] = field(default_factory=dict)
    remarks: dict[tuple[str, str], Group] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    repeated: Group | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    unlinked: int = 0  # published, without an address

    def refuse(self, refusal: Refusal) -> None:
        """Counts a refused record."""
        _count(self.refusals, refusal.cause or refusal.reason, str(refusal))

    def take(self, source: str, taken: Taken) -> None:
        """Counts what was made of a record otherwise than it says, and whether a teaser of it can lead anywhere."""
        self.unlinked += taken.article.url is None and taken.article.status == "published"
        for remark in taken.remarks:
            value = f" (got {remark.value})" if remark.value else ""
            _count(self.remarks, (remark.field, remark.kind), f"{source}, line {taken.line}{value}")

    def repeat(self, source: str, line: int, article_id: str, first: int) -> None:
        """Counts a record whose id another one of the same source has."""
        if self.repeated is None:
            self.repeated = Group(f"{article_id!r} in lines {first} and {line} of {source}")
        self.repeated.count += 1

    def lines(self) -> list[str]:
        """The remarks as text, the most frequent first."""
        groups = sorted(self.remarks.items(), key=lambda item: -item[1].count)
        lines = [f"{name}: {kind}: {_records(group.count)}, first {group.first}" for (name, kind), group in groups]
        if self.skipped:
            lines.append(f"skipped: {', '.join(f'{count:,} {kind}' for kind, count in self.skipped.most_common())}")
        if self.repeated is not None:
            lines.append(
                f"id: {_records(self.repeated.count)} with an id that came before, first {self.repeated.first}; the "
                "last of each counts"
            )
        if self.ignored:
            shown = [_ignored(key, count) for key, count in self.ignored.most_common(SHOWN_KEYS)]
            more = len(self.ignored) - len(shown)
            lines.append(f"ignored: {'; '.join(shown)}{f'; and {more} more keys' if more else ''}")
        return lines


def _count(groups: dict[Any, Group], key: Any, first: str) -> None:
    groups.setdefault(key, Group(first)).count += 1


def _records(count: int) -> str:
    return f"{count:,} record{'s' * (count != 1)}"


def _ignored(key: str, count: int) -> str:
    wanted = suggested(key)
    return f"{shown(key, 40)[1:-1]} in {count:,}" + (
        f" (did you mean {wanted}? --map {wanted}={key})" if wanted else ""
    )


def says_nothing(value: Any) -> bool:
    """Whether nothing is said in a value, however deep: an empty row of a table, a page that gave no text."""
    if isinstance(value, Mapping):
        return all(map(says_nothing, value.values()))
    if isinstance(value, list | tuple):
        return all(map(says_nothing, value))
    return value is None or (isinstance(value, str) and not value.strip())


class Reader:
    """Reads the records of one site: by its map of fields, and by its conventions."""

    def __init__(self, field_map: FieldMap, conventions: Conventions) -> None:
        self.field_map = field_map
        self.conventions = conventions

    def take(self, source: Source, refuse: Callable[[Refusal], None], findings: Findings) -> Iterator[Taken]:
        """Every record that is an article; each other one is handed to `refuse`."""
        lines: dict[str, int] = {}
        for record in source:
            kind = record.skipped or (NOTHING if not record.unreadable and says_nothing(record.fields) else "")
            if kind:
                findings.skipped[kind] += 1
                continue
            try:
                taken = self._read(record, findings)
            except InvalidArticle as error:
                cause = "; ".join(f"{problem.field}: {problem.problem}" for problem in error.problems)
                refuse(Refusal(source.name, record.line, record.unreadable or str(error), record.cause or cause))
                continue
            article_id = taken.article.id
            if article_id in lines:
                findings.repeat(source.name, record.line, article_id, lines[article_id])
            lines.setdefault(article_id, record.line)
            findings.take(source.name, taken)
            yield taken

    def _read(self, record: Record, findings: Findings) -> Taken:
        """Raises InvalidArticle, without problems for a record that cannot be read at all."""
        if record.unreadable:
            raise InvalidArticle([])
        mapped = self.field_map.apply(record.fields)
        findings.ignored.update(mapped.ignored)
        reading = read_article(mapped.values, self.conventions)
        return Taken(record.line, reading.article, mapped.origins, reading.remarks)


AS_IT_STANDS = Reader(FieldMap(), Conventions())


def ingest(
    put: Callable[[Sequence[Article]], Upserted],
    source: Source,
    on_refusal: Callable[[Refusal], None],
    reader: Reader = AS_IT_STANDS,
    findings: Findings | None = None,
) -> IngestReport:
    """Hands every valid record to `put`, in batches; each refused one is handed to `on_refusal` and skipped.

    What `reader` makes of a record otherwise than it says is counted in `findings`. Running it again over the same
    source changes nothing, so an interrupted run is simply started anew.
    """
    added = changed = unchanged = refused = 0

    def refuse(refusal: Refusal) -> None:
        nonlocal refused
        refused += 1
        on_refusal(refusal)

    for batch in _batches(reader.take(source, refuse, findings or Findings())):
        result = put(batch)
        added += result.added
        changed += result.changed
        unchanged += len(batch) - result.added - result.changed
    return IngestReport(added, changed, unchanged, refused)


def _batches(records: Iterator[Taken]) -> Iterator[list[Article]]:
    batch: list[Article] = []
    for taken in records:
        batch.append(taken.article)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
