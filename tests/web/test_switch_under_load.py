"""Two workers under load while another generation becomes live, and the old one again: no error, no mixed answer."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from recommender.build.model_version import ModelVersion
from recommender.errors import ArticleNotFound
from recommender.progress import quiet
from recommender.ranking.scoring import DEFAULT
from recommender.serving.answers import Query
from recommender.serving.document import make_document
from recommender.serving.prepared import prepare
from recommender.store.base import Store
from recommender.store.generation_view import generation_view
from recommender.wiring import make_gazetteer, make_recommender, open_store
from tests.embedder import BlindEmbedder
from tests.factories import make_builder
from tests.web.served import serving
from tests.web.toy import ARCHIVE, settings_for

IN_FLIGHT = 50
SWITCHES = 6
BETWEEN = 0.4  # seconds, in which some hundred answers are given
# A plain question is answered from a table, another one is worked out.
QUERIES = {"": Query(), "&n=2": Query(n=2)}
# By an embedding that sees nothing: it shows other stories, with other scores.
OTHER = ModelVersion(
    "other/1", replace(DEFAULT, version="o", weights={part: 4.0 * (part == "dense") for part in DEFAULT.weights})
)

# What an answer shows, by generation and question.
Shown = list[tuple[str, float]]
Right = dict[tuple[int, str], tuple[str, Shown]]


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    """The archive with two generations, both prepared; the one of another release is live."""
    opened, settings = open_store(f"sqlite:///{database}"), settings_for(database)
    prepare(opened, make_recommender(opened, settings), quiet)
    number = make_builder(
        opened,
        BlindEmbedder(),
        model_version=OTHER,
        gazetteer=make_gazetteer(settings),
        prepare=lambda number, progress: prepare(
            opened, make_recommender(generation_view(opened, number), settings), progress
        ),
    ).build_beside()
    opened.generations.activate(number, keep=True)
    yield opened
    opened.close()


def shown(document: dict[str, object]) -> tuple[str, Shown]:
    """The model that an answer names, and its teasers."""
    items = document["items"]
    assert isinstance(items, list)
    return str(document["model"]), [(item["id"], item["score"]) for item in items]


def right_answers(store: Store, database: Path) -> Right:
    """What each generation answers to every question."""
    right: Right = {}
    numbers = store.state().generation, store.generations.previous()
    for number in filter(None, numbers):
        recommender = make_recommender(generation_view(store, number), settings_for(database))
        for article in ARCHIVE:
            for wish, query in QUERIES.items():
                try:
                    answer = recommender.for_reader(article.id, query)
                except ArticleNotFound:
                    continue
                document = make_document(answer, recommender.gazetteer, article.language, wording=recommender.wording)
                right[number, f"{article.id}{wish}"] = shown(document)
    return right


def test_switch_under_load_gives_no_error_and_no_mixed_answer(store: Store, database: Path) -> None:
    right = right_answers(store, database)
    numbers = sorted({number for number, _ in right})
    questions = sorted({question for _, question in right})
    assert len(numbers) == 2
    assert (
        sum(right[numbers[0], question][1] != right[numbers[1], question][1] for question in questions)
        > len(questions) // 2
    )
    ending = threading.Event()

    def read(place: int, host: str) -> list[tuple[str, int, bytes]]:
        """Asks one question after another; what came back."""
        answers = []
        connection = http.client.HTTPConnection(host, timeout=60)
        while not ending.is_set():
            question = questions[(place + len(answers)) % len(questions)]
            connection.request("GET", f"/api/v1/recommend?article_id={question}")
            response = connection.getresponse()
            answers.append((question, response.status, response.read()))
        connection.close()
        return answers

    with serving(database, workers=2) as served, ThreadPoolExecutor(IN_FLIGHT) as pool:
        host = urlsplit(served.url).netloc
        readers = [pool.submit(read, place, host) for place in range(IN_FLIGHT)]
        try:
            for switch in range(SWITCHES):
                time.sleep(BETWEEN)
                if switch % 3 == 2:
                    previous = store.generations.previous()
                    assert previous is not None
                    store.generations.activate(previous, keep=True)  # as a promotion does it
                else:
                    store.generations.swap_back()
            time.sleep(BETWEEN)
        finally:
            ending.set()
        answers = [answer for reader in readers for answer in reader.result()]

    assert {status for _, status, _ in answers} == {200}
    seen = set()
    for question, body in {(question, body) for question, _, body in answers}:
        document = json.loads(body)
        seen.add(document["generation"])
        assert shown(document) == right[document["generation"], question]
    assert seen == set(numbers)
