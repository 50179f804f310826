"""A sentence-transformers model small enough to be trained in a test: two layers of sixteen numbers."""

from collections.abc import Sequence
from pathlib import Path

SIZE = 16
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def make_model(folder: Path, words: Sequence[str]) -> Path:
    """Writes a model that knows some words, with weights drawn from a fixed seed, and gives its folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *dict.fromkeys(words)])}
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=SIZE,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=SIZE,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab=vocabulary, model_max_length=64).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"))
    model = SentenceTransformer(modules=[transformer, Pooling(SIZE), Normalize()], device="cpu")
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


def make_cross_encoder_model(folder: Path, words: Sequence[str], outputs: int = 1) -> Path:
    """Writes a cross-encoder that knows some words, with weights drawn from a fixed seed, and gives its folder."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *dict.fromkeys(words)])}
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=SIZE,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=SIZE,
        max_position_embeddings=64,
        num_labels=outputs,
        initializer_range=1.0,  # so that texts differ in more than the sixth place
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab=vocabulary, model_max_length=64).save_pretrained(folder)
    return folder
