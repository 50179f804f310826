"""Training with sentence-transformers: its trainer, a layer behind a frozen model, and static tables.

Every run is the same when it is run again on the same machine: seeds are fixed, and what is written holds no dates.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.arrays import Vectors
from recommender.errors import InvalidInput, ModelUnavailable
from recommender.temporary import TemporaryFolder
from recommender.training.examples import EpochEvaluation, Example, Learned
from recommender.training.linear_adapter import BATCH, SCALE, embedded, low_rank, whitening
from recommender.training.recipes import ADAPTER, ALL, CACHED, HALF, WITHIN, FinetuneRecipe, StaticRecipe

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

# ruff: noqa: PLC0415  # seconds of import time, which only a process that trains must pay

LIBRARIES = ("sentence-transformers", "transformers", "torch", "numpy", "datasets", "accelerate")
TOKENS_AT_ONCE = 512  # single tokens: texts of one word
NEGATIVE_RANGE = 50  # hard negatives are among so many nearest texts
CACHED_BATCH = 32  # texts that the cached loss holds gradients of at once
SCORE = "ndcg_at_3"


def libraries() -> dict[str, str]:
    """The versions of everything that a run depends on."""
    return {name: version(name) for name in LIBRARIES}


class SentenceTransformersTrainer:
    """`Trainer` over sentence-transformers. It uses a GPU where there is one."""

    def libraries(self) -> dict[str, str]:
        return libraries()

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
        """A static model takes an ADAPTER only: raises InvalidInput where another part is asked of it."""
        model = _loaded(base)
        if not _is_static(model):
            model.max_seq_length = min(recipe.length, model.max_seq_length or recipe.length)
        elif recipe.part != ADAPTER:
            raise InvalidInput(
                f"The base {recipe.base} is a static model, which has no layers to be trained on. Name one that is a "
                f'transformer, or learn a layer behind it: part = "{ADAPTER}".'
            )
        if recipe.part == ADAPTER:
            learned = _adapted(model, recipe, examples, articles, evaluation)
        else:
            learned = _trained(model, recipe, _rows(model, recipe, examples), evaluation)
        _saved(model, into)
        return learned

    def distil(self, base: Path, recipe: StaticRecipe, texts: Sequence[str], into: Path) -> None:
        """Raises InvalidInput where `base` is a static model itself."""
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

        from recommender.training.static_distillation import axes, fit, start

        teacher = _loaded(base)
        if _is_static(teacher):
            raise InvalidInput(f"The base {recipe.base} is a static model already. Name one that is a transformer.")
        targets = embedded(teacher, texts)
        mean, main = axes(targets, recipe.dimensions)
        tokenizer = _tokenizer(teacher)
        table = start(_token_vectors(teacher, tokenizer), main, recipe.rarity)
        numbers = [encoded.ids for encoded in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        table = fit(table, numbers, (targets - mean) @ main, recipe.ridge)
        rows = table.astype(np.float16 if recipe.precision == HALF else np.float32)
        _saved(SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=rows), Normalize()]), into)


def _loaded(folder: Path) -> "SentenceTransformer":
    from datasets import disable_progress_bars
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bars()  # our own progress says what is going on
    disable_progress_bar()
    try:
        return SentenceTransformer(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:
        # Each library that reads one of the files has errors of its own: safetensors, tokenizers, torch, the hub.
        raise ModelUnavailable(f"The model in {folder} cannot be loaded: {type(error).__name__}: {error}") from error


def _is_static(model: "SentenceTransformer") -> bool:
    """Whether it is a table of token vectors, which reads texts of any length and has a bare tokenizer."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    return isinstance(model[0], StaticEmbedding)


def _saved(model: "SentenceTransformer", into: Path) -> None:
    model.save_pretrained(str(into), create_model_card=False)


# -- sentence-transformers' trainer ------------------------------------------------------------------------------------

Columns = dict[str, list[Any]]


def _rows(model: "SentenceTransformer", recipe: FinetuneRecipe, examples: Sequence[Example]) -> Columns:
    rows: Columns = {
        "anchor": [example.anchor for example in examples],
        "positive": [example.text for example in examples],
    }
    if recipe.negatives:
        return _with_negatives(model, recipe, rows, examples)
    return rows


def _with_negatives(
    model: "SentenceTransformer", recipe: FinetuneRecipe, rows: Columns, examples: Sequence[Example]
) -> Columns:
    """Texts that the model finds near, but not as near as the pair itself; labelled negatives come first."""
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    mined = mine_hard_negatives(
        Dataset.from_dict(rows),
        model,
        num_negatives=recipe.negatives,
        relative_margin=1 - recipe.margin,
        range_max=NEGATIVE_RANGE,
        output_format="n-tuple",
        batch_size=BATCH,
        verbose=False,
    )
    rows_with_negatives: Columns = {name: list(mined[name]) for name in mined.column_names}
    labelled = {(example.anchor, example.text): example.negatives for example in examples}
    columns = [name for name in rows_with_negatives if name.startswith("negative")]
    for place, pair in enumerate(zip(rows_with_negatives["anchor"], rows_with_negatives["positive"], strict=True)):
        for name, text in zip(columns, labelled.get(pair, ()), strict=False):
            rows_with_negatives[name][place] = text
    return rows_with_negatives


def _trained(
    model: "SentenceTransformer", recipe: FinetuneRecipe, rows: Columns, evaluation: EpochEvaluation | None
) -> Learned:
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from transformers import EarlyStoppingCallback, PrinterCallback

    _freeze(model, recipe)
    before = (evaluation.score(embedded(model, evaluation.texts)),) if evaluation else ()
    with TemporaryFolder("train") as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=str(folder),
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch,
            learning_rate=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            warmup_steps=recipe.warmup,  # below 1 it is a share of all steps
            seed=recipe.seed,
            data_seed=recipe.seed,
            eval_strategy="epoch" if evaluation else "no",
            save_strategy="epoch" if evaluation else "no",
            load_best_model_at_end=evaluation is not None,
            metric_for_best_model=SCORE if evaluation else None,
            greater_is_better=True,
            save_total_limit=1,
            save_only_model=True,
            logging_strategy="no",
            report_to="none",
            dataloader_pin_memory=torch.cuda.is_available(),
            disable_tqdm=True,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(rows),
            loss=_loss(model, recipe),
            evaluator=_evaluator(evaluation) if evaluation else None,
            callbacks=[EarlyStoppingCallback(recipe.patience)] if evaluation else None,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        key = f"eval_{SCORE}"
        scores = [entry[key] for entry in trainer.state.log_history if key in entry]
    best = 1 + int(np.argmax(scores)) if scores else recipe.epochs
    return Learned((*before, *scores), best, trainer.state.global_step)


def _freeze(model: "SentenceTransformer", recipe: FinetuneRecipe) -> None:
    if recipe.part == ALL:
        return
    layers = model[0].auto_model.encoder.layer
    trained = {id(parameter) for layer in layers[-recipe.layers :] for parameter in layer.parameters()}
    for parameter in model.parameters():
        parameter.requires_grad = id(parameter) in trained


def _loss(model: "SentenceTransformer", recipe: FinetuneRecipe) -> "torch.nn.Module":
    from sentence_transformers.sentence_transformer import losses

    if recipe.loss == CACHED:
        return losses.CachedMultipleNegativesRankingLoss(model, scale=SCALE, mini_batch_size=CACHED_BATCH)
    return losses.MultipleNegativesRankingLoss(model, scale=SCALE)


def _evaluator(evaluation: EpochEvaluation) -> Any:
    from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator

    class EpochEvaluator(SentenceEvaluator):  # type: ignore[misc]  # its base has no types
        """Evaluates after each epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.primary_metric = SCORE

        def __call__(self, model: Any, output_path: Any = None, epoch: int = -1, steps: int = -1) -> dict[str, float]:
            return {SCORE: evaluation.score(embedded(model, evaluation.texts))}

    return EpochEvaluator()


# -- a layer behind a frozen model -------------------------------------------------------------------------------------


class _Frozen:
    """A model that does not change: it embeds every text once, as examples and evaluation are of the same articles."""

    def __init__(self, model: "SentenceTransformer") -> None:
        self._model = model
        self._vectors: dict[str, Vectors] = {}

    def encode(self, texts: Sequence[str], **options: Any) -> Vectors:
        """As sentence-transformers does it."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._model.encode(new, **options), strict=True))
        return np.stack([self._vectors[text] for text in texts])

    def get_embedding_dimension(self) -> int | None:
        """How long the vectors are."""
        size: int | None = self._model.get_embedding_dimension()
        return size


def _adapted(
    model: "SentenceTransformer",
    recipe: FinetuneRecipe,
    examples: Sequence[Example],
    articles: Sequence[Sequence[str]],
    evaluation: EpochEvaluation | None,
) -> Learned:
    """Appends a linear layer that is learned on vectors computed once: seconds for a few hundred articles.

    It runs all its epochs: an evaluation on few queries would stop it by chance.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    frozen = _Frozen(model)
    if recipe.loss == WITHIN:
        matrix, steps = torch.from_numpy(whitening(frozen, recipe, articles)), 1
    else:
        matrix, steps = low_rank(frozen, recipe, examples)
    vectors = torch.from_numpy(embedded(frozen, evaluation.texts)) if evaluation else None
    size = len(matrix)
    model.append(
        Dense(size, size, bias=False, activation_function=torch.nn.Identity(), init_weight=matrix.T.contiguous())
    )
    model.append(Normalize())
    if evaluation is None or vectors is None:
        return Learned((), recipe.epochs, steps)
    after = torch.nn.functional.normalize(vectors @ matrix)
    return Learned((evaluation.score(vectors.numpy()), evaluation.score(after.numpy())), recipe.epochs, steps)


# -- tokens ------------------------------------------------------------------------------------------------------------


def _tokenizer(teacher: "SentenceTransformer") -> Any:
    """The teacher's tokenizer, set to read whole texts."""
    tokenizer = teacher.tokenizer.backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _token_vectors(teacher: "SentenceTransformer", tokenizer: Any) -> Vectors:
    """(vocabulary, dimension): what the teacher makes of each token alone, between the marks of a text's ends."""
    import torch

    marks = tokenizer.encode("").ids
    before, after = marks[: (len(marks) + 1) // 2], marks[(len(marks) + 1) // 2 :]
    size = tokenizer.get_vocab_size()
    batches = []
    with torch.inference_mode():
        for first in range(0, size, TOKENS_AT_ONCE):
            texts = [[*before, token, *after] for token in range(first, min(first + TOKENS_AT_ONCE, size))]
            numbers = torch.tensor(texts, device=teacher.device)
            output = teacher({"input_ids": numbers, "attention_mask": torch.ones_like(numbers)})
            batches.append(output["sentence_embedding"].cpu().numpy())
    return np.concatenate(batches).astype(np.float32)
