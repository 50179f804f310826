"""An endpoint that answers by a script."""

from collections.abc import Iterator

import pytest

from tests.reranking.scripted import ScriptedEndpoint, scripted_endpoint


@pytest.fixture
def endpoint() -> Iterator[ScriptedEndpoint]:
    with scripted_endpoint() as running:
        yield running
