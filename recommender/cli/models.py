"""`models`: the versions there are, what is known of them, and whether their files are undamaged."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recommender.cli.articles import progress
from recommender.cli.interleave import interleave
from recommender.cli.release import compare, promote, rollback, shadow
from recommender.errors import InvalidInput, SettingsError
from recommender.evaluation.evaluation import MAIN
from recommender.ranking.scoring import READER
from recommender.release.cards import BUILT_IN, checked_name, estimate_text, to_json
from recommender.rerankers import open_reranker
from recommender.serving.reading import prune_verdicts
from recommender.settings import load_settings
from recommender.wiring import installed_models, make_candidate, make_registry, opened_store
from recommender.workflows.advise import advise
from recommender.workflows.operator import operator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recommender.evaluation.advice import ModelAdvice
    from recommender.release.base import Registry
    from recommender.release.cards import ModelCard

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MIB = 1 << 20


@click.group(short_help="Compare, release and roll back model versions.")
def models() -> None:
    """Keep model versions: folders NAME/VERSION with a card, in the folder that the setting `models` names."""


@models.command(name="list", short_help="Show every version.")
@click.pass_obj
def list_versions(config: Path | None) -> None:
    """Show every version: its state, when it was made, how good it is where its card says so, and its size."""
    settings = load_settings(config)
    registry = make_registry(settings)
    live, names = registry.live(), registry.names()
    width = max(map(len, names), default=0)
    for name in names:
        click.echo(f"{'*' if name == live else ' '} {name:<{width}}  {_line(registry, name)}")
    if live in names:
        click.echo(f"* Builds build {live}.")
    elif live == BUILT_IN:
        click.echo(f"Builds build {live}, which is part of this software.")
    else:
        click.echo(f"`recommender build` cannot run: {settings.models / 'live'} names {live}, which is not there.")
    with opened_store(settings) as store:
        generation = store.generations.live()
    if generation is not None and generation.model_version != live:
        released = generation.model_version or "what an earlier release of this software has built"
        click.echo(f"Readers get {released} until the next `recommender build`.")


@models.command(short_help="Show what is known of a version.")
@click.argument("name", metavar="NAME/VERSION")
@click.option("--json", "as_json", is_flag=True, help="Print the card as it is.")
@click.pass_obj
def show(config: Path | None, name: str, as_json: bool) -> None:
    """Show the card of a version: its parts, what it was trained on, its figures, and how it came into its state."""
    registry = make_registry(load_settings(config))
    card = registry.card(name)
    click.echo(to_json(card) if as_json else _card(card), nl=not as_json)


@models.command(short_help="Check the files of versions.")
@click.argument("names", metavar="[NAME/VERSION]...", nargs=-1)
@click.pass_obj
def verify(config: Path | None, names: tuple[str, ...]) -> None:
    """Check that the files of some versions, or of all, are those of their cards, and that nothing else is there."""
    registry = make_registry(load_settings(config))
    damaged = []
    for name in names or registry.names():
        try:
            problems = registry.verify(name)
        except InvalidInput as error:
            problems = [str(error)]
        click.echo(f"{name}: {'whole' if not problems else '; '.join(problems)}")
        damaged += [name] if problems else []
    if damaged:
        raise InvalidInput(f"Not whole: {', '.join(damaged)}.")


@models.command(short_help="Get the large files of a version.")
@click.argument("name", metavar="NAME/VERSION")
@click.pass_obj
def fetch(config: Path | None, name: str) -> None:
    """Get the files of a version that are missing here, from the place that the setting `models_from` names.

    Each is checked against the digest on the card before it is put into place.
    """
    settings = load_settings(config)
    if settings.models_from is None:
        raise SettingsError("The setting `models_from` names no place to get files from: a folder or an https address.")
    fetched = make_registry(settings).fetch(name, settings.models_from)
    click.echo(f"{name}: fetched {', '.join(fetched)}" if fetched else f"{name}: nothing is missing")


@models.command(short_help="Make a version from another embedding model.")
@click.argument("model")
@click.option("--as", "name", required=True, metavar="NAME/VERSION", help="What the new version is called.")
@click.option("--licence", required=True, help="The model's licence, for the card.")
@click.option(
    "--reader/--no-reader",
    default=None,
    help="Bind it to the reader that the setting `reranker` names, or let it make nothing of a reader's grades. Left "
    "out: it takes whichever reader the site has.",
)
@click.pass_obj
def add(config: Path | None, model: str, name: str, licence: str, *, reader: bool | None) -> None:
    """Make a candidate NAME/VERSION from the embedding model MODEL and the weights of the live version.

    MODEL is a folder, whose files the version then holds, or a name on the model hub, whose files stay where they are.
    Learn weights for it with `recommender train` and a recipe of the kind `ranking` whose base it is.
    """
    settings = load_settings(config)
    registry = make_registry(settings)
    if checked_name(name) in registry.names():
        raise InvalidInput(f"There is a model version {name} already. Versions are not written over; choose another.")
    card = registry.create(*make_candidate(settings, model, name, operator(), licence, reader=reader))
    click.echo(
        f"The candidate is {registry.folder(name)}: {card.embedding.version}, {card.embedding.dimension} dimensions."
    )


@models.command(name="advise", short_help="Say which embedding model suits the archive.")
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option(
    "--qrels",
    type=_FILE,
    multiple=True,
    help="Judgments: lines of `query 0 article grade`. May be given several times.",
)
@click.pass_obj
def advise_models(config: Path | None, names: tuple[str, ...], qrels: tuple[Path, ...]) -> None:
    """Measure embedding models on the archive: each MODEL, named as in the setting `model`.

    Without names those on this machine are measured: of packages, alone and joined, and of model versions.

    `titles` says by language how well a title finds its own text among the newest 200 articles (mean reciprocal rank, 1
    is best). `judged` is nDCG@3 of the embedding alone among judged articles: of --qrels, else of the sample where its
    articles are here, and of the site's panels. Nothing is changed; the setting `model` takes what is chosen.
    """
    settings = load_settings(config)
    with opened_store(settings) as store:
        rows = advise(settings, store, names or installed_models(settings), qrels, progress=progress)
    click.echo(_advice(rows))


@models.command(name="prune-verdicts", short_help="Remove what readers said of texts that are gone.")
@click.pass_obj
def prune_verdicts_(config: Path | None) -> None:
    """Remove the verdicts of a reader of both texts that nothing can use any more.

    These are the verdicts about texts that no article has now, and those of readers that neither the settings, nor a
    model version, nor a generation names. They would have to be paid for again if such a text or reader came back.
    """
    settings = load_settings(config)
    registry = make_registry(settings)
    opened = open_reranker(settings)
    named = [registry.card(name).reranker for name in registry.names()]
    with opened_store(settings) as store:
        count = prune_verdicts(store, [*named, None if opened is None else opened.reranker.version])
    click.echo(f"{count:,} verdicts removed")


for command in (compare, promote, rollback, shadow, interleave):
    models.add_command(command)


def _advice(rows: "list[ModelAdvice]") -> str:
    width = max(len("model"), *(len(row.model) for row in rows))
    languages = list(rows[0].titles)
    heads = "".join(f"  titles {language:<2}" for language in languages)
    lines = [f"{'model':<{width}}{heads}  judged  ms an article      MiB"]
    for row in rows:
        titles = "".join(f"  {row.titles[language]:>9.3f}" for language in languages)
        judged = "     -" if row.judged is None else f"{row.judged:>6.3f}"
        lines.append(f"{row.model:<{width}}{titles}  {judged}  {row.milliseconds:>13.0f}  {row.bytes / _MIB:>7.1f}")
    return "\n".join(lines)


def _line(registry: "Registry", name: str) -> str:
    try:
        card = registry.card(name)
    except InvalidInput as error:
        return f"damaged: {error}"
    return f"{card.state:<9}  {card.made_on}  {_quality(card):<26}  {card.embedding.bytes / _MIB:7.1f} MiB"


def _quality(card: "ModelCard") -> str:
    """The first figure of the main measure on a card."""
    for measures in card.metrics.values():
        figure = measures.get(MAIN) if isinstance(measures, dict) else None
        if text := estimate_text(figure):
            return f"{MAIN} {text}"
    return f"no {MAIN}"


def _card(card: "ModelCard") -> str:
    embedding = card.embedding
    lines = [
        f"{card.name}, {card.state}",
        f"made on     {card.made_on} with {card.made_with}",
        f"embedding   {embedding.version}, {embedding.dimension} dimensions, {embedding.bytes / _MIB:.1f} MiB",
        f"weights     {card.ranking.version}: "
        + ", ".join(f"{part} {weight:g}" for part, weight in card.ranking.weights.items()),
        f"threshold   {card.ranking.threshold:g}",
        f"reader      {_reader(card)}",
        f"licence     {card.licence}",
    ]
    for title, content in (("training", card.training), ("metrics", card.metrics)):
        lines += ["", title, *_tree(content)]
    lines += ["", "known failures", *(f"  {failure}" for failure in card.failures)] if card.failures else []
    lines += ["", "history"]
    lines += [f"  {entry.on:%Y-%m-%d %H:%M}  {entry.state:<9}  {entry.by}  {entry.reason}" for entry in card.history]
    return "\n".join(lines)


def _reader(card: "ModelCard") -> str:
    if not card.ranking.weights.get(READER):
        return "none: it makes nothing of a reader's grades"
    return card.reranker or "any"


def _tree(content: Any, indent: int = 2) -> "Iterable[str]":
    for name, value in content.items():
        if text := estimate_text(value):
            yield f"{' ' * indent}{name:<12} {text}"
        elif isinstance(value, dict):
            yield f"{' ' * indent}{name}"
            yield from _tree(value, indent + 2)
        elif isinstance(value, list):
            yield f"{' ' * indent}{name}: {len(value)} entries"
        else:
            yield f"{' ' * indent}{name}: {value}"
