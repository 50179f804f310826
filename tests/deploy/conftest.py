"""A small archive, served, with the proxy of deploy/ in front."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.deploy.proxied import Proxy, proxying
from tests.embedder import ToyEmbedder
from tests.web.served import Served, serving
from tests.web.toy import KEY, build_archive

SETTINGS = {
    "demonstration": True,
    "cache_seconds": 1,
    "log_format": "json",
    "api_keys": KEY,
    "public_url": "https://localhost",
}


@pytest.fixture(scope="session")
def archive_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of tests/web/toy.py, built with the toy embedder. Tests copy it."""
    path = tmp_path_factory.mktemp("deploy") / "archive.db"
    build_archive(path, embedder=ToyEmbedder())
    return path


@pytest.fixture(scope="session")
def _nginx(unavailable: Callable[[str, str], NoReturn]) -> None:
    for program in ("nginx", "openssl"):
        if shutil.which(program) is None:
            unavailable(program, f"{program} is not on PATH; Debian's package nginx-light or openssl has it")


@pytest.fixture(scope="module")
def service(archive_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The archive, served with two workers as deploy/recommender.toml says."""
    folder = tmp_path_factory.mktemp("served")
    for file in archive_file.parent.iterdir():
        shutil.copy(file, folder / file.name)
    with serving(folder / archive_file.name, workers=2, **SETTINGS) as served:
        yield served


@pytest.fixture(scope="module")
def proxy(_nginx: None, service: Served) -> Iterator[Proxy]:
    """nginx in front of it; this machine may write."""
    with proxying(int(service.url.rpartition(":")[2])) as running:
        yield running
