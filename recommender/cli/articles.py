"""`ingest` and `build`: from files to neighbours."""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from recommender.errors import SettingsError
from recommender.release.cards import BUILT_IN
from recommender.serving.prepared import catch_up
from recommender.settings import Settings, load_settings
from recommender.sources.encodings import as_utf8
from recommender.sources.files import FORMAT_NAMES, is_address, open_folder, open_source, standard_input
from recommender.sources.ingest import AS_IT_STANDS, Findings, IngestReport, Reader, Taken
from recommender.sources.ingest import ingest as ingest_source
from recommender.sources.publishing import NotedShared
from recommender.store.articles import SharedAddress, Upserted
from recommender.wiring import make_builder, make_fetcher, make_publishing, make_reader, make_recommender, opened_store
from recommender.workflows.operator import operator
from recommender.workflows.sample import ARTICLES, put_sample_vectors, sample_file, sample_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.articles.article import Article
    from recommender.sources.base import Source
    from recommender.store.base import Store

    Put = Callable[[Sequence[Article]], Upserted]

BY = "command line"  # in the audit trail
_EXAMPLES = 10  # of a dry run
_SHOWN_VALUE = 70  # characters
_SHOWN_SHARED = 10


class _FileOrAddress(click.Path):
    """A path as click checks it, or an address, which is not one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if isinstance(value, str) and is_address(value) else super().convert(value, param, ctx)


@click.command(short_help="Read articles from files into the database.")
@click.argument("files", nargs=-1, type=_FileOrAddress(exists=True, allow_dash=True))
@click.option(
    "--format", "format_", type=click.Choice(FORMAT_NAMES), help="Format of the files, if their names do not say."
)
@click.option("--encoding", help="Encoding of the files, such as cp1252, if it is not UTF-8 or UTF-16.")
@click.option(
    "--map",
    "entries",
    multiple=True,
    metavar="MAP",
    help="Where fields are found: wordpress, ghost, drupal, jsonfeed, jekyll or hugo, or FIELD=KEY such as "
    "title=headline. Several are separated by commas, or given one by one; the last counts.",
)
@click.option("--dry-run", is_flag=True, help="Store nothing; show what would be taken, and from where.")
@click.option("--sample", is_flag=True, help="Read the 300 sample stories that come with the package.")
@click.option("--replace-sample", is_flag=True, help="Take the sample stories out of the database first.")
@click.pass_obj
def ingest(  # noqa: PLR0917  # click hands every option over by name
    config: Path | None,
    files: tuple[str, ...],
    format_: str | None,
    encoding: str | None,
    entries: tuple[str, ...],
    dry_run: bool,
    sample: bool,
    replace_sample: bool,
) -> None:
    """Read articles from FILES into the database: JSON, JSONL, CSV, exports of WordPress, feeds, or folders of
    Markdown. `-` is standard input; an address of http or https is fetched.

    A record that cannot be an article is refused, and the others go in; the exit code is then 1. A field that cannot
    be read costs the field. Each reason is said once, with how many records it concerns and where the first stands.
    Reading a file again changes nothing. `recommender build` makes what is new findable.
    """
    if bool(files) == sample:
        raise click.UsageError("Give files to read, or --sample for the sample stories.")
    if replace_sample and (sample or dry_run):
        raise click.UsageError("--replace-sample is for reading files into the database.")
    settings = load_settings(config)
    # The sample is written as articles are, whatever the site's own records look like.
    named = [part for entry in entries for part in entry.split(",") if part.strip()]
    reader = AS_IT_STANDS if sample else make_reader(settings, named)
    inputs = _Inputs(files, format_, encoding, reader)
    shared: list[SharedAddress] = []
    if dry_run:
        total = _shown(inputs)
    else:
        with opened_store(settings) as store:
            if files:
                _keep_apart(store, replace=replace_sample, ask="-" not in files and sys.stdin.isatty())
            noted = NotedShared(make_publishing(store, BY))
            total = inputs.read(noted.put)
            shared = noted.addresses
            if sample:
                put_sample_vectors(store)
    for line in inputs.lines():
        click.echo(line, err=True)
    if dry_run:
        click.echo(f"{total.added:,} would be taken, {total.refused:,} refused; nothing was stored")
    else:
        click.echo(
            f"{total.added:,} added, {total.changed:,} changed, {total.unchanged:,} unchanged, "
            f"{total.refused:,} refused"
        )
    _report_shared(shared)
    sys.exit(1 if total.refused else 0)


def _keep_apart(store: "Store", *, replace: bool, ask: bool) -> None:
    """Takes the sample out where that is wanted, and says where it stays, as it would stand in the boxes of the others.

    It is asked for once, of a person at a terminal, while there is nothing but the sample.
    """
    held = store.articles.numbers(sample_ids())
    if not held:
        return
    only = sum(store.articles.counts().values()) == len(held)
    if not replace and only and ask:
        replace = click.confirm(f"The database holds {len(held):,} sample stories. Remove them first?", err=True)
    if replace:
        publishing = make_publishing(store, operator())
        for article_id in held:
            publishing.withdraw(article_id)
        click.echo(f"removed: {len(held):,} sample stories", err=True)
    else:
        click.echo(
            f"note: the database holds {len(held):,} sample stories, which may stand beside yours; "
            "`recommender articles remove --sample` takes them out",
            err=True,
        )


class _Inputs:
    """The files of one call, and what there is to say of their records."""

    def __init__(self, files: tuple[str, ...], format_: str | None, encoding: str | None, reader: Reader) -> None:
        self._files = files
        self._format = format_
        self._encoding = encoding
        self._reader = reader
        self._findings = Findings()
        self._notes: list[str] = []

    def read(self, put: "Put") -> IngestReport:
        """Reads all of them into a store."""
        total = IngestReport()
        for source in self.sources():
            total = _sum(total, ingest_source(put, source, self._findings.refuse, self._reader, self._findings))
        return total

    def taken(self) -> "Iterator[tuple[str, Taken]]":
        """Every record that would be taken, with the name of its file."""
        for source in self.sources():
            for taken in self._reader.take(source, self._findings.refuse, self._findings):
                yield source.name, taken

    @property
    def refused(self) -> int:
        """How many records have been refused so far."""
        return sum(group.count for group in self._findings.refusals.values())

    def sources(self) -> "Iterator[Source]":
        """Each file, opened while it is read."""
        if not self._files:
            with sample_file(ARTICLES).open("rb") as stream:
                yield open_source(stream, ARTICLES)
        for name in self._files:
            if is_address(name):
                fetched = make_fetcher().fetch(name)
                yield self._opened(self._decoded(BytesIO(fetched.body), name), fetched.url, fetched.format)
            elif name != "-" and Path(name).is_dir():
                yield open_folder(Path(name))
            elif name == "-":
                yield self._opened(self._decoded(standard_input(), "standard input"), "standard input")
            else:
                with Path(name).open("rb") as file:
                    decoded = self._decoded(file, name)
                    with _counted(decoded, Path(name).stat().st_size, f"Reading {name}") as stream:
                        yield self._opened(stream, name)

    def _decoded(self, stream: IO[bytes], name: str) -> IO[bytes]:
        decoded = as_utf8(stream, name, self._encoding)
        if decoded.encoding:
            self._notes.append(f"{name} was read as {decoded.encoding}; --encoding names another")
        return decoded.stream

    def _opened(self, stream: IO[bytes], name: str, served: str | None = None) -> "Source":
        return open_source(stream, name, self._format or served, self._reader.field_map)

    def lines(self) -> list[str]:
        """What there is to say: refusals, then what was made of fields, each once."""
        refused = []
        for group in self._findings.refusals.values():
            where, _, why = group.first.partition(": ")
            more = f" and {group.count - 1:,} more records" if group.count > 1 else ""
            refused.append(f"refused: {where}{more}: {why}")
        lines = [*self._notes, *self._findings.lines()]
        if self._findings.unlinked:
            lines.append(f"url: {self._findings.unlinked:,} published without one: no box that links leads there")
        return refused + [f"note: {line}" for line in lines]


def _shown(inputs: _Inputs) -> IngestReport:
    """Prints the first records that would be taken, each field with the key it comes from."""
    count = 0
    for name, taken in inputs.taken():
        count += 1
        if count > _EXAMPLES:
            continue
        click.echo(f"{name}, line {taken.line}")
        for field, value in asdict(taken.article).items():
            origin = taken.origins.get(field)
            if value not in ("", None, (), 0) and (origin or field in ("title", "language", "status")):
                click.echo(f"  {field:10} {_cut(value)}  ({f'from {origin}' if origin else 'not given'})")
    return IngestReport(added=count, refused=inputs.refused)


def _cut(value: object) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_VALUE else f"{text[: _SHOWN_VALUE - 1]}…"


def _report_shared(addresses: list[SharedAddress]) -> None:
    for address in addresses[:_SHOWN_SHARED]:
        click.echo(f"shared: {address}", err=True)
    if len(addresses) > _SHOWN_SHARED:
        click.echo(f"shared: … {len(addresses) - _SHOWN_SHARED:,} further addresses", err=True)


def _check_folder(settings: Settings, store: "Store") -> None:
    """Raises SettingsError where readers get a version of another folder: a build would replace it without a word."""
    live = store.generations.live()
    if live is None or live.model_version in (None, BUILT_IN) or (settings.models / "live").exists():
        return
    raise SettingsError(
        f"Readers get {live.model_version}, but {settings.models.absolute()} has no file `live`, so this build would "
        f"give them {BUILT_IN}. Run it where the models are, or say where with the setting `models`. If {BUILT_IN} is "
        "wanted, write its name into that file."
    )


@click.command(short_help="Embed what is new and compute neighbours.")
@click.option("--full", is_flag=True, help="Do everything anew: vectors, word weights, neighbours.")
@click.pass_obj
def build(config: Path | None, full: bool) -> None:
    """Embed new and changed articles, compute their neighbours and put them live.

    Few changes go into the live generation. Many changes, any change to one older than 20 hours, and another model
    version or gazetteer make a new generation beside it, which replaces it in one step. The service answers all the
    while. An interrupted build goes on where it stopped.
    """
    settings = load_settings(config)
    with opened_store(settings) as store:
        _check_folder(settings, store)
        report = make_builder(store, settings).build(full=full, progress=progress)
        if report.kind == "rebuilt" or report.read:
            catch_up(store, make_recommender(store, settings), progress)
        generation = f"generation {report.generation}"
        if report.read:
            click.echo(f"read: {report.read:,} boxes")
        if report.kind == "unchanged":
            click.echo(f"Nothing to do: {generation} is up to date.")
        else:
            click.echo(
                f"{report.kind}: {report.embedded:,} embedded, {report.indexed:,} indexed, {report.left:,} left; "
                f"live is {generation}"
            )


def progress(items: Iterable[Any], total: int, label: str) -> Iterable[Any]:
    """A progress bar on the terminal; a line at the start where there is none."""
    with click.progressbar(items, length=total, label=label, file=sys.stderr) as bar:
        yield from bar


def _sum(first: IngestReport, second: IngestReport) -> IngestReport:
    return IngestReport(
        *(before + after for before, after in zip(vars(first).values(), vars(second).values(), strict=True))
    )


class _CountedStream:
    """A stream that moves a progress bar with every line read."""

    def __init__(self, stream: IO[bytes], bar: Any) -> None:
        self._stream = stream
        self._bar = bar

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _count(self, data: bytes) -> bytes:
        self._bar.update(len(data))
        return data

    def readline(self, size: int = -1) -> bytes:
        return self._count(self._stream.readline(size))

    def read(self, size: int = -1) -> bytes:
        return self._count(self._stream.read(size))

    def read1(self, size: int = -1) -> bytes:
        return self._count(self._stream.read1(size))  # type: ignore[attr-defined]  # every binary file has it


@contextmanager
def _counted(stream: IO[bytes], size: int, label: str) -> "Iterator[IO[bytes]]":
    if not size:
        yield stream
        return
    with click.progressbar(length=size, label=label, file=sys.stderr) as bar:
        yield _CountedStream(stream, bar)  # type: ignore[misc]  # it passes every other call on to a BinaryIO
