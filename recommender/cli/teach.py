"""`teach`: a language model grades boxes of the archive, and how far it agrees with people."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from recommender.cli.articles import progress
from recommender.evaluation.trec import read_qrels
from recommender.grading.agreement import GradeAgreement
from recommender.metrics import Grades
from recommender.rerankers import make_endpoint
from recommender.settings import Settings, load_settings
from recommender.wiring import make_recommender, opened_store
from recommender.workflows.teach import CANDIDATES, agreement_with, read_taught, sample_boxes
from recommender.workflows.teach import teach as have_read

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Let a language model grade boxes, to learn from or to check it.")
@click.argument("out", type=_FILE)
@click.option("--n", default=200, show_default=True, type=click.IntRange(0), help="How many boxes OUT is to hold.")
@click.option(
    "--candidates", default=CANDIDATES, show_default=True, type=click.IntRange(1, 50), help="How many stories of a box."
)
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="QRELS",
    help="Read boxes of judged articles, and say how far the grades agree with the judgments.",
)
@click.option("--yes", is_flag=True, help="Do not ask before the boxes are sent.")
@click.pass_obj
def teach(  # noqa: PLR0917  # click passes every option by name
    config: Path | None, out: Path, n: int, candidates: int, check: Path | None, yes: bool
) -> None:
    """Have the language model of the settings grade boxes of the archive, and append its grades to OUT (JSONL).

    It says what that will take and asks before anything is sent; the budget of the settings is kept. Called again, it
    goes on where it ended. With --check it takes judged articles and prints how far the grades agree with people;
    --n 0 sends nothing and compares what OUT holds.

    Only public articles are sent. Exit code 3 where the model could not be asked.
    """
    settings = load_settings(config)
    judged = read_qrels(check) if check else None
    held = read_taught(out)
    complete = len(held) >= n or _add(settings, out, n - len(held), candidates, judged, sure=yes)
    if judged is not None:
        click.echo(_agreement(agreement_with(read_taught(out), judged)))
    if not complete:
        sys.exit(3)


def _add(
    settings: Settings, out: Path, count: int, candidates: int, judged: Mapping[str, Grades] | None, *, sure: bool
) -> bool:
    """Adds boxes to OUT; whether all were read, or the budget alone has ended it."""
    endpoint = make_endpoint(settings)
    known = {box.query for box in read_taught(out)}
    with opened_store(settings) as store:
        recommender = make_recommender(store, settings)
        boxes = sample_boxes(store, recommender, count, candidates=candidates, among=judged, without=known)
    if not boxes:
        click.echo("There is no further box to read.")
        return True
    estimate = endpoint.estimate((box.article, box.candidates) for box in boxes)
    click.echo(f"{len(boxes):,} boxes for {settings.reranker_model} at {settings.reranker_url}: {estimate}.")
    if limit := endpoint.budget.shortage(estimate.requests, estimate.money):
        click.echo(limit)
    if not sure:
        click.confirm("Send titles, summaries, dates and first words of these articles there?", abort=True)
    taught = have_read(endpoint, boxes, out, parallel=endpoint.parallel, progress=progress)
    click.echo(f"{taught.read:,} boxes were read, with {endpoint.budget.spent}.")
    if taught.unread:
        click.echo(f"{taught.unread:,} were not: {taught.reason}", err=True)
    return not taught.unread or taught.spent


def _agreement(agreement: GradeAgreement) -> str:
    if not agreement.pairs:
        return "No pair of these boxes is judged."
    rows = [
        ("same grade", _share(agreement.exact)),
        ("within one grade", _share(agreement.within_one)),
        ("kappa, related (2 and better)", _figure(agreement.related)),
        ("kappa, essential (3 and better)", _figure(agreement.essential)),
        ("correlation (Pearson)", _figure(agreement.pearson)),
    ]
    return "\n".join([f"{agreement.pairs:,} pairs are judged", *(f"{name:<32} {value:>6}" for name, value in rows)])


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"  # noqa: RUF001  # a dash for what is not defined


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"  # noqa: RUF001
