"""`users`: who may sign in at the editors' desk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from recommender.desk.accounts import Accounts, state_of
from recommender.desk.permissions import ROLES
from recommender.settings import Settings, load_settings
from recommender.wiring import make_accounts, opened_store
from recommender.workflows.operator import operator

_URL = click.option("--url", help="Where people reach the service (default: setting public_url, or host and port).")


@dataclass(frozen=True)
class _Office:
    """The accounts, the settings, and who changes them."""

    accounts: Accounts
    settings: Settings
    by: str


@contextmanager
def _office(config: Path | None) -> Iterator[_Office]:
    settings = load_settings(config)
    with opened_store(settings) as store:
        yield _Office(make_accounts(store), settings, operator())


@click.group(short_help="Keep the accounts of the editors' desk.")
def users() -> None:
    """Keep the accounts of the editors' desk. Every change leaves an entry in the audit trail."""


@users.command(short_help="Add an account.")
@click.argument("name")
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What the account may do.")
@click.option("--link", is_flag=True, help="Print a one-time link, with which a password is chosen, and ask for none.")
@_URL
@click.pass_obj
def add(config: Path | None, name: str, role: str, link: bool, url: str | None) -> None:
    """Add an account NAME. Its password is asked twice, or read from two lines of the standard input."""
    with _office(config) as office:
        password = None if link else click.prompt("Password", hide_input=True, confirmation_prompt=True)
        account = office.accounts.add(name, role, office.by, password)
        click.echo(f"{account.name} is {role}.")
        if link:
            _print_link(office, account.name, url)


@users.command("list", short_help="Show all accounts.")
@click.pass_obj
def list_(config: Path | None) -> None:
    """Show all accounts with role, state, and when they were made."""
    with _office(config) as office:
        people = office.accounts.everyone()
    width = max((len(person.name) for person in people), default=0)
    for person in people:
        state = state_of(person)
        click.echo(f"{person.name:<{width}}  {person.role:<14}  {state:<11}  {person.created:%Y-%m-%d}")
    if not people:
        click.echo("There is no account yet: run `recommender users add NAME --role administrator`.", err=True)


@users.command(short_help="Give an account another role.")
@click.argument("name")
@click.argument("role", type=click.Choice(list(ROLES)))
@click.pass_obj
def role(config: Path | None, name: str, role: str) -> None:
    """Give NAME another ROLE, and sign NAME out everywhere."""
    with _office(config) as office:
        office.accounts.set_role(name, role, office.by)
    click.echo(f"{name} is {role}.")


@users.command(short_help="Make a one-time link to sign in.")
@click.argument("name")
@_URL
@click.pass_obj
def link(config: Path | None, name: str, url: str | None) -> None:
    """Print a link with which NAME chooses a new password and is signed in. It holds for 24 hours, and once."""
    with _office(config) as office:
        _print_link(office, name, url)


@users.command(short_help="Disable an account.")
@click.argument("name")
@click.pass_obj
def disable(config: Path | None, name: str) -> None:
    """Keep NAME out from the next request on. The last administrator cannot be disabled."""
    with _office(config) as office:
        office.accounts.disable(name, office.by)
    click.echo(f"{name} is disabled.")


@users.command(short_help="Enable an account again, and forgive failures.")
@click.argument("name")
@click.pass_obj
def enable(config: Path | None, name: str) -> None:
    """Let NAME in again, and forgive the failed attempts that slow unknown browsers down."""
    with _office(config) as office:
        office.accounts.enable(name, office.by)
    click.echo(f"{name} is enabled.")


@users.command("sign-out", short_help="End all sessions of an account.")
@click.argument("name")
@click.pass_obj
def sign_out(config: Path | None, name: str) -> None:
    """End all sessions of NAME, and void the links that were made for NAME."""
    with _office(config) as office:
        office.accounts.end_sessions(name, office.by)
    click.echo(f"{name} is signed out everywhere.")


@users.command("reset-second-factor", short_help="Take a lost second factor away.")
@click.argument("name")
@click.pass_obj
def reset_second_factor(config: Path | None, name: str) -> None:
    """Take the second factor of NAME away, with its recovery codes, and sign NAME out everywhere.

    Where the setting second_factor asks for one, NAME sets it up anew at the next sign-in, with the password alone:
    make sure first that it is NAME who asks.
    """
    with _office(config) as office:
        office.accounts.reset_second_factor(name, office.by)
    click.echo(f"{name} has no second factor.")


def _print_link(office: _Office, name: str, url: str | None) -> None:
    token = office.accounts.make_link(name, office.by)
    settings = office.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = url or settings.public_url or f"http://{host}:{settings.port}"
    click.echo(f"{base.rstrip('/')}/editor/link/{token}")
