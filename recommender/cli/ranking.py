"""`fit-ranking` and `exposure`: what data scientists ask of the ranking."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recommender import __version__, learning, metrics
from recommender.cli.evaluate import corpus
from recommender.errors import InvalidInput, NotBuilt
from recommender.evaluation import MEASURES
from recommender.metrics import Grades, bootstrap_interval
from recommender.ranking_files import write_ranking
from recommender.settings import load_settings
from recommender.sources.trec import read_qrels
from recommender.systems import service_system
from recommender.wiring import make_fitter, make_recommender, opened_store, utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.article import Article
    from recommender.interfaces import Store
    from recommender.scoring import RankingModel
    from recommender.settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
REPEATS = 5
LEAST_STORIES = 2
EDGES = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SHOWN = 10


@click.command(name="fit-ranking", short_help="Learn the weights of the score from judgments.")
@click.argument("name")
@click.option("--qrels", type=_FILE, required=True, help="Judgments: lines of `query 0 article grade`.")
@click.option("--articles", type=_FILE, help="A corpus of its own (JSONL or CSV); the database is left alone.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("models/ranking"),
    show_default=True,
    help="Where the folder NAME with the model's card is made.",
)
@click.pass_obj
def fit_ranking(config: Path | None, name: str, qrels: Path, articles: Path | None, into: Path) -> None:
    """Learn a ranking model NAME from judged queries, cross-validate it by story, and write it with its card.

    To use it, name its folder in the setting `ranking` and run `recommender build`. No story stands on both sides of a
    fold; the figures on the card are means over the held-out queries.
    """
    settings = load_settings(config)
    judgments = read_qrels(qrels)
    with corpus(settings, articles) as store:
        judged = learning.collect(store, judgments)
        if len({one.story for one in judged}) < LEAST_STORIES:
            raise InvalidInput("The judged queries are of one story; cross-validation needs two or more.")
        fitter = make_fitter()
        model = learning.learn(judged, fitter, name)
        held_out = _held_out(store, settings, judged, judgments)
        live = store.generations.live()
        about = {
            "learned_on": utc_now().date().isoformat(),
            "made_with": f"recommender {__version__}",
            "embedding_model": live.model if live else None,
            "judgments": {"sha256": hashlib.sha256(qrels.read_bytes()).hexdigest(), "queries": len(judged)},
            "stories": len({one.story for one in judged}),
            "cross_validation": {"folds": learning.FOLDS, "repeats": REPEATS, **held_out["measures"]},
            "calibration": held_out["calibration"],
        }
    write_ranking(into / name, model, about)
    click.echo(_report(model, about))
    click.echo(f"The card is {into / name / 'card.json'}.")


def _held_out(
    store: "Store", settings: "Settings", judged: Sequence[learning.Judged], qrels: "Mapping[str, Grades]"
) -> dict[str, Any]:
    values: dict[str, dict[str, list[float]]] = {measure: defaultdict(list) for measure in MEASURES}
    scored: list[tuple[learning.Judged, RankingModel]] = []
    fitter = make_fitter()
    for seed in range(REPEATS):
        for known, held in learning.folds(judged, seed):
            model = learning.learn(known, fitter, "fold")
            system = service_system(make_recommender(store, settings, ranking=model))
            for one in held:
                ids = [article for article, _ in system(one.query)]
                for measure, function in MEASURES.items():
                    values[measure][one.query].append(function(ids, qrels[one.query]))
            scored += [(one, model) for one in held] if seed == 0 else []
    measures = {}
    for measure, queries in values.items():
        means = [sum(found) / len(found) for found in queries.values()]
        low, high = bootstrap_interval(means)
        measures[measure] = {"mean": round(sum(means) / len(means), 3), "low": round(low, 3), "high": round(high, 3)}
    bins = [{key: round(value, 3) for key, value in asdict(one).items()} for one in learning.calibration(scored, EDGES)]
    return {"measures": measures, "calibration": bins}


def _report(model: "RankingModel", about: dict[str, Any]) -> str:
    lines = [f"{about['judgments']['queries']} judged queries, {about['stories']} stories", "", "weights"]
    lines += [f"  {part:<9} {weight:6.3f}" for part, weight in model.weights.items()]
    lines += [f"threshold {model.threshold:.3f}", ""]
    folds = about["cross_validation"]
    lines.append(f"held out by story, {folds['folds']} folds, {folds['repeats']} times")
    lines += [
        f"  {measure:<9} {found['mean']:.3f} ({found['low']:.3f}-{found['high']:.3f})"
        for measure, found in folds.items()
        if measure in MEASURES
    ]
    lines += ["", "score      candidates  mean score  related"]
    lines += [
        f"{one['low']:.2f}-{one['high']:.2f}  {one['count']:>10,}  {one['score']:>10.3f}  {one['related']:>7.3f}"
        for one in about["calibration"]
    ]
    return "\n".join(lines)


@click.command(short_help="Show how often each article is shown beside others.")
@click.pass_obj
def exposure(config: Path | None) -> None:
    """Show which articles stand in most sidebars, how many stand in none, and how even it is.

    As of the last `recommender build` that made the neighbours anew.
    """
    settings = load_settings(config)
    with opened_store(settings) as store, store.reading():
        generation = store.state().generation
        if generation is None:
            raise NotBuilt
        shown = store.generations.exposure(generation)
        total = len(shown)
        if not total:
            raise InvalidInput("The live generation holds no article any more. Run `recommender ingest` first.")
        hubs = sorted(shown, key=lambda number: (-shown[number], number))[:SHOWN]
        orphans = sorted(number for number, count in shown.items() if not count)
        articles = store.articles.get([*hubs, *orphans[-SHOWN:]], texts=False)
    click.echo(f"articles    {total:,}")
    click.echo(
        f"shown       {1 - len(orphans) / total:.1%} of them stand in at least one sidebar, {len(orphans):,} in none"
    )
    click.echo(f"gini        {metrics.gini(list(shown.values())):.3f} (0: all alike, 1: one article has it all)")
    click.echo("\nin most sidebars")
    for number in hubs:
        click.echo(f"  {shown[number]:>6,}  {shown[number] / total:>6.2%}  {_name(articles, number)}")
    click.echo("\nin none, the newest")
    for number in reversed(orphans[-SHOWN:]):
        click.echo(f"  {_name(articles, number)}")


def _name(articles: "Mapping[int, Article]", number: int) -> str:
    # An article withdrawn since the build is in its generation until the next update.
    return articles[number].id if number in articles else "(withdrawn)"
