"""Schemathesis asks every documented operation, in right and wrong ways, and holds the answers to the OpenAPI file."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import BaseSchema, Case, GenerationMode, SerializationContext
from schemathesis.checks import positive_data_acceptance

from recommender.web.app import make_app
from tests.web.conftest import close
from tests.web.toy import KEY, settings_for

EXAMPLES = 20


@pytest.fixture(scope="module")
def api(real_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """The API over a database of the real model, so that the desk works."""
    database = tmp_path_factory.mktemp("contract") / "copy.db"
    shutil.copy(real_archive, database)
    app = make_app(settings_for(database, api_keys=(KEY,)))
    yield schemathesis.openapi.from_wsgi("/openapi.json", app)
    close(app)


@schemathesis.serializer("application/x-ndjson")
def lines(context: SerializationContext, value: object) -> bytes:
    """The body of POST /articles is a text to the specification; what is not a text goes as one line of JSON."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


OPERATIONS = [
    ("GET", "/api/v1/recommend"),
    ("POST", "/api/v1/recommend"),
    ("POST", "/api/v1/events"),
    ("PUT", "/api/v1/articles/{article_id}"),
    ("PATCH", "/api/v1/articles/{article_id}"),
    ("DELETE", "/api/v1/articles/{article_id}"),
    ("GET", "/api/v1/articles"),
    ("POST", "/api/v1/reads"),
    ("POST", "/api/v1/articles"),
]
# Without input, or with none that could be wrong: every text may be an id.
NEVER_WRONG = [
    ("GET", "/api/v1/stories/{article_id}"),
    ("GET", "/api/v1/articles/{article_id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
# Some rules cannot be written in a schema: one source of two, a text in summary or body, codes of languages.
BEYOND_SCHEMAS = [positive_data_acceptance]


def test_every_operation_is_asked(api: BaseSchema) -> None:
    operations = {(method.upper(), path) for path, methods in api.raw_schema["paths"].items() for method in methods}
    assert operations == set(OPERATIONS + NEVER_WRONG)


# A test of its own for each operation: schemathesis' own pytest plug-in does not work with pytest 9.2.
@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [(*operation, mode) for operation in OPERATIONS for mode in MODES]
    + [(*operation, GenerationMode.POSITIVE) for operation in NEVER_WRONG],
)
def test_answers_keep_the_contract(api: BaseSchema, method: str, path: str, mode: GenerationMode) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=api[path][method].as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, excluded_checks=BEYOND_SCHEMAS)

    ask()
