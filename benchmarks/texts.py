"""What is read of a text: variants of the vectors and of the similarity by words, here and on other archives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.judged import SHOWN, Judged, Setup, by_scores, figures, rankings, vectors
from benchmarks.report import Table
from recommender.article import Article
from recommender.bm25 import Bm25Index
from recommender.interfaces import Vectors
from recommender.lexical import PlainTfidf, full_text, words
from recommender.ranking import Weights
from recommender.text import PASSAGE_WORDS, names, passages
from recommender.vectors import Centres

Texts = dict[str, Callable[[Article], list[str]]]

WHOLE: Texts = {"whole article, cut at 256 tokens": lambda one: passages(one.title, one.summary, one.body, words=10**6)}
SHIPPED: Texts = {f"{PASSAGE_WORDS} words, title and summary": lambda one: passages(one.title, one.summary, one.body)}
# What is embedded of an article. Without a prefix, title and summary are the first lines of the text.
TEXTS: Texts = {
    **WHOLE,
    f"{PASSAGE_WORDS} words, no prefix": lambda one: passages("", "", f"{one.title}\n{one.summary}\n{one.body}"),
    f"{PASSAGE_WORDS} words, title": lambda one: passages(one.title, "", f"{one.summary}\n{one.body}"),
    **SHIPPED,
    "120 words, title and summary": lambda one: passages(one.title, one.summary, one.body, words=120),
    "220 words, title and summary": lambda one: passages(one.title, one.summary, one.body, words=220),
}


def _words_and_pairs(text: str) -> list[str]:
    single = words(text)
    return [*single, *(f"{first} {second}" for first, second in pairwise(single))]


def _words_and_names(text: str) -> list[str]:
    return [*words(text), *words(" ".join(names(text)))]


# What the lexical part reads of a text; the service's own reads words, pairs, and names once more.
ANALYSERS: Mapping[str, Callable[[str], list[str]]] = {
    "words and pairs, names not doubled": _words_and_pairs,
    "words, names doubled, no pairs": _words_and_names,
    "words only": words,
}


def embeddings(judged: Judged, texts: Texts = TEXTS) -> Table:
    """Each text with each mean taken out, ranked by cosine alone."""
    rows = []
    languages = [article.language for article in judged.articles]
    for name, text in texts.items():
        raw = vectors([text(article) for article in judged.articles])
        means = {"plain": raw, "one mean out": centred(raw, [""] * len(raw)), "by language": centred(raw, languages)}
        for mean, rows_of in means.items():
            rows.append([name, mean, *figures(judged, by_scores(judged, rows_of @ rows_of.T))])
    return Table(
        f"Embedding alone: {judged.name}",
        "Cosine of article vectors, each the mean of its passages: as they are, or with the mean of the archive or of "
        f"the article's language taken out. {len(judged.qrels)} queries, {len(judged.articles)} articles.",
        ("text", "mean", *SHOWN),
        rows,
    )


def centred(raw: Vectors, languages: Sequence[str]) -> Vectors:
    """Unit vectors without the mean of their language; with one name for all, without that of the archive."""
    centres = Centres.of(raw, languages)
    return np.stack([centres.centred(vector, language) for vector, language in zip(raw, languages, strict=True)])


def alone(part: str) -> Weights:
    """All weight on one part."""
    return Weights(**{field.name: float(field.name == part) for field in fields(Weights)})


def _lexical_variants(judged: Judged) -> dict[str, Vectors]:
    """(n, n) similarities by words; BM25 is divided by the best score of the others, so that it lies in [0, 1]."""
    texts = [full_text(article) for article in judged.articles]
    tfidf, documents = PlainTfidf(texts), [words(text) for text in texts]
    bm25 = Bm25Index(documents)
    scores = np.stack([bm25.scores(document) for document in documents])
    np.fill_diagonal(scores, 0)
    found = {"pairs and doubled names (shipped)": judged.table["lexical"]}
    for name, analyser in ANALYSERS.items():
        matrix = TfidfVectorizer(
            analyzer=analyser, sublinear_tf=True, min_df=2, max_df=0.5, dtype=np.float32
        ).fit_transform(texts)
        found[name] = (matrix @ matrix.T).toarray()
    found["plain TF-IDF"] = np.stack([tfidf.scores(place) for place in range(len(texts))])
    found["BM25"] = scores / scores.max(axis=1, keepdims=True)
    return found


def lexical(judged: Judged, shipped: Setup) -> Table:
    """Other similarities by words in the place of the lexical part."""
    rows = []
    for name, matrix in _lexical_variants(judged).items():
        setup = replace(shipped, table=judged.replaced({"lexical": matrix}))
        only = replace(setup, weights=alone("lexical"))
        rows.append([name, *figures(judged, rankings(judged, only)), *figures(judged, rankings(judged, setup))])
    return Table(
        "The lexical part: sample",
        "Other similarities by words in its place, alone and in the sum. The version rule keeps the shipped one.",
        ("words", *(f"{measure}, alone" for measure in SHOWN), *(f"{measure}, in the sum" for measure in SHOWN)),
        rows,
    )


def elsewhere(judged: Judged) -> Table:
    """An archive of texts only: the sum and its two main parts."""
    shipped = Setup(judged.table, np.zeros((len(judged.articles),) * 2, dtype=bool))
    lists = {"the sum (shipped)": rankings(judged, shipped)}
    lists["embedding alone"] = by_scores(judged, judged.table["dense"])
    lists |= {name: by_scores(judged, matrix) for name, matrix in _lexical_variants(judged).items()}
    return Table(
        f"Parts of the score: {judged.name}",
        "The sum and its two main parts, and the lexical part's variants alone; there are no tags and no countries. "
        "No version rule.",
        ("score", *SHOWN),
        [[name, *figures(judged, found)] for name, found in lists.items()],
    )
