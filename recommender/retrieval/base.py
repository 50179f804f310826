"""The promises of word weights and of indexes, and how builds get them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from recommender.arrays import Positions, Vectors
from recommender.articles.article import Article
from recommender.retrieval.terms import TermRow


class LexicalModel(Protocol):
    """Weights of words, learned once from an archive and then fixed."""

    def rows(self, articles: Sequence[Article]) -> Sequence[TermRow]:
        """The weighted terms of each article; words the archive did not know are left out."""
        ...

    def names(self, article: Article) -> tuple[str, ...]:
        """What an article is about: keys of the gazetteer that it names more than in passing, the rarest first."""
        ...

    def themes(self, rows: Sequence[TermRow]) -> Vectors:
        """(len(rows), themes) unit vectors: which of the archive's themes the terms of each article belong to.

        Zeros where an article has no term of any theme.
        """
        ...

    @property
    def covers_names(self) -> bool:
        """Whether the gazetteer knows enough of the archive's names to tell its articles apart."""
        ...

    def to_bytes(self) -> bytes:
        """The learned weights as data: reading them runs no code."""
        ...


class Index(Protocol):
    """Exact nearest neighbours over unit vectors, numbered from 0 in the order given."""

    def search(self, queries: Vectors, k: int) -> tuple[Positions, Vectors]:
        """(q, min(k, n)) positions and cosine similarities, best first; equal ones by position."""
        ...

    def similarities(self, query: Vectors) -> Vectors:
        """(n,) cosine similarity of one vector to every indexed one."""
        ...


class TermIndex(Protocol):
    """Dot products of weighted terms over many articles, numbered from 0 in the order given."""

    def search(self, rows: Sequence[TermRow], k: int) -> Positions:
        """(q, min(k, n)) positions of the best by all words, best first; equal ones by position."""
        ...

    def similarities(self, row: TermRow) -> Vectors:
        """(n,) similarity by all words of one article to every indexed one."""
        ...

    def similar(self, first: Positions, second: Positions) -> Vectors:
        """(p,) similarity by all words of pairs of indexed articles."""
        ...

    def replaced(self, keep: npt.NDArray[np.bool_], rows: Sequence[TermRow]) -> "TermIndex":
        """An index of the articles kept, in their order, and of `rows` after them; this one stays as it is."""
        ...

    def pairs(self, rows: Sequence[TermRow], query: Positions, other: Positions) -> Mapping[str, Vectors]:
        """For each of TERM_FIELDS: similarity of the pairs (rows[query[i]], indexed other[i]), NaN if one is empty."""
        ...


@dataclass(frozen=True)
class Toolbox:
    """Makers of what depends on the archive: word weights and indexes.

    `recipe` names what they were made with, such as the table of names.
    """

    recipe: str

    fit_lexical: Callable[[Callable[[], Iterable[Article]]], LexicalModel]
    read_lexical: Callable[[bytes], LexicalModel]
    index: Callable[[Vectors], Index]
    term_index: Callable[[Sequence[TermRow]], TermIndex]
