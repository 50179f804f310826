"""`doctor`: what is wrong with an installation."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from recommender.operations.doctor import Machine, diagnose, has_fault


@click.command(short_help="Say what is wrong here, and what to do.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON list.")
@click.pass_obj
def doctor(config: Path | None, as_json: bool) -> None:
    """Look at settings, secrets, database, disk, models, clock, port and proxy, and change nothing.

    Each line says ok, warning or fault; the one below it what to do. The exit code is 1 if there is a fault, else 0.
    """
    findings = []
    for finding in diagnose(Machine(os.environ, config)):
        findings.append(finding)
        if not as_json:
            click.echo(f"{finding.level:<8} {finding.check:<12} {finding.text}")
            if finding.advice:
                click.echo(f"{'':<21} -> {finding.advice}")
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    if has_fault(findings):
        sys.exit(1)
