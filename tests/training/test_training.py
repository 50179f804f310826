"""From a recipe to a version: what the trainer is given, what is measured on, and what the card says."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InvalidInput, NotBuilt
from recommender.evaluation.baselines import service_system
from recommender.evaluation.evaluation import MEASURES
from recommender.metrics import Grades
from recommender.ranking.scoring import DEFAULT, RankingModel
from recommender.release.cards import Embedding
from recommender.release.registry import FolderRegistry
from recommender.store.base import Store
from recommender.training import training
from recommender.training.examples import EpochEvaluation, Example, Learned
from recommender.training.ordinal_regression import fit
from recommender.training.pairs import APPROVAL, GRADE, REJECTION, TEST, TITLE_BODY, TRAIN, TextPair
from recommender.training.recipes import (
    ADAPTER,
    CONTRASTIVE,
    WITHIN,
    FinetuneRecipe,
    RankingRecipe,
    StaticRecipe,
)
from recommender.training.training import (
    ALONE,
    BEFORE,
    BY_STORY,
    HELD_OUT,
    NO_ORDER,
    Base,
    RunInfo,
    TrainingServices,
    TrainingSet,
    train,
)
from recommender.wiring import open_store
from tests.embedder import ToyEmbedder
from tests.factories import NOW, built, make_article, make_builder, make_recommender, stored

STORIES = {"gold": "gold mine pits diggers shafts", "fuel": "fuel convoys tankers escorts roads"}
STORIES |= {"rain": "rain floods rivers bridges fields", "vote": "ballots parties seats campaign rally"}
CONTRAST = FinetuneRecipe("sahel/1", CONTRASTIVE, ADAPTER)


class FakeTrainer:
    """`Trainer` that remembers what it was given and writes one file."""

    def libraries(self) -> dict[str, str]:
        return {"abacus": "1.0"}

    def finetune(
        self,
        base: Path,
        recipe: FinetuneRecipe,
        examples: Sequence[Example],
        articles: Sequence[Sequence[str]],
        *,
        evaluation: EpochEvaluation | None,
        into: Path,
    ) -> Learned:
        self.examples, self.articles, self.evaluation = examples, articles, evaluation
        self._write(into)
        return Learned((0.25, 0.5), 1, 7)

    def distil(self, base: Path, recipe: StaticRecipe, texts: Sequence[str], into: Path) -> None:
        self.texts = texts
        self._write(into)

    def _write(self, into: Path) -> None:
        into.mkdir(parents=True)
        (into / "config.json").write_text("{}")


class Backwards(ToyEmbedder):
    """A model for which all texts are alike: whatever it ranks, it ranks by chance."""

    def embed(self, texts: Sequence[str]) -> training.Vectors:
        vectors = np.random.default_rng(0).normal(size=(len(texts), 64)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def archive(store: Store) -> Store:
    """Four stories of five reports each."""
    built(
        store,
        [
            make_article(f"{name}{number}", title=f"{name} {number}", body=f"{words} own{name}{number} part{number}")
            for name, words in STORIES.items()
            for number in range(5)
        ],
    )
    return store


JUDGMENTS: dict[str, Grades] = {
    f"{name}{number}": {f"{name}{other}": 3 for other in range(5) if other != number}
    for name in STORIES
    for number in range(2)
}
# The stories of gold and fuel are for training.
PAIRS = [
    TextPair(
        TITLE_BODY,
        TRAIN if name in {"gold", "fuel"} else TEST,
        f"{name}{n}",
        f"{name}{n}",
        1.0,
        f"title {name}{n}",
        "body",
    )
    for name in STORIES
    for n in range(5)
]
MATERIAL = TrainingSet(PAIRS, JUDGMENTS, DEFAULT)


def make_outside(trainer: FakeTrainer, embedder: ToyEmbedder | None = None) -> TrainingServices:
    def system(store: Store, model: RankingModel) -> training.System:
        return service_system(make_recommender(store))

    @contextmanager
    def beside(store: Store, model: str) -> Iterator[Store]:
        apart = open_store(f"sqlite:///{Path(model).parent / 'beside.db'}")
        apart.articles.upsert(list(store.articles.get(range(1, 100)).values()))
        make_builder(apart, embedder or ToyEmbedder("toy@2")).build()
        yield apart
        apart.close()

    def described(folder: Path) -> Embedding:
        return Embedding(None, "embedding", "new@1", 64, 2)

    return TrainingServices(trainer, fit, described, system, beside)


def made(
    store: Store, recipe: training.Recipe, into: Path, services: TrainingServices, training_set: TrainingSet = MATERIAL
):  # type: ignore[no-untyped-def]
    base = Base("sahel/1", Embedding("toy", None, "toy@1", 64, 1), Path("base"), DEFAULT)
    run_info = RunInfo("ours/1", NOW, "somebody", "recommender 9", {"articles": 20})
    return train(store, recipe, base, training_set, services=services, into=into, run_info=run_info)


# -- what the trainer is given -----------------------------------------------------------------------------------------


def test_examples_are_of_the_training_side(archive: Store, tmp_path: Path) -> None:
    trainer = FakeTrainer()
    made(archive, CONTRAST, tmp_path / "embedding", make_outside(trainer))
    assert {example.anchor for example in trainer.examples} == {
        f"title {name}{n}" for name in ("gold", "fuel") for n in range(5)
    }


def test_labels_make_examples_and_negatives(archive: Store, tmp_path: Path) -> None:
    def pair(kind: str, label: float, text: str, side: str = TRAIN) -> TextPair:
        return TextPair(kind, side, "gold0", "gold1", label, "anchor", text)

    pairs = [
        *PAIRS,
        pair(APPROVAL, 1.0, "approved"),
        pair(GRADE, 0.5, "graded 2"),
        pair(GRADE, 0.25, "graded 1"),
        pair(GRADE, 0.0, "graded 0"),
        pair(REJECTION, 0.0, "rejected"),
        pair(GRADE, 1.0, "of the test", TEST),
    ]
    trainer = FakeTrainer()
    recipe = replace(CONTRAST, pairs=(APPROVAL, GRADE))
    made(archive, recipe, tmp_path / "embedding", make_outside(trainer), replace(MATERIAL, pairs=pairs))
    negatives = ("graded 0", "rejected")
    assert trainer.examples == [Example("anchor", "approved", negatives), Example("anchor", "graded 2", negatives)]


def test_recipe_without_pairs_is_reported(archive: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no pair of click"):
        made(archive, replace(CONTRAST, pairs=("click",)), tmp_path / "embedding", make_outside(FakeTrainer()))


def test_whitening_sees_passages_of_the_training_side(archive: Store, tmp_path: Path) -> None:
    stored(archive, [make_article("gold0", title="gold 0", body="gold mine pits\n\ndiggers shafts " * 200)])
    trainer = FakeTrainer()
    made(archive, replace(CONTRAST, loss=WITHIN), tmp_path / "embedding", make_outside(trainer))
    assert {passages[0].split()[0] for passages in trainer.articles} == {"gold", "fuel"}
    assert len(trainer.articles) == 10


def test_whitening_needs_an_article_of_two_passages(archive: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="second passage"):
        made(archive, FinetuneRecipe("sahel/1", WITHIN, ADAPTER), tmp_path / "embedding", make_outside(FakeTrainer()))


def test_exam_asks_the_training_side_only(archive: Store, tmp_path: Path) -> None:
    trainer = FakeTrainer()
    made(archive, CONTRAST, tmp_path / "embedding", make_outside(trainer))
    assert trainer.evaluation is not None
    assert {text.split()[0] for text in trainer.evaluation.texts} == {"gold", "fuel"}
    right = np.array([[1, 0] if "gold" in text else [0, 1] for text in trainer.evaluation.texts], dtype=np.float32)
    assert (
        trainer.evaluation.score(right + np.random.default_rng(1).normal(size=right.shape).astype(np.float32) / 100)
        == 1.0
    )


def test_static_model_reads_titles_paragraphs_and_passages(archive: Store, tmp_path: Path) -> None:
    trainer = FakeTrainer()
    made(archive, StaticRecipe("sahel/1"), tmp_path / "embedding", make_outside(trainer))
    assert "gold 0" in trainer.texts
    assert f"{STORIES['gold']} owngold0 part0" in trainer.texts
    assert len(trainer.texts) == len(set(trainer.texts)) == 60


def test_large_archives_are_sampled(archive: Store, tmp_path: Path) -> None:
    first, second = FakeTrainer(), FakeTrainer()
    for number, trainer in enumerate((first, second)):
        recipe = StaticRecipe("sahel/1", texts=10)
        made(archive, recipe, tmp_path / str(number) / "embedding", make_outside(trainer))
    assert len(first.texts) == 10
    assert first.texts == second.texts


# -- what the card says ------------------------------------------------------------------------------------------------


def test_card_names_where_it_comes_from(archive: Store, tmp_path: Path) -> None:
    card = made(archive, CONTRAST, tmp_path / "embedding", make_outside(FakeTrainer()))
    assert (card.name, card.made_on, card.made_with, card.state) == ("ours/1", NOW.date(), "recommender 9", "candidate")
    assert card.embedding == Embedding(None, "embedding", "new@1", 64, 2)
    assert card.ranking == DEFAULT
    assert card.training["recipe"]["loss"] == CONTRASTIVE
    assert (card.training["base"], card.training["seed"], card.training["libraries"]) == (
        "sahel/1",
        0,
        {"abacus": "1.0"},
    )
    assert card.training["exam"] == {"scores": [0.25, 0.5], "epoch": 1, "steps": 7}


def test_card_names_the_judged_queries_that_took_part(archive: Store, tmp_path: Path) -> None:
    """All of them for weights of the ranking; those of the training side as an exam that picks an epoch. A layer
    learned from titles and bodies knows none.
    """
    side = MATERIAL.judged(TRAIN).keys()
    assert 0 < len(side) < len(JUDGMENTS)
    for place, (recipe, learned) in enumerate(
        (
            (RankingRecipe("sahel/1", repeats=1), JUDGMENTS.keys()),
            (FinetuneRecipe("sahel/1", CONTRASTIVE, "all"), side),
            (CONTRAST, set()),
            (StaticRecipe("sahel/1"), set()),
        )
    ):
        card = made(archive, recipe, tmp_path / str(place) / "embedding", make_outside(FakeTrainer()))
        assert card.learned_queries == learned, recipe


def test_both_articles_of_a_graded_pair_have_been_learned_from(archive: Store, tmp_path: Path) -> None:
    pairs = [
        *PAIRS,
        TextPair(GRADE, TRAIN, "gold0", "fuel3", 0.5, "gold", "fuel"),
        TextPair(GRADE, TEST, "rain0", "vote3", 0.5, "", ""),
    ]
    recipe = replace(CONTRAST, pairs=(GRADE,))
    card = made(archive, recipe, tmp_path / "embedding", make_outside(FakeTrainer()), replace(MATERIAL, pairs=pairs))
    assert card.learned_queries == {"gold0", "fuel3"}


def test_withdrawn_queries_are_left_out(archive: Store, tmp_path: Path) -> None:
    """A file of judgments outlives its articles; hours of training must not end at one of them."""
    archive.articles.withdraw("rain0")
    make_builder(archive, ToyEmbedder()).update()
    card = made(archive, CONTRAST, tmp_path / "embedding", make_outside(FakeTrainer()))
    assert card.metrics[HELD_OUT][ALONE]["mean"] > 0


def test_weights_are_learned_with_the_embedding_of_the_base(archive: Store, tmp_path: Path) -> None:
    """Of another version than the live one: its similarities differ, so the articles are built with it apart."""
    services = make_outside(FakeTrainer(), Backwards("blind@1"))
    recipe = RankingRecipe("other/1", repeats=1)
    base = Base("other/1", Embedding("toy", None, "blind@1", 64, 1), tmp_path / "base", DEFAULT)
    run_info = RunInfo("ours/1", NOW, "somebody", "recommender 9", {"articles": 20})
    card = train(archive, recipe, base, MATERIAL, services=services, into=tmp_path / "embedding", run_info=run_info)
    ours = made(archive, replace(recipe, base="sahel/1"), tmp_path / "embedding", services)
    assert card.embedding.version == "blind@1"
    assert card.ranking.weights["dense"] < ours.ranking.weights["dense"]


def test_embedding_that_is_no_folder_cannot_be_trained(archive: Store, tmp_path: Path) -> None:
    """A joined model's weights can be learned; its models cannot."""
    base = Base("two/1", Embedding("one+two", None, "one@1+two@1", 64, 1), None, DEFAULT)
    assert base.model == "one+two"
    with pytest.raises(InvalidInput, match="one@1\\+two@1, cannot be trained"):
        _ = base.trainable


def test_card_tells_figures_by_group_where_there_are_several(archive: Store, tmp_path: Path) -> None:
    """All are in English, which says nothing that the whole set does not."""
    french = [
        replace(article, language="fr", countries=("Mali",)) for article in archive.articles.get(range(1, 6)).values()
    ]
    undated = [replace(article, posted_on=None) for article in archive.articles.get(range(6, 11)).values()]
    archive.articles.upsert([*french, *undated])
    judgments = {f"{name}{n}": {f"{name}{(n + 1) % 5}": 3} for name in STORIES for n in range(3)}
    make_builder(archive, ToyEmbedder()).build()
    card = made(
        archive,
        RankingRecipe("sahel/1", repeats=1),
        tmp_path / "embedding",
        make_outside(FakeTrainer()),
        replace(MATERIAL, judgments=judgments),
    )
    assert {name: list(figures) for name, figures in card.metrics.items()} == {
        BY_STORY: list(MEASURES),
        f"{BY_STORY}, nDCG@3 by language": ["en (9)", "fr (3)"],
        f"{BY_STORY}, nDCG@3 by age": ["up to 1 year old (9)", "undated (3)"],
    }


def test_queries_kept_aside_measure_both_models(archive: Store, tmp_path: Path) -> None:
    """The toy model finds each story; one that ranks by chance is called worse, in words."""
    good = made(archive, CONTRAST, tmp_path / "a" / "embedding", make_outside(FakeTrainer()))
    assert good.metrics[HELD_OUT][ALONE] == good.metrics[BEFORE][ALONE] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert good.failures == ()
    bad = made(archive, CONTRAST, tmp_path / "b" / "embedding", make_outside(FakeTrainer(), Backwards("bad@1")))
    assert bad.metrics[HELD_OUT][ALONE]["mean"] < 0.5
    assert bad.failures[-1].startswith(f"{HELD_OUT}: {ALONE} is 0.")


def test_static_model_says_what_it_loses(archive: Store, tmp_path: Path) -> None:
    card = made(archive, StaticRecipe("sahel/1"), tmp_path / "embedding", make_outside(FakeTrainer()))
    assert NO_ORDER in card.failures


def test_without_judgments_nothing_is_measured(archive: Store, tmp_path: Path) -> None:
    trainer = FakeTrainer()
    card = made(archive, CONTRAST, tmp_path / "embedding", make_outside(trainer), replace(MATERIAL, judgments={}))
    assert card.metrics == {}
    assert trainer.evaluation is None


def test_ranking_keeps_the_embedding_of_its_base(archive: Store, tmp_path: Path) -> None:
    card = made(archive, RankingRecipe("sahel/1", repeats=1), tmp_path / "embedding", make_outside(FakeTrainer()))
    assert card.embedding.version == "toy@1"
    assert card.ranking.version == "ours-1"
    assert card.ranking.weights != DEFAULT.weights
    assert card.training["judged"] == {"queries": 8, "stories": 4}
    assert not (tmp_path / "embedding").exists()


def test_unbuilt_archive_is_reported(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotBuilt):
        made(store, StaticRecipe("sahel/1"), tmp_path / "embedding", make_outside(FakeTrainer()))


# -- kill -9 -----------------------------------------------------------------------------------------------------------

# A training run that comes to a halt when half of its files are written.
HALTING = """
import sys, time
from pathlib import Path
from recommender.release.registry import FolderRegistry
from recommender.wiring import open_store
from tests.training.test_training import CONTRAST, FakeTrainer, made, make_outside

class Halting(FakeTrainer):
    def _write(self, into):
        super()._write(into)
        print("halted", flush=True)
        time.sleep(600)

url, folder = sys.argv[1], Path(sys.argv[2])
card = made(open_store(url), CONTRAST, folder / "work" / "embedding", make_outside(Halting()))
FolderRegistry(folder / "models").create(card, {})
"""


def test_killed_training_leaves_no_version(archive: Store, database_url: str, tmp_path: Path) -> None:
    before = archive.state()
    with subprocess.Popen(
        [sys.executable, "-c", HALTING, database_url, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halted\n"
        process.send_signal(signal.SIGKILL)
    registry = FolderRegistry(tmp_path / "models")
    assert registry.names() == []
    assert archive.state() == before
    card = made(archive, CONTRAST, tmp_path / "again" / "embedding", make_outside(FakeTrainer()))
    registry.create(card, {"embedding/config.json": tmp_path / "again" / "embedding" / "config.json"})
    assert registry.names() == ["ours/1"]
    assert registry.verify("ours/1") == []
    assert json.loads((registry.folder("ours/1") / "card.json").read_text())["training"]["base"] == "sahel/1"
