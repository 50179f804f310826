"""`panel` and `qrels`: people grade sidebars; what they say, and their grades as judgments."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import click

from recommender.errors import InvalidInput
from recommender.grading.grading import Grading
from recommender.grading.panels import (
    MAX_INAPPROPRIATE,
    MAX_POOL,
    MAX_SIZE,
    MAX_UNACCEPTABLE,
    MIN_SATISFACTORY,
    POOL,
    SIZE,
    Agreement,
    Progress,
    Report,
    Sample,
)
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.settings import load_settings
from recommender.store.generation_view import generation_of, generation_view
from recommender.store.grading import INAPPROPRIATE, SATISFACTORY, UNACCEPTABLE, VERDICTS
from recommender.wiring import make_recommender, opened_store, utc_now
from recommender.workflows.operator import operator

_DAY = click.DateTime(["%Y-%m-%d"])
_SEEDS = 2**31
_BARS = {
    UNACCEPTABLE: f"{MAX_UNACCEPTABLE:.0%}",
    INAPPROPRIATE: f"{MAX_INAPPROPRIATE:.0%} or less",
    SATISFACTORY: f"{MIN_SATISFACTORY:.0%} or more",
}


@contextmanager
def _grading(config: Path | None, model: str | None = None) -> Iterator[Grading]:
    """Grading of the live version's sidebars, or of those of the named version, which is live or in the shadow."""
    settings = load_settings(config)
    with opened_store(settings) as store:
        view = store if model is None else generation_view(store, generation_of(store, model))
        yield Grading(store, make_recommender(view, settings), utc_now)


@click.group(short_help="Draw panels of sidebars for grading, and see what they say.")
def panel() -> None:
    """Draw panels of articles whose sidebars people grade at the editors' desk, and see what the grades say."""


@panel.command(short_help="Draw a panel.")
@click.argument("name")
@click.option("--size", type=click.IntRange(1, MAX_SIZE), default=SIZE, show_default=True, help="How many articles.")
@click.option("--edition", help="Only articles of this edition.")
@click.option("--since", type=_DAY, metavar="DATE", help="Only articles of this day (YYYY-MM-DD, UTC) or later.")
@click.option("--until", type=_DAY, metavar="DATE", help="Only articles of this day or earlier.")
@click.option("--seed", type=click.IntRange(0), help="Draws the same panel again; random if not given.")
@click.option(
    "--model", metavar="NAME/VERSION", help="The sidebars of this model version, which is live or runs in the shadow."
)
@click.option(
    "--pool",
    type=click.IntRange(0, MAX_POOL),
    default=POOL,
    show_default=True,
    help="How many further stories are graded beside each sidebar.",
)
@click.pass_obj
def create(  # noqa: PLR0917  # click passes every option by name
    config: Path | None,
    name: str,
    size: int,
    edition: str | None,
    since: datetime | None,
    until: datetime | None,
    seed: int | None,
    model: str | None,
    pool: int,
) -> None:
    """Draw a panel NAME of published articles, with the sidebars that they have now, or would have with --model.

    Every article has the same chance, and every edition and age its share. The seed is printed, and kept in the audit
    trail.
    """
    sample = Sample(
        seed=secrets.randbelow(_SEEDS) if seed is None else seed,
        size=size,
        pool=pool,
        edition=edition,
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) + timedelta(days=1, seconds=-1) if until else None,
    )
    with _grading(config, model) as grading:
        drawn = grading.create(name, operator(), sample)
    stories = sum(len(sidebar.shown) + len(sidebar.pool) for sidebar in drawn.sidebars)
    click.echo(f"Panel {drawn.number}, {drawn.name}: {len(drawn.sidebars):,} articles, {stories:,} stories to grade")
    click.echo(f"seed {sample.seed}")
    if len(drawn.sidebars) < size:
        click.echo(f"There are no more such articles than {len(drawn.sidebars):,}; {size:,} were asked for.", err=True)


@panel.command("list", short_help="Show all panels and how far their graders are.")
@click.pass_obj
def list_(config: Path | None) -> None:
    """Show all panels, the latest first: how far each grader is, and how far they agree."""
    with _grading(config) as grading:
        reports = [grading.report(progress.panel.number) for progress in grading.progress()]
    for result in reports:
        drawn = result.panel
        click.echo(f"{drawn.name}  ({result.progress.articles:,} articles, {drawn.created:%Y-%m-%d}, by {drawn.by})")
        click.echo(f"  graders    {_graders(result.progress)}")
        click.echo(f"  agreement  {_agreement('stories', result.grades)}; {_agreement('sidebars', result.sidebars)}")
    if not reports:
        click.echo("There is no panel yet: run `recommender panel create NAME`.", err=True)


@panel.command(short_help="Show what the grades of a panel say.")
@click.argument("name")
@click.pass_obj
def report(config: Path | None, name: str) -> None:
    """Show what the grades of the panel NAME say of its sidebars, who graded, and whether the bar is met.

    Several verdicts on one sidebar are settled by their median, the worse in a tie. Intervals are 95 %: Wilson's for
    shares, bootstrap over sidebars for nDCG.
    """
    with _grading(config) as grading:
        result = grading.report(grading.named(name).number)
        ids = grading.ids(result.unacceptable)
    click.echo(_report(result, ids), nl=False)


def _report(result: Report, unacceptable: list[str]) -> str:
    drawn = result.panel
    lines = [
        f"{drawn.name}: {len(drawn.sidebars):,} sidebars of {drawn.created:%Y-%m-%d}, {result.judged:,} with a verdict",
        f"model       {f'{drawn.model_version}, ' if drawn.model_version else ''}{drawn.model}, "
        f"generation {drawn.generation}",
        f"graders     {_graders(result.progress)}",
        "",
    ]
    for value, shares in sorted(result.verdicts.items(), reverse=True):
        interval = f"({shares.low:.1%}-{shares.high:.1%})"
        bar = f"{_BARS[value]}: {'met' if result.bar[value] else 'not met'}"
        lines.append(f"{VERDICTS[value]:<14}  {shares.count:>4,}  {shares.share:>6.1%}  {interval:<15}  {bar}")
    if not result.verdicts:
        lines.append("No sidebar has a verdict yet.")
    if unacceptable:
        lines.append(f"called unacceptable by a grader: {', '.join(unacceptable)}")
    lines.append("")
    if result.ndcg is None:
        lines.append(f"nDCG@{SIDEBAR_PLACES}      no sidebar is completely graded with a story above 0")
    else:
        mean = result.ndcg
        sidebars = f"sidebars completely graded with a story above 0: {mean.count:,}"
        lines.append(f"nDCG@{SIDEBAR_PLACES}      {mean.mean:.3f} ({mean.low:.3f}-{mean.high:.3f}), {sidebars}")
    lines.append(f"agreement   {_agreement('stories', result.grades)}; {_agreement('sidebars', result.sidebars)}")
    if result.bar:
        lines.append(f"the bar is {'met' if result.passed else 'not met'}")
    return "\n".join(lines) + "\n"


def _graders(progress: Progress) -> str:
    done = (f"{name} {count:,} of {progress.articles:,}" for name, count in progress.finished.items())
    return ", ".join(done) or "none yet"


def _agreement(scale: str, agreement: Agreement) -> str:
    if agreement.same is None:
        return f"{scale} by no two graders"
    alpha = "not defined" if agreement.alpha is None else f"{agreement.alpha:.3f}"
    return f"{scale} alpha {alpha}, {agreement.same:.0%} the same"


@click.group(short_help="Export grades as judgments in TREC's format.")
def qrels() -> None:
    """Export grades as judgments in TREC's format, for `train` and `evaluate`."""


@qrels.command(short_help="Write the grades as a TREC qrels file.")
@click.argument("output", type=click.File("w", encoding="utf-8", lazy=True), default="-")
@click.option("--panel", "name", help="Only the grades of this panel; those of all if not given.")
@click.option(
    "--min-graders",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Leave out stories that fewer people have graded.",
)
@click.option(
    "--decisions/--no-decisions",
    default=False,
    show_default=True,
    help="Add pins as grade 3, rejections and pairs set apart as 0, where there is no grade.",
)
@click.pass_obj
def export(config: Path | None, output: IO[str], name: str | None, min_graders: int, decisions: bool) -> None:
    """Write the grades to OUTPUT (`-`, the default, is standard output): lines of `article 0 story grade`.

    Several grades of a story are settled by their median, rounded down; it is another version (-1) only if most say so.
    An article whose id holds a space does not fit into such a file: it is named and left out, and the exit code is 1.
    """
    with _grading(config) as grading:
        number = None if name is None else grading.named(name).number
        judgments = grading.judgments(number, least=min_graders, decisions=decisions)
    if not judgments.qrels and not judgments.unwritable:
        raise InvalidInput("There are no such grades of published articles, so there is nothing to export.")
    for source, grades in judgments.qrels.items():
        for target, grade in grades.items():
            output.write(f"{source} 0 {target} {grade}\n")
    pairs = sum(map(len, judgments.qrels.values()))
    click.echo(f"{len(judgments.qrels):,} articles, {pairs:,} judgments", err=True)
    if judgments.few:
        click.echo(f"left out: {judgments.few:,} with fewer than {min_graders} graders", err=True)
    if judgments.withdrawn:
        click.echo(f"left out: {judgments.withdrawn:,} with an article that is not published any more", err=True)
    for article_id in judgments.unwritable:
        click.echo(f"refused: the id {article_id!r} holds a space, which TREC files cannot have", err=True)
    sys.exit(1 if judgments.unwritable else 0)
