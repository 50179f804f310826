"""What the API answers is what its OpenAPI file says, whatever it is asked; `make fuzz` sends 10,000 requests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.fuzzing import fuzzed
from tests.web.served import Served, eventually, serving
from tests.web.toy import KEY


@pytest.fixture(scope="module")
def served(real_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    database = Path(shutil.copy(real_archive, tmp_path_factory.mktemp("fuzz") / "copy.db"))
    with serving(database, api_keys=KEY) as running:
        assert eventually(lambda: running.status("/readyz") == 200)
        yield running


@pytest.mark.parametrize(("key", "phase", "cases"), [(KEY, "coverage", 500), (None, "fuzzing", 30)])
def test_answers_are_those_of_the_file(served: Served, key: str | None, phase: str, cases: int) -> None:
    result = fuzzed(served.url, key, examples=4, seed=1, phases=[phase])
    assert result.differences == []
    assert result.cases >= cases
