"""`models interleave`: readers get sidebars that the live model and the one in the shadow share, and clicks decide."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from recommender.release.interleaving import InterleavingReport
from recommender.release.team_draft import TELLING
from recommender.settings import load_settings
from recommender.store.interleaving import CHALLENGER
from recommender.wiring import make_interleaving_control, opened_store
from recommender.workflows.operator import operator


@click.command(short_help="Let clicks decide between two model versions.")
@click.argument("name", metavar="NAME/VERSION", required=False)
@click.option("--off", is_flag=True, help="End it: readers get the live version alone.")
@click.option("--report", is_flag=True, help="Show what clicks have said so far.")
@click.option("--json", "as_json", is_flag=True, help="With --report: print it as JSON.")
@click.pass_obj
def interleave(config: Path | None, name: str | None, off: bool, report: bool, as_json: bool) -> None:
    """Give readers sidebars that NAME/VERSION shares with the live model, and count clicks on their teasers.

    NAME/VERSION must be in the shadow: see `models shadow`. All readers of an article see the same sidebar for an hour;
    no cookie is set and nothing about a reader is kept. A new one deletes what the one before has counted.
    """
    if (name is not None) + off + report != 1:
        raise click.UsageError("Give a model version, or --off, or --report.")
    if as_json and not report:
        raise click.UsageError("--json goes with --report.")
    settings = load_settings(config)
    with opened_store(settings) as store:
        runs = make_interleaving_control(store)
        if report:
            latest = runs.report()
            text = _as_json(latest) if as_json else _shown(latest)
        elif off:
            run = runs.end(operator())
            text = f"Readers get the sidebars of {run.live} alone again."
        else:
            run = runs.start(str(name), operator())
            text = f"Readers get sidebars that {run.live} and {run.challenger} share, as run {run.number}."
    click.echo(text)


def _as_json(report: InterleavingReport) -> str:
    document = asdict(report)
    document["trial"] = document["run"]  # the name that scripts written for earlier releases look for
    return json.dumps(document, ensure_ascii=False, indent=2, default=str)


def _shown(report: InterleavingReport) -> str:
    run, said = report.run, report.preference
    if run.until is not None:
        state = f"ended {run.until:%Y-%m-%d %H:%M} UTC"
    else:
        state = "goes on" if report.going_on else "over: the live model or the one in the shadow is another now"
    lines = [
        f"live        {run.live}",
        f"challenger  {run.challenger}",
        f"since {run.since:%Y-%m-%d %H:%M} UTC, {state}",
        f"shared: the sidebars of {report.articles:,} articles in {report.hours:,} hours, {report.sidebars:,} in all",
        f"clicks: {said.clicks:,} on a teaser of one model, {report.nobody:,} on what is nobody's",
    ]
    if said.share is None:
        return "\n".join([*lines, "No reader has clicked on a teaser of one model yet."])
    whose = {None: "no verdict yet", CHALLENGER: "readers prefer the challenger"}
    verdict = whose.get(said.verdict, "readers prefer the live model")
    lines += [
        "",
        f"the challenger won {said.wins:,}, lost {said.losses:,}, and {said.ties:,} were ties",
        f"share of the challenger  {said.share.mean:.1%} ({said.share.low:.1%} to {said.share.high:.1%}): {verdict}",
        f"sign test                p = {said.p_value:.4f}",
    ]
    if said.missing:
        lines.append(f"A verdict still takes {'; '.join(said.missing)}.")
    lines.append(
        f"About {said.needed:,} clicks more would show a difference of {TELLING:.0%} from one half."
        if said.needed
        else f"That is enough to show a difference of {TELLING:.0%} from one half."
    )
    return "\n".join(lines)
