"""`models compare|promote|rollback|shadow`: which of two model versions is better, and which one readers get."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recommender.cli.articles import progress
from recommender.errors import SettingsError
from recommender.evaluation.evaluation import MAIN, Estimate
from recommender.metrics import PairedDifference
from recommender.release.comparison import (
    Cost,
    JudgedComparison,
    Overlap,
    Paired,
    VersionComparison,
)
from recommender.release.shadow import ShadowReport, shadow_report
from recommender.settings import Settings, load_settings
from recommender.wiring import (
    golden_pairs,
    make_releasing,
    opened_store,
)
from recommender.workflows.compare import compare_versions
from recommender.workflows.judgments import judged_sets, read_sets
from recommender.workflows.operator import operator

if TYPE_CHECKING:
    pass

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MIN_OF_COUNTRY = 3  # queries of a country that the table shows; --json has all
_WIDTH = 60  # characters of a title in the table


@click.command(short_help="Compare two model versions.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--qrels",
    type=_FILE,
    multiple=True,
    help="Judgments: lines of `query 0 article grade`. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_obj
def compare(config: Path | None, first: str, second: str, qrels: tuple[Path, ...], as_json: bool) -> None:
    """Compare the model versions A and B, each NAME/VERSION, on the site's articles.

    Shows both on every set of judged queries, with paired 95 % bootstrap intervals, by language, country and age; how
    far their sidebars overlap, and the twenty that differ most; and what they cost. Without --qrels it takes the
    sample's judgments where the articles are the sample's, and the grades of the site's panels. Readers notice nothing:
    both are built in a database of their own. Vectors that are new are kept, so a promotion need not embed again.
    """
    settings = _settings(config)
    with opened_store(settings) as store:
        comparison = compare_versions(settings, store, first, second, qrels, progress=progress)
    click.echo(json.dumps(asdict(comparison), ensure_ascii=False, indent=2) if as_json else comparison_text(comparison))


@click.command(short_help="Release a model version through the gate.")
@click.argument("name", metavar="NAME/VERSION")
@click.option(
    "--qrels",
    type=_FILE,
    multiple=True,
    help="Further judged queries for the gate. May be given several times.",
)
@click.option("--golden", type=_FILE, help="Golden pairs in YAML (default: golden.yaml in the models' folder).")
@click.option("--reason", default="", metavar="TEXT", help="Why it is released although the gate refuses it.")
@click.pass_obj
def promote(config: Path | None, name: str, qrels: tuple[Path, ...], golden: Path | None, reason: str) -> None:
    """Release the model version NAME/VERSION to readers.

    It is built beside the live one and must pass the gate: on no set of judged queries is nDCG@3 or nDCG@10 below the
    live one's beyond the paired interval, every golden pair holds, and a graded panel of its sidebars meets the bar.
    The sets are the sample's where the articles are the sample's, the grades of the site's panels, and those given;
    queries that the version has learned from are left out. Then readers are switched in one step, and the generation
    before is kept: `recommender models rollback` goes back to it at once. With --reason it is released all the same,
    and the reason stays on its card and in the audit trail.
    """
    settings = _settings(config)
    pairs = golden_pairs(settings, golden)
    with opened_store(settings) as store:
        sets = [*judged_sets(store, settings), *read_sets(qrels)]
        done = make_releasing(store, settings).promote(name, operator(), sets, pairs, reason=reason, progress=progress)
    for check in done.checks:
        click.echo(f"{'passed' if check.passed else 'NOT PASSED':<10}  {check.name}: {check.says}")
    for note in done.notes:
        click.echo(f"golden pairs, {note}", err=True)
    click.echo(f"Live is {done.name}, generation {done.generation}, instead of {done.before}.")


@click.command(short_help="Go back to the model version before the last promotion.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the audit trail.")
@click.pass_obj
def rollback(config: Path | None, reason: str) -> None:
    """Give readers the model version and the generation that they had before the last promotion, at once.

    What was published since then is taken in by the worker of `recommender serve`, or by the next `recommender build`.
    A second call goes forward again.
    """
    settings = _settings(config)
    with opened_store(settings) as store:
        before, name = make_releasing(store, settings).roll_back(operator(), reason)
    click.echo(f"Live is {name} again, instead of {before}.")


@click.command(short_help="Try a model version beside the live one, unseen.")
@click.argument("name", metavar="NAME/VERSION", required=False)
@click.option("--off", is_flag=True, help="End the shadow run.")
@click.option("--report", is_flag=True, help="Show what the shadow run has shown so far.")
@click.option("--json", "as_json", is_flag=True, help="With --report: print it as JSON.")
@click.pass_obj
def shadow(config: Path | None, name: str | None, off: bool, report: bool, as_json: bool) -> None:
    """Build NAME/VERSION beside the live version and compute its sidebars too, without showing them.

    The worker of `recommender serve` does the computing; no reader waits for it. The shadow run knows
    the articles that were there when it began; give the name again to bring it up to date.
    """
    if (name is not None) + off + report != 1:
        raise click.UsageError("Give a model version, or --off, or --report.")
    if as_json and not report:
        raise click.UsageError("--json goes with --report.")
    settings = _settings(config)
    with opened_store(settings) as store:
        if report:
            result = shadow_report(store)
            text = (
                json.dumps(asdict(result), ensure_ascii=False, indent=2, default=str) if as_json else _shadowed(result)
            )
        elif off:
            text = f"{make_releasing(store, settings).end_shadow(operator())} does not run in the shadow any more."
        else:
            number = make_releasing(store, settings).start_shadow(str(name), operator(), progress)
            text = f"{name} runs in the shadow of the live version, as generation {number}."
    click.echo(text)


def _settings(config: Path | None) -> Settings:
    """The settings. Raises SettingsError where one overrides what a model version says."""
    settings = load_settings(config)
    if settings.model is not None:
        raise SettingsError("`model` is set and overrides that of every version; take it out of the settings first.")
    return settings


# -- text --------------------------------------------------------------------------------------------------------------


def comparison_text(comparison: VersionComparison) -> str:
    """A comparison for people."""
    lines = [
        f"A  {comparison.first}",
        f"B  {comparison.second}",
        f"{comparison.articles:,} articles; intervals are 95 %, paired for B - A",
    ]
    for judged in comparison.judged:
        lines += ["", *_judged(judged)]
    if not comparison.judged:
        lines += ["", "No judged query is among the articles; name judgments with --qrels."]
    lines += ["", *_overlap(comparison.overlap), "", *_costs(comparison.costs)]
    return "\n".join(lines)


def _judged(judged: JudgedComparison) -> list[str]:
    lines = [f"judged queries of {judged.name}"]
    learned = [f"{side} has learned from {count}" for side, count in zip("AB", judged.learned, strict=True) if count]
    if learned:
        lines.append(f"  of these {' and '.join(learned)}, which flatters it: its card has figures on queries held out")
    head = f"{'A':^19}  {'B':^19}  {'B - A':^25}  better worse  p"
    for system, measures in judged.systems.items():
        queries = next(iter(measures.values())).queries
        lines.append(f"  {f'{system}, {queries} queries':<30}{head}")
        lines += [f"    {measure:<28}{_paired(pair)}" for measure, pair in measures.items()]
    lines.append(f"  {f'{MAIN} of the service':<30}{head}")
    for kind, groups in judged.groups.items():
        least = _MIN_OF_COUNTRY if kind == "country" else 1
        lines += [
            f"    {f'{name} ({pair.queries})':<28}{_paired(pair)}"
            for name, pair in groups.items()
            if pair.queries >= least
        ]
    return lines


def _paired(pair: Paired) -> str:
    p_value = f"{pair.p_value:.4f}" if pair.p_value >= 0.0001 else "< 0.0001"
    return (
        f"{_estimate(pair.first)}  {_estimate(pair.second)}  {_difference(pair.difference)}  "
        f"{pair.better:>6} {pair.worse:>5}  {p_value}"
    )


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.mean:.3f} ({estimate.low:.3f}-{estimate.high:.3f})"


def _difference(difference: PairedDifference) -> str:
    return f"{difference.mean:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"


def _overlap(overlap: Overlap) -> list[str]:
    lines = [
        f"sidebars of all {overlap.articles:,} articles",
        f"  the same three in one order    {overlap.same / overlap.articles:.1%}" if overlap.articles else "  none",
        f"  overlap of the three           {overlap.overlap:.3f}",
        f"  rank-biased overlap of ten     {overlap.likeness:.3f}",
    ]
    if overlap.most:
        lines += ["", f"the {len(overlap.most)} that differ most"]
    for pair in overlap.most:
        lines.append(f"  {pair.title} ({pair.article})")
        lines += _side_by_side(pair.first, pair.second)
    return lines


def _side_by_side(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Two lists of titles; a mark at those that the other one has too."""
    rows = []
    for place in range(max(len(first), len(second))):
        cells = [
            f"{'=' if titles[place] in others else ' '} {_cut(titles[place])}" if place < len(titles) else ""
            for titles, others in ((first, second), (second, first))
        ]
        rows.append(f"    {cells[0]:<{_WIDTH + 2}}  {cells[1]}".rstrip())
    return rows


def _cut(title: str) -> str:
    return title if len(title) <= _WIDTH else f"{title[: _WIDTH - 1]}…"


def _costs(costs: tuple[Cost, Cost]) -> list[str]:
    rows: dict[str, Any] = {
        "embedding of one article": [f"{cost.embedding:,.2f} ms" for cost in costs],
        "memory of such a process": [_bytes(cost.memory) for cost in costs],
        "size of the embedding": [_bytes(cost.disk) for cost in costs],
        "build without embedding": [f"{cost.build:,.1f} s" for cost in costs],
    }
    return [f"{'cost':<28}{'A':>12}{'B':>12}"] + [f"  {name:<26}{a:>12}{b:>12}" for name, (a, b) in rows.items()]


def _bytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"


def _shadowed(report: ShadowReport) -> str:
    lines = [
        f"live    {report.live}",
        f"shadow  {report.shadow}",
        f"compared so far: the sidebars of {report.compared:,} of {report.articles:,} articles",
    ]
    if report.compared:
        lines += [
            f"  latest     {report.latest:%Y-%m-%d %H:%M} UTC",
            f"  differ     {report.differ:,} ({report.differ / report.compared:.1%})",
            f"  overlap    {report.overlap:.3f} of the three",
        ]
    if report.most:
        lines += ["", f"the {len(report.most)} that differ most: live, shadow"]
    for difference in report.most:
        lines.append(f"  {difference.title} ({difference.article})")
        lines += _side_by_side(difference.live, difference.shadow)
    return "\n".join(lines)
