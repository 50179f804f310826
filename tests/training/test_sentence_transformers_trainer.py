"""Training with sentence-transformers, on a model of two small layers: what changes, what is kept, what repeats."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.arrays import Vectors
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.errors import InvalidInput, ModelUnavailable
from recommender.training.examples import EpochEvaluation, Example
from recommender.training.recipes import (
    ADAPTER,
    ALL,
    CACHED,
    CONTRASTIVE,
    LAST,
    WITHIN,
    FinetuneRecipe,
    StaticRecipe,
)
from recommender.training.sentence_transformers_trainer import SentenceTransformersTrainer
from tests.tiny import make_model

WORDS = ("siege", "convoy", "fuel", "army", "gold", "mine", "price", "market", "school", "pupil", "exam", "class")
# Each third belongs together.
STORIES = [WORDS[start : start + 4] for start in range(0, 12, 4)]
EXAMPLES = [Example(anchor, text) for story in STORIES for anchor in story for text in story if anchor != text]
ADAPTED = FinetuneRecipe("tiny", CONTRASTIVE, ADAPTER, epochs=60, learning_rate=0.02, batch=12, rank=8)
TRAINED = FinetuneRecipe("tiny", CONTRASTIVE, ALL, epochs=8, learning_rate=0.02, batch=12)
ALLOWED = {".json", ".safetensors", ".txt", ".md", ".model"}

trainer = SentenceTransformersTrainer()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny") / "base", WORDS)


def togetherness(vectors: Vectors) -> float:
    """How much nearer words of one story are than others."""
    cosines = vectors @ vectors.T
    same = np.kron(np.eye(3), np.ones((4, 4))) > 0
    return float(cosines[same].mean() - cosines[~same].mean())


def of(folder: Path, texts: tuple[str, ...] = WORDS) -> Vectors:
    return SentenceTransformerEmbedder(str(folder)).embed(texts)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    "recipe",
    [ADAPTED, TRAINED, replace(TRAINED, part=LAST), replace(TRAINED, loss=CACHED, negatives=1)],
    ids=["adapter", "all", "last", "cached"],
)
def test_what_belongs_together_comes_nearer(base: Path, tmp_path: Path, recipe: FinetuneRecipe) -> None:
    trainer.finetune(base, recipe, EXAMPLES, [], evaluation=None, into=tmp_path / "made")
    assert togetherness(of(tmp_path / "made")) > togetherness(of(base)) + 0.05
    assert {Path(name).suffix for name in digests(tmp_path / "made")} <= ALLOWED


@pytest.mark.parametrize("recipe", [ADAPTED, replace(TRAINED, epochs=1)], ids=["adapter", "all"])
def test_same_recipe_gives_same_files(base: Path, tmp_path: Path, recipe: FinetuneRecipe) -> None:
    for name in ("one", "other"):
        trainer.finetune(base, recipe, EXAMPLES, [], evaluation=None, into=tmp_path / name)
    assert digests(tmp_path / "one") == digests(tmp_path / "other")


def test_seed_draws_another_model(base: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        trainer.finetune(base, replace(ADAPTED, seed=seed), EXAMPLES, [], evaluation=None, into=tmp_path / str(seed))
    assert digests(tmp_path / "1") != digests(tmp_path / "2")


def test_best_epoch_is_kept_and_training_stops(base: Path, tmp_path: Path) -> None:
    """An exam that likes the first epoch best: two more without a better one end it."""
    marks = iter([0.0, 0.9, 0.5, 0.4, 0.3, 0.2])
    scored: list[Vectors] = []

    def score(vectors: Vectors) -> float:
        scored.append(vectors)
        return next(marks)

    recipe = replace(TRAINED, epochs=5, patience=2)
    learned = trainer.finetune(
        base, recipe, EXAMPLES, [], evaluation=EpochEvaluation(WORDS, score), into=tmp_path / "made"
    )
    assert learned.scores == (0.0, 0.9, 0.5, 0.4)
    assert (learned.epoch, learned.steps) == (1, 9)
    np.testing.assert_allclose(of(tmp_path / "made"), scored[1], atol=1e-5)


def test_only_the_last_layers_change(base: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    trainer.finetune(base, replace(TRAINED, part=LAST, epochs=1), EXAMPLES, [], evaluation=None, into=tmp_path / "made")
    before, after = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "made"))
    changed = {name for name, values in before.items() if not np.array_equal(values, after[name])}
    assert changed
    assert all("layer.1." in name for name in changed)


def test_adapter_sits_the_exam_before_and_after(base: Path, tmp_path: Path) -> None:
    evaluation = EpochEvaluation(WORDS, togetherness)
    learned = trainer.finetune(base, ADAPTED, EXAMPLES, [], evaluation=evaluation, into=tmp_path / "made")
    assert learned.scores == pytest.approx((togetherness(of(base)), togetherness(of(tmp_path / "made"))), abs=1e-5)


def test_adapter_leaves_the_model_alone(base: Path, tmp_path: Path) -> None:
    trainer.finetune(base, ADAPTED, EXAMPLES, [], evaluation=None, into=tmp_path / "made")
    assert digests(tmp_path / "made")["model.safetensors"] == digests(base)["model.safetensors"]


def test_what_differs_within_articles_counts_less(base: Path, tmp_path: Path) -> None:
    """Each article has a passage in peace and one in war: that must not make articles of one season similar."""
    seasons = ("siege", "market")
    articles = [[f"{word} {season}" for season in seasons] for word in ("gold", "mine", "school", "pupil", "exam")]
    texts = tuple(text for parts in articles for text in parts)
    recipe = FinetuneRecipe("tiny", WITHIN, ADAPTER, ridge=0.01)
    trainer.finetune(base, recipe, [], articles, evaluation=None, into=tmp_path / "made")

    def within(vectors: Vectors) -> float:
        """How far the texts of one article lie apart, as a share of how far articles do."""
        means = vectors.reshape(5, 2, -1).mean(axis=1)
        between = np.square(means - means.mean(axis=0)).sum()
        return float(np.square(vectors - np.repeat(means, 2, axis=0)).sum() / between)

    assert within(of(tmp_path / "made", texts)) < 0.5 * within(of(base, texts))


def test_static_model_imitates(base: Path, tmp_path: Path) -> None:
    """On the texts it was fitted to, it finds the teacher's nearest text for most of them."""
    texts = tuple(f"{first} {second}" for first in WORDS for second in WORDS if first != second)
    recipe = StaticRecipe("tiny", dimensions=12, ridge=0.01, rarity=1.0)
    trainer.distil(base, recipe, texts, tmp_path / "made")
    teacher, student = of(base, texts), of(tmp_path / "made", texts)
    teacher -= teacher.mean(axis=0)
    correlation = np.corrcoef((teacher @ teacher.T).ravel(), (student @ student.T).ravel())[0, 1]
    assert correlation > 0.8
    assert {Path(name).suffix for name in digests(tmp_path / "made")} <= ALLOWED


def test_static_model_counts_pieces_and_reads_long_texts(base: Path, tmp_path: Path) -> None:
    trainer.distil(base, StaticRecipe("tiny", dimensions=12), WORDS, tmp_path / "made")
    embedder = SentenceTransformerEmbedder(str(tmp_path / "made"))
    assert embedder.pieces_per_word(["siege convoy", "gold"]) == 1.0
    begin, end = embedder.embed(["siege " * 500, "siege " * 500 + "gold " * 500])
    assert float(begin @ end) < 0.99


@pytest.fixture
def static(base: Path, tmp_path: Path) -> Path:
    trainer.distil(base, StaticRecipe("tiny", dimensions=12), WORDS, tmp_path / "static")
    return tmp_path / "static"


def test_adapter_is_learned_behind_a_static_model(static: Path, tmp_path: Path) -> None:
    learned = trainer.finetune(
        static, ADAPTED, EXAMPLES, [], evaluation=EpochEvaluation(WORDS, togetherness), into=tmp_path / "made"
    )
    assert togetherness(of(tmp_path / "made")) > togetherness(of(static)) + 0.05
    assert learned.scores == pytest.approx((togetherness(of(static)), togetherness(of(tmp_path / "made"))), abs=1e-3)


@pytest.mark.parametrize("part", [LAST, ALL])
def test_static_model_has_no_layers_to_train(static: Path, tmp_path: Path, part: str) -> None:
    recipe = replace(TRAINED, base="static/1", part=part)
    with pytest.raises(InvalidInput, match=r'The base static/1 is a static model, .* part = "adapter"'):
        trainer.finetune(static, recipe, EXAMPLES, [], evaluation=None, into=tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_static_model_teaches_no_other(static: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="The base static/1 is a static model already"):
        trainer.distil(static, StaticRecipe("static/1"), WORDS, tmp_path / "made")


def test_missing_model_is_reported(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        trainer.distil(tmp_path / "empty", StaticRecipe("empty"), WORDS, tmp_path / "made")


def test_damaged_model_is_reported(base: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(base, damaged)
    (damaged / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelUnavailable, match="cannot be loaded: SafetensorError"):
        trainer.distil(damaged, StaticRecipe("damaged"), WORDS, tmp_path / "made")
