"""The command `recommender`. Commands are imported when they are called, so that `--help` is instant."""

import importlib
import sys
from pathlib import Path

import click

from recommender.errors import InvalidInput, NotFound, RecommenderError, Unavailable
from recommender.version import __version__

# Name: (where it is, what the overview says). A test holds the overview to the commands' own help.
COMMANDS = {
    "ingest": ("recommender.cli.articles:ingest", "Read articles from files into the database."),
    "build": ("recommender.cli.articles:build", "Embed what is new and compute neighbours."),
    "articles": ("recommender.cli.kept_articles:articles", "List, show and remove articles."),
    "related": ("recommender.cli.related:related", "Show the stories related to an article or a draft."),
    "exposure": ("recommender.cli.ranking:exposure", "Show how often each article is shown beside others."),
    "training-data": (
        "recommender.cli.training:training_data_",
        "Write pairs of texts that an embedding model can learn from.",
    ),
    "train": ("recommender.cli.training:train", "Train a model version by a recipe."),
    "teach": ("recommender.cli.teach:teach", "Let a language model grade boxes, to learn from or to check it."),
    "evaluate": ("recommender.cli.evaluate:evaluate", "Measure the service on judged queries."),
    "models": ("recommender.cli.models:models", "Compare, release and roll back model versions."),
    "panel": ("recommender.cli.grading:panel", "Draw panels of sidebars for grading, and see what they say."),
    "qrels": ("recommender.cli.grading:qrels", "Export grades as judgments in TREC's format."),
    "export": ("recommender.cli.export:export", "Write every sidebar as static files."),
    "serve": ("recommender.cli.serve:serve", "Start the web service."),
    "users": ("recommender.cli.users:users", "Keep the accounts of the editors' desk."),
    "audit": ("recommender.cli.audit:audit", "Verify the audit trail."),
    "keys": ("recommender.cli.keys:keys", "Keep the keys of programs that use the API."),
    "doctor": ("recommender.cli.doctor:doctor", "Say what is wrong here, and what to do."),
    "check": ("recommender.cli.backup:check", "Look for damage in the database, row by row."),
    "backup": ("recommender.cli.backup:backup", "Write database and models into one file."),
    "restore": ("recommender.cli.backup:restore", "Bring a backup back."),
    "status": ("recommender.cli.operations:status", "Show what the database holds."),
    "settings": ("recommender.cli.operations:settings", "Show every setting and where its value comes from."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="RECOMMENDER_CONFIG",
    help="A TOML file with settings (default: recommender.toml, where there is one).",
)
@click.version_option(__version__, prog_name="recommender")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Related stories for a news site.

    Exit codes: 0 done, 1 some records were refused, 2 wrong usage or input, 3 a part is unavailable.
    """
    context.obj = config


def main() -> None:
    """Entry point of the console script."""
    try:
        cli(prog_name="recommender")
    except RecommenderError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(exit_code(error))


def exit_code(error: RecommenderError) -> int:
    """The exit code that an error ends the command with."""
    if isinstance(error, Unavailable):
        return 3
    return 2 if isinstance(error, InvalidInput | NotFound) else 1
