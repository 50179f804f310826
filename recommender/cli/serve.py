"""`serve`: the web service under granian."""

import errno
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from recommender.errors import Unavailable
from recommender.logs import set_up_logs
from recommender.settings import FILE_VARIABLE, PREFIX, Settings, load_settings
from recommender.wiring import make_recommender, opened_store
from recommender.worker.address import Address, private_folder
from recommender.worker.process import supervise

BACKLOG = 1024
STOP_SECONDS = 75  # for requests under way; the longest waits 60 for the model. systemd kills after 90

_log = logging.getLogger(__name__)


@click.command(short_help="Start the web service.")
@click.option("--host", help="The address to listen on (default: setting host).")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on (default: setting port).")
@click.option("--workers", type=click.IntRange(1, 64), help="How many processes answer (default: setting workers).")
@click.pass_obj
def serve(config: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Start the web service: the API, its documentation, and the editors' desk.

    The setting `demonstration` adds a small journal that shows the archive.
    """
    options = {"host": host, "port": port, "workers": workers}
    # The workers are processes of their own and read the settings anew.
    os.environ |= {PREFIX + name.upper(): str(value) for name, value in options.items() if value is not None}
    if config is not None:
        os.environ[FILE_VARIABLE] = str(config.resolve())
    settings = load_settings(config)
    set_up_logs(settings.log_format)
    with claimed(settings.host, settings.port) as address:
        _check(settings)
        _run(settings, address)


@contextmanager
def claimed(host: str, port: int) -> Iterator[str]:
    """Keeps a port from every other program; gives the address as digits, which is all that the server takes.

    Raises Unavailable where this process cannot listen. The server would not notice that another one does: its workers
    share a port by SO_REUSEPORT, and a second service would share it with them.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if any(where[3:]):  # the number of an interface, which IPv6 has for addresses of one link
            raise OSError(errno.EINVAL, "The server takes no address that belongs to an interface")
        claim = socket.socket(family)
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(host, port, error) from error
    with claim:
        try:
            if os.name == "posix":  # on Windows it would take a port from others
                claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended stay a minute
            claim.bind(where)
            claim.listen()  # of several that begin at once, one gets as far as this
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        if sys.platform == "linux":
            # Bound, and no longer listening: the port stays taken, and no connection comes here. From now on
            # programs with SO_REUSEPORT may have it, the web processes; another `serve` asks only after binding it.
            claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            claim.shutdown(socket.SHUT_RDWR)
            claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        else:
            claim.close()  # elsewhere a port cannot be kept and shared: it was free a moment ago
        yield str(where[0])


def _cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> Unavailable:
    reason = error.strerror if isinstance(error, OSError) else "No host can have this name"
    return Unavailable(f"Cannot listen on {_url(host, port)}: {reason}. --host and --port choose another place.")


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check(settings: Settings) -> None:
    with opened_store(settings) as store:
        make_recommender(store, settings)  # here a ranking or a gazetteer that cannot be used still stops the start
        if store.state().generation is None:
            _say(
                settings,
                "No neighbours have been computed yet: sidebars hold fallbacks until `recommender build`.",
                err=True,
            )


def _say(settings: Settings, text: str, *, err: bool = False) -> None:
    """Tells the person who has started the service, or the log where that is read by programs."""
    if settings.log_format == "json":
        _log.info(text)
    else:
        click.echo(text, err=err)


def _run(settings: Settings, host: str) -> None:
    with private_folder("serve") as folder:
        address = Address.new(folder)
        address.to_environment()
        # Set before the workers start: prometheus-client looks at it when it is imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        # Imported last: nothing else in this package needs the server, and it counts what ends.
        from granian.constants import Interfaces  # noqa: PLC0415
        from granian.log import LogLevels  # noqa: PLC0415

        from recommender.cli.server import Server, worker_ended  # noqa: PLC0415

        supervise(settings, address, worker_ended)
        server = Server(
            "recommender.cli.server:create_front_door",
            factory=True,
            interface=Interfaces.RSGI,
            websockets=False,
            address=host,
            port=settings.port,
            workers=settings.workers,
            backlog=BACKLOG,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
            log_level=LogLevels.warning,
            # Its lines go where all others go.
            log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
        )
        url = _url(settings.host, settings.port)
        # Called when the server has the port.
        server.on_startup(lambda: _say(settings, f"Serving on {url} with {settings.workers} workers; Ctrl-C stops."))
        server.serve()
