"""From a recipe to a model version in the registry."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.errors import InvalidInput, NotBuilt
from recommender.evaluation.trec import read_qrels
from recommender.grading.grading import Grading
from recommender.metrics import Grades
from recommender.release.cards import ModelCard, checked_name
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.temporary import TemporaryFolder
from recommender.training import dataset, pairs, training
from recommender.training.pairs import TextPair
from recommender.training.recipes import RankingRecipe, parse_recipe
from recommender.training.training import EMBEDDING, RunInfo, TrainingSet
from recommender.version import __version__
from recommender.wiring import make_base, make_recommender, make_registry, make_training, utc_now
from recommender.workflows.operator import operator


def train_version(
    settings: Settings,
    store: Store,
    recipe_file: Path,
    name: str,
    *,
    data: Path | None = None,
    qrels: Path | None = None,
) -> ModelCard:
    """Trains a version on the articles of a store and adds it to the settings' registry.

    `data` is a file of pairs, made from the store if left out; `qrels` one of judgments, the grades of panels if left
    out. Raises InvalidInput, among others where there is a version of this name already.
    """
    checked_name(name)
    recipe = parse_recipe(_text(recipe_file), str(recipe_file))
    registry = make_registry(settings)
    if name in registry.names():
        raise InvalidInput(f"There is a model version {name} already. Versions are not written over; choose another.")
    judged = read_qrels(qrels) if qrels else {}
    judgments = judged or Grading(store, make_recommender(store, settings), utc_now).judgments().qrels
    if isinstance(recipe, RankingRecipe) and not judgments:
        raise InvalidInput(
            "Weights are learned from judged queries, and nothing is graded here yet: "
            "grade a panel, or name judgments with `--qrels FILE`."
        )
    base = make_base(settings, recipe.base)
    with TemporaryFolder("train") as folder:
        if isinstance(recipe, RankingRecipe):
            learned_from: list[TextPair] = []
            about = _archive(store)
        else:
            learned_from, about = _data(store, data, judged)
        if judgments:
            about["judgments"] = {
                "sha256": hashlib.sha256(qrels.read_bytes() if qrels else _as_file(judgments)).hexdigest(),
                "queries": len(judgments),
                "pairs": sum(map(len, judgments.values())),
            }
        run_info = RunInfo(name, utc_now(), operator(), f"recommender {__version__}", about)
        into = folder / EMBEDDING
        card = training.train(
            store,
            recipe,
            base,
            TrainingSet(learned_from, judgments, base.ranking),
            services=make_training(settings, name),
            into=into,
            run_info=run_info,
        )
        files = {path.relative_to(folder).as_posix(): path for path in sorted(into.rglob("*")) if path.is_file()}
        return registry.create(card, files)


def _as_file(judgments: Mapping[str, Grades]) -> bytes:
    """The grades of panels as `recommender qrels export` writes them."""
    lines = (f"{query} 0 {story} {grade}\n" for query, grades in judgments.items() for story, grade in grades.items())
    return "".join(lines).encode()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The recipe {file} cannot be read: {error}") from error


def _data(store: Store, file: Path | None, judgments: Mapping[str, Grades]) -> tuple[list[TextPair], dict[str, Any]]:
    """Pairs and what the card says of them."""
    if file is None:
        collection = dataset.collect(store, dataset.Request(judgments=judgments))
        window, text_pairs = collection.window, collection.pairs
    else:
        with file.open(encoding="utf-8", errors="replace") as stream:
            window, text_pairs = pairs.parse(stream, str(file))
    digest = hashlib.sha256("\n".join(pairs.lines(window, text_pairs)).encode()).hexdigest()
    return text_pairs, training.data_card(asdict(window), text_pairs, digest)


def _archive(store: Store) -> dict[str, Any]:
    """The archive that judged queries are of, as the card says it."""
    generation = store.state().generation
    if generation is None:
        raise NotBuilt
    numbers = store.generations.numbers(generation)
    days = sorted(store.articles.posted(numbers).values())
    window = (
        [datetime.fromtimestamp(days[place], UTC).date().isoformat() for place in (0, -1)] if days else [None, None]
    )
    return {"window": window, "articles": len(numbers)}
