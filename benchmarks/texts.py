"""What is read of a text for the embedding: other passages, other prefixes, other means taken out."""

import hashlib
import json
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks import corpora
from benchmarks.judged import SHOWN, Archive, mean
from benchmarks.report import Table
from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.articles.text import PASSAGE_WORDS, passages
from recommender.embedding.model_files import DEFAULT_MODEL
from recommender.embedding.pooling import Centres, unit
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.evaluation.evaluation import DEPTH, MEASURES
from recommender.metrics import per_query

Texts = dict[str, Callable[[Article], list[str]]]

# What is embedded of an article. Without a prefix, title and summary are the first lines of the text.
TEXTS: Texts = {
    "whole article, cut at 256 tokens": lambda article: passages(
        article.title, article.summary, article.body, words=10**6
    ),
    f"{PASSAGE_WORDS} words, no prefix": lambda article: passages(
        "", "", f"{article.title}\n{article.summary}\n{article.body}"
    ),
    f"{PASSAGE_WORDS} words, title": lambda article: passages(article.title, "", f"{article.summary}\n{article.body}"),
    f"{PASSAGE_WORDS} words, title and summary": lambda article: passages(article.title, article.summary, article.body),
    "120 words, title and summary": lambda article: passages(article.title, article.summary, article.body, words=120),
    "220 words, title and summary": lambda article: passages(article.title, article.summary, article.body, words=220),
}


def embeddings(archive: Archive) -> Table:
    """Each text with each mean taken out, ranked by cosine alone."""
    articles = everyone(archive)
    languages = [article.language for article in articles]
    rows = []
    for name, text in TEXTS.items():
        texts = [text(article) for article in articles]
        starts = np.cumsum([0, *map(len, texts)])[:-1]
        raw = unit(np.add.reduceat(embedded(texts), starts, axis=0))
        means = {"plain": raw, "one mean out": centred(raw, [""] * len(raw)), "by language": centred(raw, languages)}
        rows += [[name, taken, *_figures(archive, articles, vectors)] for taken, vectors in means.items()]
    return Table(
        "The embedding: what it reads",
        f"{archive.name}. Cosine of article vectors alone, each the mean of its passages: as they are, or with the "
        "mean of the archive or of the article's language taken out.",
        ("text", "mean", *SHOWN),
        rows,
    )


def _figures(archive: Archive, articles: Sequence[Article], vectors: Vectors) -> list[str]:
    places = {article.id: place for place, article in enumerate(articles)}
    runs = {}
    for query in archive.qrels:
        order = np.argsort(-(vectors @ vectors[places[query]]), kind="stable").tolist()
        runs[query] = [articles[place].id for place in order if place != places[query]][:DEPTH]
    return [mean(per_query(runs, archive.qrels, MEASURES[measure])) for measure in SHOWN]


def everyone(archive: Archive) -> list[Article]:
    """The articles of the archive's generation, with their texts."""
    live = archive.live
    members = archive.store.generations.members(live.model, live.number)
    articles = archive.store.articles.get([member.number for member in members])
    return [articles[member.number] for member in members]


def centred(raw: Vectors, languages: Sequence[str]) -> Vectors:
    """Unit vectors without the mean of their language; with one name for all, without that of the archive."""
    centres = Centres.of(raw, languages)
    return np.stack([centres.centred(vector, language) for vector, language in zip(raw, languages, strict=True)])


def embedded(texts: Sequence[Sequence[str]]) -> npt.NDArray[np.float32]:
    """The vectors of each article's texts, one after the other. They are kept, as they are asked for more than once."""
    embedder = SentenceTransformerEmbedder(DEFAULT_MODEL)
    digest = hashlib.sha256(json.dumps([embedder.version, texts]).encode()).hexdigest()
    file = corpora.FOLDER / "vectors" / f"{digest[:16]}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, embedder.embed([text for parts in texts for text in parts]))
    vectors: npt.NDArray[np.float32] = np.load(file)
    return vectors
