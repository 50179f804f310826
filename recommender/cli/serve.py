"""`serve`: the web service under granian."""

import os
import tempfile
from pathlib import Path

import click

from recommender.settings import FILE_VARIABLE, PREFIX, load_settings
from recommender.web.desk import Address, supervise
from recommender.wiring import make_recommender, opened_store

# Threads that answer requests in one worker: more than may wait for the desk, so that page views always find one, and
# no more than granian holds for sensible on two cores.
THREADS = 5
BACKLOG = 1024
STOP_SECONDS = 10


@click.command(short_help="Start the web service.")
@click.option("--host", help="The address to listen on (default: setting host).")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on (default: setting port).")
@click.option("--workers", type=click.IntRange(1, 64), help="How many processes answer (default: setting workers).")
@click.pass_obj
def serve(config: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Start the web service: the API, its documentation, and the demonstration pages."""
    given = {"host": host, "port": port, "workers": workers}
    # The workers are processes of their own and read the settings anew.
    os.environ |= {PREFIX + name.upper(): str(value) for name, value in given.items() if value is not None}
    if config is not None:
        os.environ[FILE_VARIABLE] = str(config.resolve())
    settings = load_settings(config)
    with opened_store(settings) as store:
        make_recommender(store, settings)  # here a ranking or a gazetteer that cannot be used still stops the start
        if store.state().generation is None:
            click.echo(
                "No neighbours have been computed yet: sidebars hold fallbacks until `recommender build`.", err=True
            )

    # The server is imported last: nothing else in this package needs it.
    from granian import Granian  # noqa: PLC0415
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="recommender-") as folder:
        address = Address.new(Path(folder))
        address.to_environment()
        supervise(settings, address)
        # Set before the workers start: prometheus-client looks at it when it is imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        click.echo(f"Serving on http://{shown}:{settings.port} with {settings.workers} workers; Ctrl-C stops.")
        Granian(
            "recommender.web:create_app",
            factory=True,
            interface=Interfaces.WSGI,
            address=settings.host,
            port=settings.port,
            workers=settings.workers,
            blocking_threads=THREADS,
            backlog=BACKLOG,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
            log_level=LogLevels.warning,
        ).serve()
