"""`ingest` and `build`: from files to neighbours."""

import sys
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from recommender.errors import SettingsError
from recommender.release.cards import BUILT_IN
from recommender.serving.prepared import catch_up
from recommender.settings import Settings, load_settings
from recommender.sources.files import FORMATS, open_source, standard_input
from recommender.sources.ingest import IngestReport, Refusal
from recommender.sources.ingest import ingest as ingest_source
from recommender.sources.publishing import NotedShared
from recommender.store.articles import SharedAddress
from recommender.wiring import make_builder, make_publishing, make_recommender, opened_store
from recommender.workflows.sample import ARTICLES, put_sample_vectors, sample_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.store.base import Store

BY = "command line"  # in the audit trail
_SHOWN_REFUSALS = 50
_SHOWN_SHARED = 10


@click.command(short_help="Read articles from files into the database.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--format", "format_", type=click.Choice(list(FORMATS)), help="Format of the files, if their names do not say."
)
@click.option("--sample", is_flag=True, help="Read the 300 sample stories that come with the package.")
@click.pass_obj
def ingest(config: Path | None, files: tuple[str, ...], format_: str | None, sample: bool) -> None:
    """Read articles from FILES (JSONL or CSV; `-` is standard input) into the database.

    A record that is not valid is reported with its line, field and value, and the others go in; the exit code is then
    1. Reading a file again changes nothing. `recommender build` makes what is new findable.
    """
    if bool(files) == sample:
        raise click.UsageError("Give files to read, or --sample for the sample stories.")
    settings = load_settings(config)
    refusals = 0

    def refuse(refusal: Refusal) -> None:
        nonlocal refusals
        refusals += 1
        if refusals <= _SHOWN_REFUSALS:
            click.echo(f"refused: {refusal}", err=True)
        elif refusals == _SHOWN_REFUSALS + 1:
            click.echo("refused: … further records are counted, not shown", err=True)

    total = IngestReport()
    with opened_store(settings) as store:
        noted = NotedShared(make_publishing(store, BY))
        for name, size, stream in _sample() if sample else _opened(files):
            with _counted(stream, size, f"Reading {name}") as counted:
                total = _sum(total, ingest_source(noted.put, open_source(counted, name, format_), refuse))
        if sample:
            put_sample_vectors(store)
    click.echo(
        f"{total.added:,} added, {total.changed:,} changed, {total.unchanged:,} unchanged, {total.refused:,} refused"
    )
    _report_shared(noted.addresses)
    sys.exit(1 if total.refused else 0)


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
        if report.kind == "rebuilt":
            catch_up(store, make_recommender(store, settings), progress)
        generation = f"generation {report.generation}"
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


def _opened(files: tuple[str, ...]) -> "Iterator[tuple[str, int, IO[bytes]]]":
    for name in files:
        if name == "-":
            yield "standard input", 0, standard_input()
        else:
            with Path(name).open("rb") as stream:
                yield name, Path(name).stat().st_size, stream


def _sample() -> "Iterator[tuple[str, int, IO[bytes]]]":
    with sample_file(ARTICLES).open("rb") as stream:
        yield ARTICLES, 0, stream


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
