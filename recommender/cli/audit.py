"""`audit`: whether the audit trail is what was written."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import click

from recommender.operations.current import opened_current
from recommender.settings import load_settings
from recommender.store.audit_chain import Link, Trail

_HASH = re.compile("[0-9a-f]{64}")


def _hash(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    plain = None if value is None else value.strip().lower()
    if plain is not None and not _HASH.fullmatch(plain):
        raise click.BadParameter("a hash has 64 digits, 0 to 9 and a to f")
    return plain


@click.group(short_help="Verify the audit trail.")
def audit() -> None:
    """Verify the audit trail: each entry holds a hash of itself and of the hash before it."""


@audit.command(short_help="Follow the chain of hashes from the first entry to the last.")
@click.option("--head", callback=_hash, help="A hash that was noted before: the trail must still have it.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as a JSON object.")
@click.pass_obj
def verify(config: Path | None, head: str | None, as_json: bool) -> None:
    """Follow the chain of hashes from the first entry to the last, and say the last hash. Changes nothing.

    Note that hash outside this machine: with it, --head shows later that the trail was neither written anew nor cut off
    at its end, which the chain alone cannot show. The exit code is 1 where the chain is broken or lacks the hash.
    """
    with opened_current(load_settings(config)) as inspection:
        found = inspection.trail(head)
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
    else:
        click.echo(in_line(found))
        if found.known is False:
            click.echo("No entry has the hash that was noted: the trail was cut off, written anew, or is another one.")
    if not found.whole:
        sys.exit(1)


def in_line(trail: Trail) -> str:
    """What was found, as a line for people."""
    if trail.broken is None:
        return f"Audit trail: {trail.entries:,} entries, each follows from the one before. Head: {trail.head}"
    values = _named(trail.broken)
    return (
        f"Audit trail: BROKEN at entry {values['number']} ({values['at']}, {values['by']}, {values['action']}, "
        f"{values['subject']}): it, or one before it, was changed, taken out or put in. {trail.entries:,} entries. "
        f"Head: {trail.head}"
    )


def _named(link: Link) -> dict[str, Any]:
    return {
        "number": link.values["number"],
        "at": link.when,
        "by": link.values["by"],
        "action": link.values["action"],
        "subject": link.values["subject"],
    }


def _as_json(trail: Trail) -> dict[str, Any]:
    return {
        "whole": trail.whole,
        "entries": trail.entries,
        "head": trail.head,
        "broken": None if trail.broken is None else _named(trail.broken),
        "known": trail.known,
    }
