"""Recipes: what is read, what is filled in, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.training.recipes import FinetuneRecipe, RankingRecipe, StaticRecipe, content, parse_recipe

FINETUNE = """
kind = "finetune"
base = "sahel/1"
loss = "MultipleNegativesRankingLoss"
part = "all"
epochs = 3
learning_rate = 2e-5
"""


def test_what_is_left_out_has_its_usual_value() -> None:
    recipe = parse_recipe(FINETUNE, "ours.toml")
    assert recipe == FinetuneRecipe("sahel/1", "MultipleNegativesRankingLoss", "all", 3, 2e-5)
    assert parse_recipe('kind = "ranking"\nbase = "sahel/1"', "r.toml") == RankingRecipe("sahel/1")
    assert parse_recipe('kind = "static"\nbase = "sahel/1"\ndimensions = 64', "s.toml") == StaticRecipe("sahel/1", 64)


def test_card_has_every_value() -> None:
    values = content(parse_recipe(FINETUNE + 'pairs = ["title-body", "grade"]', "ours.toml"))
    assert values["kind"] == "finetune"
    assert values["pairs"] == ["title-body", "grade"]
    assert values["batch"] == 32


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("epochs = 0", "epochs: is out of range .got 0.; give a whole number from 1 to"),
        ("epochs = 2.5", "epochs: is out of range"),
        ("epochs = true", "epochs: is out of range"),
        ("learning_rate = nan", "learning_rate: is out of range"),
        ('loss = "guess"', "loss: is not a choice"),
        ("loss = []", "loss: is not a choice"),
        ('loss = "DistillKLDivLoss"', "loss: is not offered any more.*; use one of MultipleNegativesRankingLoss"),
        ('part = "some"', "part: is not a choice"),
        ("pairs = []", "pairs: has other kinds"),
        ('pairs = ["title-body", "guess"]', "pairs: has other kinds"),
        ("pairs = [1]", "pairs: has other kinds"),
        ('pairs = "title-body"', "pairs: has other kinds"),
        ('base = ""', "base: is not a text"),
        ("base = 7", "base: is not a text"),
        ("learnig_rate = 1", "learnig_rate: is not a field of the kind finetune"),
    ],
)
def test_wrong_value_names_its_field(line: str, hint: str) -> None:
    key = line.split(" = ", maxsplit=1)[0]
    text = "\n".join(other for other in FINETUNE.splitlines() if not other.startswith(f"{key} ="))
    with pytest.raises(InvalidInput, match=hint):
        parse_recipe(f"{text}\n{line}", "ours.toml")


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_recipe('kind = "finetune"\nepochs = -1\nhue = 1', "ours.toml")
    assert all(f"{field}:" in str(refused.value) for field in ("epochs", "hue", "base", "loss", "part"))


def test_whitening_is_an_adapter() -> None:
    with pytest.raises(InvalidInput, match="part: is not for WithinArticleWhitening"):
        parse_recipe(FINETUNE.replace("MultipleNegativesRankingLoss", "WithinArticleWhitening"), "ours.toml")


@pytest.mark.parametrize("text", ["", 'kind = "guess"', "kind = 1", "kind = [1]", "kind", "a = " + "[" * 5_000])
def test_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_recipe(text, "ours.toml")


@given(st.text())
def test_any_text_is_a_recipe_or_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_recipe(text, "ours.toml")


@pytest.mark.parametrize("file", sorted((Path(__file__).parents[2] / "models" / "recipes").glob("*.toml")), ids=str)
def test_recipes_of_this_release_are_whole(file: Path) -> None:
    assert parse_recipe(file.read_text(encoding="utf-8"), file.name).base
