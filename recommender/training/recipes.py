"""Recipes: what a training run is made of, as a small TOML file whose every value is checked before anything starts."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from recommender.errors import FieldProblem, InvalidInput
from recommender.training.pairs import KINDS, UNLABELLED

RANKING, FINETUNE, STATIC = "ranking", "finetune", "static"
# Contrastive, and the same in batches of any size. The names are those of sentence-transformers' losses.
CONTRASTIVE, CACHED = "MultipleNegativesRankingLoss", "CachedMultipleNegativesRankingLoss"
# Not learned in steps, but solved for: directions in which passages of one article differ count less.
WITHIN = "WithinArticleWhitening"
LOSSES = (CONTRASTIVE, CACHED, WITHIN)
# Sites have recipes that ask for it, and cards of versions that were trained by it.
WITHDRAWN_LOSS = "DistillKLDivLoss"
ADAPTER = "adapter"  # a low-rank layer behind the frozen model
LAST = "last"  # the last `layers` layers of the model
ALL = "all"
PARTS = (ADAPTER, LAST, ALL)
HALF, SINGLE = "float16", "float32"


@dataclass(frozen=True)
class RankingRecipe:
    """Weights of the score, fitted to judgments; `repeats` times cross-validated by story for the card."""

    base: str
    seed: int = 0
    repeats: int = 5

    kind = RANKING


@dataclass(frozen=True)
class FinetuneRecipe:
    """An embedding model trained on with sentence-transformers' trainer.

    `base` is the release that it starts from; `pairs` the kinds of training pairs, for the contrastive losses; `part`
    is what may change: ADAPTER (of `rank`), LAST `layers`, or ALL. `negatives` hard ones are mined for each pair, whose
    similarity to the anchor is below `margin` of that of its own text. WITHIN takes neither pairs nor steps: it is an
    ADAPTER that whitens by the covariance of passages within articles, to which `ridge` times its mean variance is
    added. `patience` epochs without a better nDCG@3 on the judged queries end it early; the best epoch is kept.
    """

    base: str
    loss: str
    part: str
    epochs: int = 1
    learning_rate: float = 2e-5
    pairs: tuple[str, ...] = UNLABELLED
    batch: int = 32
    rank: int = 8
    layers: int = 1
    negatives: int = 0
    margin: float = 0.95
    ridge: float = 30.0
    weight_decay: float = 0.01
    warmup: float = 0.1
    patience: int = 2
    length: int = 256
    seed: int = 0

    kind = FINETUNE


@dataclass(frozen=True)
class StaticRecipe:
    """A table of token vectors distilled from `base`: `dimensions` of its outputs for single tokens, then fitted to its
    vectors of the articles' texts with `ridge`.

    `rarity` is `a` of the weight a / (a + p) of a token of probability p (SIF: Arora et al., ICLR 2017).
    """

    base: str
    dimensions: int = 128
    rarity: float = 0.0001
    ridge: float = 1.0
    texts: int = 8_000
    precision: str = HALF
    seed: int = 0

    kind = STATIC


Recipe = RankingRecipe | FinetuneRecipe | StaticRecipe
_RECIPES: Mapping[str, type[Recipe]] = {RANKING: RankingRecipe, FINETUNE: FinetuneRecipe, STATIC: StaticRecipe}
_RANGES: Mapping[str, tuple[float, float]] = {
    "epochs": (1, 100),
    "learning_rate": (1e-8, 1.0),
    "batch": (2, 4096),
    "rank": (1, 512),
    "layers": (1, 48),
    "negatives": (0, 16),
    "margin": (0.0, 1.0),
    "weight_decay": (0.0, 1.0),
    "warmup": (0.0, 0.99),
    "patience": (1, 100),
    "length": (8, 8192),
    "seed": (0, 2**31 - 1),
    "dimensions": (8, 1024),
    "rarity": (1e-8, 1.0),
    "ridge": (1e-6, 1e6),
    "texts": (10, 100_000),
    "repeats": (1, 20),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {"loss": LOSSES, "part": PARTS, "precision": (HALF, SINGLE)}


def parse_recipe(text: str, name: str) -> Recipe:
    """The recipe in a TOML text. Raises InvalidInput with every field that is wrong."""
    try:
        values_given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"{name} is not TOML: {error}") from error
    kind = values_given.pop("kind", None)
    if not isinstance(kind, str) or kind not in _RECIPES:
        raise InvalidInput(f"{name}: kind: is not a recipe (got {kind!r}); use one of {', '.join(_RECIPES)}")
    recipe = _RECIPES[kind]
    allowed_fields = {field.name: field for field in fields(recipe)}
    problems = [
        FieldProblem(
            key,
            repr(values_given[key]),
            f"is not a field of the kind {kind}",
            f"use one of {', '.join(allowed_fields)}",
        )
        for key in values_given
        if key not in allowed_fields
    ]
    required = [
        key for key, field in allowed_fields.items() if field.default is field.default_factory
    ]  # both are MISSING
    problems += [FieldProblem(key, "nothing", "is required", "give it") for key in required if key not in values_given]
    values = {key: value for key, value in values_given.items() if key in allowed_fields}
    for key, value in values.items():
        if problem := _problem(key, value, str(allowed_fields[key].type)):
            problems.append(FieldProblem(key, repr(value), *problem))
    if values.get("loss") == WITHIN and values.get("part") != ADAPTER:
        problems.append(FieldProblem("part", repr(values.get("part")), f"is not for {WITHIN}", f'use "{ADAPTER}"'))
    if problems:
        raise InvalidInput(f"{name}: " + "; ".join(map(str, problems)))
    checked: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return recipe(**checked)


def _problem(key: str, value: Any, kind: str) -> tuple[str, str] | None:
    """What is wrong with a value, and what to do; None where nothing is."""
    if key == "pairs":
        kinds = f"a list of {', '.join(KINDS)}"
        has_kinds = isinstance(value, list) and value and all(kind in KINDS for kind in value if isinstance(kind, str))
        return (
            None if has_kinds and all(isinstance(kind, str) for kind in value) else ("has other kinds", f"give {kinds}")
        )
    if key in _CHOICES:
        wrong = "is not offered any more, as it helped no sidebar" if value == WITHDRAWN_LOSS else "is not a choice"
        return None if value in _CHOICES[key] else (wrong, f"use one of {', '.join(_CHOICES[key])}")
    if key in _RANGES:
        least, most = _RANGES[key]
        integer = "int" in kind
        allowed = (int,) if integer else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed) or not least <= value <= most:
            return "is out of range", f"give {'a whole number' if integer else 'a number'} from {least:g} to {most:g}"
        return None
    if not isinstance(value, str) or not value.strip():
        return "is not a text", "give a name"
    return None


def content(recipe: Recipe) -> dict[str, Any]:
    """The recipe as the card keeps it, with the values that were left out."""
    return {"kind": recipe.kind, **{key: list(v) if isinstance(v, tuple) else v for key, v in asdict(recipe).items()}}
