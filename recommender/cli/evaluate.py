"""`evaluate`: the table of measures on judged queries."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recommender.cli.articles import progress
from recommender.evaluation import baselines
from recommender.evaluation.evaluation import (
    MAIN,
    MEASURES,
    SERVICE,
    Delivered,
    Estimate,
    Evaluation,
    Spread,
    delivered,
    spread,
)
from recommender.evaluation.evaluation import evaluate as run_evaluation
from recommender.evaluation.trec import read_qrels, write_run
from recommender.serving.answers import Query
from recommender.settings import load_settings
from recommender.wiring import make_recommender, make_systems
from recommender.workflows.corpus import corpus

if TYPE_CHECKING:
    pass

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Measure the service on judged queries.")
@click.option("--qrels", type=_FILE, required=True, help="Judgments: lines of `query 0 article grade`.")
@click.option("--articles", type=_FILE, help="A corpus of its own (JSONL or CSV); the database is left alone.")
@click.option(
    "--run", "run_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the ranking as a TREC run."
)
@click.pass_obj
def evaluate(config: Path | None, qrels: Path, articles: Path | None, run_file: Path | None) -> None:
    """Measure the service beside the usual methods on judged queries.

    First the box as readers get it: three teasers, by the settings of the site, with fallbacks, every place counted.
    Then lists of ten of every system in all languages; there the service has no fallbacks and no threshold.

    Gain is 2^grade - 1, and a grade below 0 counts as 0. Intervals are 95 % bootstrap intervals over queries; poor@3 is
    the share of the first three teasers graded 0 or -1. What editors have decided is left out. How far the embedding
    counts in each language says `recommender status`; where it was not measured, words and names decide.
    """
    settings = load_settings(config)
    judgments = read_qrels(qrels)
    with corpus(settings, articles, progress) as store:
        recommender = make_recommender(store, settings)
        evaluated = make_systems(store, recommender)
        result = run_evaluation(evaluated.systems, judgments, evaluated.languages)
        lists = baselines.sidebars(recommender, list(evaluated.languages), Query())
        boxes = baselines.boxes(recommender, result.runs[SERVICE])
        click.echo(_heading(result, len(evaluated.languages)))
        click.echo(_delivered(delivered(boxes, judgments, evaluated.languages, Query().n)))
        click.echo(_table(result))
        click.echo(_spread(spread(lists, Query().n)))
    if run_file is not None:
        write_run(run_file, result.runs[SERVICE], "recommender")
        click.echo(f"The run is in {run_file}.")


def _heading(result: Evaluation, articles: int) -> str:
    lines = [f"{result.queries} judged queries, {articles:,} articles, 95 % intervals over queries"]
    if result.missing:
        lines.append(f"not among the articles, so not counted: {', '.join(result.missing[:3])} ({len(result.missing)})")
    return "\n".join(lines)


def _delivered(by_language: Mapping[str, Delivered]) -> str:
    lines = [
        "",
        "the box as readers get it: three teasers, fallbacks among them, every place counted",
        f"language  queries  {MAIN:^19}  {'poor@3':^19}  related  of them in another language  fallbacks",
    ]
    lines += [
        f"{name:<8}  {box.queries:>7}  {_shown(box.ndcg)}  {_shown(box.poor)}  {box.related:>7.1%}  "
        f"{box.foreign:>27.1%}  {box.fallbacks:>9.1%}"
        for name, box in by_language.items()
    ]
    return "\n".join(lines)


def _table(result: Evaluation) -> str:
    lines = ["", "lists of ten in all languages, without fallbacks"]
    width = max(map(len, result.table))
    lines += [" " * width + "".join(f"  {measure:^19}" for measure in MEASURES)]
    for name, row in result.table.items():
        lines.append(f"{name:<{width}}" + "".join(f"  {_shown(row[measure])}" for measure in MEASURES))
    comparison = result.comparison
    lines += [
        "",
        f"{MAIN} against the best baseline, {comparison.baseline}: {comparison.difference:+.3f}, "
        f"{_p_value(comparison.p_value)} (paired randomisation test)",
    ]
    lines += [
        f"{MAIN} of {count} queries in {language}: {_shown(estimate)}"
        for language, (count, estimate) in result.by_language.items()
    ]
    return "\n".join(lines)


def _p_value(value: float) -> str:
    return f"p = {value:.4f}" if value >= 0.0001 else "p < 0.0001"


def _shown(estimate: Estimate) -> str:
    return f"{estimate.mean:.3f} ({estimate.low:.3f}-{estimate.high:.3f})"


def _spread(usage: Spread) -> str:
    return "\n".join(
        [
            "",
            f"sidebars of all {usage.articles:,} articles as the site shows them",
            f"coverage        {usage.coverage:.1%} of the articles are shown somewhere, {usage.never_shown:.1%} not",
            f"most shown      {usage.most_shown} in {usage.largest_share:.1%} of the sidebars",
            f"filled          {usage.full_sidebars:.1%} of the sidebars have three teasers",
        ]
    )
