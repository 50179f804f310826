"""Article vectors: passages embedded and pooled, the mean of each language taken out, and how far to trust them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.articles.boilerplate import NO_BOILERPLATE, Boilerplate
from recommender.articles.labels import full_text
from recommender.articles.shingles import says_something
from recommender.articles.text import passages
from recommender.embedding.base import Embedder

# How many articles' worth of the whole archive's mean a language's own mean is mixed with: few articles say little.
_SHRINKAGE = 5
# all-MiniLM-L6-v2 cuts an English word into 1.25 pieces, a French one into 1.87; multilingual-e5-small 1.45 and 1.6.
FAMILIAR_PIECES = 1.4
# Bambara, Dyula, Fulfulde, the languages of the Tuareg, N'Ko: no judgments tell what an embedding model makes of them,
# and borrowed words and names, which it knows, would pass for knowing the language.
UNMEASURED = frozenset("bm dyu ff fuc fuh fuq fuv tmh taq thv thz ttq nqo".split())
TRUST_ARTICLES = 100  # texts of a language that are looked at


def vector_version(embedder: Embedder) -> str:
    """The key under which article vectors are kept: equal keys, equal texts, equal vectors.

    After the model's version it names the way an article becomes one vector.
    """
    form = embedder.input_form
    prompt = f"-{hashlib.sha256(form.prompt.encode()).hexdigest()[:6]}" if form.prompt else ""
    return f"{embedder.version}/passages{form.passage_words}-mean{prompt}"


def is_of(vectors: str, model: str) -> bool:
    """Whether vectors of this `vector_version` were made by the model of this version, however it was read to."""
    return vectors.startswith(f"{model}/")


def article_vectors(embedder: Embedder, articles: Sequence[Article]) -> Vectors:
    """(len(articles), dimension) unit vectors: the mean of each article's passages.

    On the sample's judgments this beats one vector of the first 256 tokens, and passages without the title and summary
    in front (docs/explanation/quality.md).
    """
    words = embedder.input_form.passage_words
    texts = [passages(article.title, article.summary, article.body, words) for article in articles]
    vectors = embedder.embed([text for parts in texts for text in parts])
    starts = np.cumsum([0, *(len(parts) for parts in texts)])[:-1]
    pooled = unit(np.add.reduceat(vectors, starts, axis=0) if texts else vectors)
    pooled[[not says_something(full_text(article)) for article in articles]] = 0
    return pooled


def unit(vectors: Vectors) -> Vectors:
    """Each row scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def trust(embedder: Embedder, language: str, texts: Sequence[str]) -> float:
    """How far the embedding model's similarities in a language, that of some texts, count, from 0 to 1.

    Not at all in the UNMEASURED languages: there words and names decide.
    """
    return 0.0 if language in UNMEASURED else familiarity(embedder, texts)


def familiarity(embedder: Embedder, texts: Sequence[str]) -> float:
    """How well the embedding model knows the words of some texts, from 0 to 1.

    A model that was not made for a language knows few of its words and cuts them into many pieces: the number of
    pieces tells how well it does (Rust et al., ACL 2021). No judgment is needed.
    """
    return min(1.0, (FAMILIAR_PIECES / embedder.pieces_per_word(texts)) ** 2)


class Centres:
    """The mean vector of each language, to be subtracted: what all articles share tells no two of them apart.

    A language's mean is shrunk towards that of the archive, so a language of few articles, or none, has a usable one.
    """

    def __init__(self, archive: Vectors, languages: Mapping[str, Vectors]) -> None:
        self._archive = archive
        self._languages = languages

    @classmethod
    def of(cls, vectors: Vectors, languages: Sequence[str]) -> "Centres":
        """The centres of an archive: (n, dimension) vectors and the language of each."""
        archive = vectors.sum(axis=0) / (len(vectors) + _SHRINKAGE)
        groups = {language: vectors[[other == language for other in languages]] for language in sorted(set(languages))}
        means = {
            language: (group.sum(axis=0) + _SHRINKAGE * archive) / (len(group) + _SHRINKAGE)
            for language, group in groups.items()
        }
        return cls(archive, means)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> "Centres":
        """The centres that `to_data` wrote."""
        languages: Mapping[str, object] = data["languages"]  # type: ignore[assignment]  # as `to_data` has it
        means = {language: np.array(mean, dtype=np.float32) for language, mean in languages.items()}
        return cls(np.array(data["archive"], dtype=np.float32), means)

    def to_data(self) -> dict[str, object]:
        """As plain lists."""
        means = {language: mean.tolist() for language, mean in self._languages.items()}
        return {"archive": self._archive.tolist(), "languages": means}

    def centred(self, vector: Vectors, language: str) -> Vectors:
        """One unit vector without the mean of its language; one of zeros stays, as it lies nowhere."""
        if not vector.any():
            return vector
        return unit((vector - self._languages.get(language, self._archive)).reshape(1, -1)).ravel()


@dataclass(frozen=True)
class Geometry:
    """How the vectors of one generation are made and lie: what is left out of texts, the centres of embeddings and
    themes, and the trust in each language.
    """

    embeddings: Centres
    themes: Centres
    trust: Mapping[str, float]
    boilerplate: Boilerplate = NO_BOILERPLATE

    @classmethod
    def from_bytes(cls, data: bytes) -> "Geometry":
        """The geometry that `to_bytes` wrote."""
        state = json.loads(data)
        boilerplate = Boilerplate(frozenset(state.get("boilerplate", ())))  # earlier releases looked for none
        return cls(Centres.from_data(state["dense"]), Centres.from_data(state["themes"]), state["trust"], boilerplate)

    def to_bytes(self) -> bytes:
        """As JSON."""
        state = {
            "dense": self.embeddings.to_data(),
            "themes": self.themes.to_data(),
            "trust": dict(self.trust),
            "boilerplate": sorted(self.boilerplate.passages),
        }
        return json.dumps(state).encode()
