"""`training-data` and `train`: from what a site has to a new model version."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recommender.cli.articles import progress
from recommender.errors import InvalidInput
from recommender.evaluation.trec import read_qrels
from recommender.operations.folders import put_in_place, working_folder
from recommender.release.cards import ModelCard
from recommender.settings import load_settings
from recommender.training import dataset, pairs
from recommender.training.click_log import read_events
from recommender.training.training import NOT_MAIN
from recommender.wiring import make_registry, opened_store
from recommender.workflows.corpus import corpus
from recommender.workflows.train import train_version

if TYPE_CHECKING:
    from recommender.training.pairs import TextPair

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SEEDS = click.IntRange(0, 2**31 - 1)


@click.command("training-data", short_help="Write pairs of texts that an embedding model can learn from.")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Nothing later than this day (UTC) gets in."
)
@click.option("--events", type=_FILE, help="Clicks: CSV with source, article, position, impressions and clicks.")
@click.option("--qrels", type=_FILE, help="Judgments beside the grades in the database.")
@click.option(
    "--test-share",
    type=click.FloatRange(0, 0.9),
    default=0.2,
    show_default=True,
    help="The share of the articles that is kept aside for testing.",
)
@click.option("--seed", type=_SEEDS, default=0, show_default=True, help="Draws the stories that are kept aside.")
@click.pass_obj
def training_data_(  # noqa: PLR0917  # click passes every option by name
    config: Path | None,
    out: Path,
    until: datetime | None,
    events: Path | None,
    qrels: Path | None,
    test_share: float,
    seed: int,
) -> None:
    """Write OUT (JSONL): pairs from titles and bodies, links, approvals, rejections, grades and clicks.

    Articles are split by story. It says how many pairs of each kind there are, and checks that no story, no copy of a
    text and nothing later than --until is on the wrong side; a leak is reported and the exit code is then 1.
    """
    settings = load_settings(config)
    if not out.parent.is_dir():
        raise InvalidInput(f"There is no folder {out.parent}.")
    request = dataset.Request(
        until=until.replace(tzinfo=UTC) + timedelta(days=1, microseconds=-1) if until else None,
        share=test_share,
        seed=seed,
        judgments=read_qrels(qrels) if qrels else {},
        events=read_events(events) if events else (),
    )
    with opened_store(settings) as store:
        data = dataset.collect(store, request)
    with working_folder(out) as folder:  # a file that was cut off could pass for a complete one
        unfinished = folder / "pairs"
        unfinished.write_text("".join(f"{line}\n" for line in pairs.lines(data.window, data.pairs)), encoding="utf-8")
        put_in_place(unfinished, out)
    click.echo(_counts(data.pairs))
    click.echo(f"{data.window.articles:,} articles, {len(set(data.stories.values())):,} stories")
    click.echo(f"left out: {data.crossing:,} pairs across the sides, {data.copied:,} with a copy of a text of the test")
    if until and (events or qrels):
        click.echo("--events and --qrels carry no dates, so --until says nothing of them", err=True)
    problems = pairs.leaks(data.pairs, data.stories, data.posted, request.until)
    for problem in problems:
        click.echo(f"leak: {problem}", err=True)
    click.echo(f"{len(problems):,} leaks" if problems else "no leak")
    sys.exit(1 if problems else 0)


def _counts(text_pairs: "list[TextPair]") -> str:
    lines = [f"{'kind':<12}{'training':>10}{'testing':>10}"]
    lines += [
        f"{kind:<12}{sides[pairs.TRAIN]:>10,}{sides[pairs.TEST]:>10,}"
        for kind, sides in pairs.counts(text_pairs).items()
    ]
    return "\n".join(lines)


@click.command(short_help="Train a model version by a recipe.")
@click.option("--recipe", "recipe_file", type=_FILE, required=True, help="What to do: a TOML file.")
@click.option("--as", "name", required=True, metavar="NAME/VERSION", help="What the new version is called.")
@click.option("--data", type=_FILE, help="Pairs of `recommender training-data`; made from the database if left out.")
@click.option("--qrels", type=_FILE, help="Judged queries; the grades of panels if left out.")
@click.option("--articles", type=_FILE, help="A corpus of its own (JSONL or CSV); the database is left alone.")
@click.pass_obj
def train(  # noqa: PLR0917  # click passes every option by name
    config: Path | None, recipe_file: Path, name: str, data: Path | None, qrels: Path | None, articles: Path | None
) -> None:
    """Train a candidate NAME/VERSION by a recipe, measure it on queries that took no part, and write it with its card.

    A recipe of the kind `ranking` learns from judged queries. The others are evaluated on those of the training side
    after each epoch, and on those of the testing side for the figures on the card. A version appears complete or not at
    all.
    """
    settings = load_settings(config)
    with corpus(settings, articles, progress) as store:
        card = train_version(settings, store, recipe_file, name, data=data, qrels=qrels)
    click.echo(_report(card))
    click.echo(f"The candidate is {make_registry(settings).folder(name)}.")


def _report(card: ModelCard) -> str:
    lines = [f"{card.name}, from {card.training['base']}", ""]
    for name, figures in card.metrics.items():
        lines.append(name)
        for label, estimate in figures.items():
            if label not in NOT_MAIN:
                lines.append(f"  {label:<24} {estimate['mean']:.3f} ({estimate['low']:.3f}-{estimate['high']:.3f})")
    if bins := card.training.get("calibration"):
        lines += ["", "weights", *(f"  {part:<9} {weight:6.3f}" for part, weight in card.ranking.weights.items())]
        lines += [f"threshold {card.ranking.threshold:.3f}", "", "score      candidates  mean score  related"]
        lines += [
            f"{row['low']:.2f}-{row['high']:.2f}  {row['count']:>10,}  {row['score']:>10.3f}  {row['related']:>7.3f}"
            for row in bins
        ]
    return "\n".join([*lines, *card.failures])
