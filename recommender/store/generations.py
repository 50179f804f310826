"""The promise of vectors, generations and neighbour lists."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from recommender.arrays import Vectors
from recommender.ranking.candidates import CandidateArray, GradeArray
from recommender.ranking.scoring import RankingModel, Scales


@dataclass(frozen=True)
class Generation:
    """One consistent build: the embedding model of its vectors, how they lie (`Geometry`), and the word weights.

    `model_version` is NAME/VERSION, and `ranking` its weights; None where a build is older than model versions.
    `reranker` is the version of the reader of both texts whose grades it shows, if any.
    """

    number: int
    model: str
    geometry: bytes
    lexical: bytes
    scales: Scales
    built_on: datetime
    model_version: str | None
    ranking: RankingModel | None
    reranker: str | None = None


@dataclass(frozen=True)
class NewGeneration:
    """What a build has learned before it computes the first neighbour.

    `recipe` names what it was made with besides the model version: another one asks for a new build.
    """

    model: str
    recipe: str
    geometry: bytes
    lexical: bytes
    scales: Scales
    built_on: datetime
    model_version: str
    ranking: RankingModel
    reranker: str | None = None


@dataclass(frozen=True)
class Published:
    """A published article by the hash of its text: see `Article.text_hash`; of an earlier release it is another one."""

    number: int
    text_hash: str


@dataclass(frozen=True)
class Member:
    """A published article with the vector of its text, as the embedding model gave it.

    `text_hash` is the indexed one (see `articles.keys`), or the article's own where no generation holds it.
    """

    number: int
    text_hash: str
    language: str
    vector: Vectors


@dataclass(frozen=True)
class NeighbourRow:
    """One article's place in a generation. An empty `text_hash`, which is an indexed one, says that it has left.

    `names` are keys of the gazetteer, the most telling first; `story` is the number of the first article of its running
    story, its own where it stands alone.
    """

    number: int
    text_hash: str
    language: str
    terms: bytes
    candidates: CandidateArray
    names: tuple[str, ...] = ()
    story: int = 0


@dataclass(frozen=True)
class Standing:
    """Where an article stands in a generation: the revision of its candidate list, its running story, among how many
    others' best candidates it is, and what copies of its text share, empty where that is unknown.
    """

    relisted: int
    story: int
    demand: int
    copy_key: str = ""


@dataclass(frozen=True)
class Stale:
    """Numbers of articles whose rows are out of date: new or changed ones, newest first, and those that left."""

    changed: list[int]
    left: list[int]


class GenerationStore(Protocol):
    """Vectors, generations and neighbour lists."""

    def published(self, numbers: Sequence[int] | None = None) -> list[Published]:
        """The published articles, by number; all, or those among `numbers`."""
        ...

    def put_vectors(self, model: str, vectors: Mapping[str, Vectors]) -> None:
        """Keeps one vector for each vector key; it replaces an earlier one."""
        ...

    def vectors(self, model: str, keys: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of some texts by their vector keys, as far as they are kept."""
        ...

    def prune_vectors(self) -> int:
        """Drops the vectors that belong to no article and no neighbour row any more, and says how many."""
        ...

    def members(self, model: str, generation: int) -> list[Member]:
        """Published articles that have a vector of this embedding model, by number.

        Of an article that the generation holds as it is now, it is the vector that this one was made with.
        """
        ...

    def live(self) -> Generation | None:
        """The generation that readers are given, or None before the first build."""
        ...

    def live_model(self) -> str | None:
        """The version of the embedding model behind the live generation."""
        ...

    def previous(self) -> int | None:
        """The generation that `swap_back` makes live."""
        ...

    def shadow(self) -> int | None:
        """The generation of the shadow run, beside the live one."""
        ...

    def generation(self, number: int) -> Generation | None:
        """A complete generation, live or not; None if there is none of this number."""
        ...

    def model(self, number: int) -> str | None:
        """The version of the embedding model behind a generation; None if there is no such generation."""
        ...

    def model_version(self, number: int) -> str | None:
        """The model version that a generation was built with; None if it names none, or there is no such generation."""
        ...

    def ranking(self, number: int) -> RankingModel | None:
        """The weights of a generation; None if it names none, or there is no such generation."""
        ...

    def reranker(self, number: int) -> str | None:
        """The reader whose grades a generation shows; None if it shows none, or there is no such generation."""
        ...

    def recipe(self, number: int) -> str | None:
        """What a generation was made with, besides its model version; None if there is no such generation."""
        ...

    def built_on(self, number: int) -> datetime | None:
        """When the build of a generation began; None if there is no such generation."""
        ...

    def scales(self, number: int) -> Scales:
        """How similarities spread in a generation."""
        ...

    def geometry(self, number: int) -> bytes | None:
        """What `NewGeneration.geometry` of a generation was; None if there is no such generation."""
        ...

    def begin(self, generation: NewGeneration) -> int:
        """Opens a generation beside the live one, and removes what an interrupted build left behind."""
        ...

    def write(self, number: int, rows: Sequence[NeighbourRow]) -> None:
        """Writes rows, which replace those of the same articles; their demand and exposure stay as counted.

        Raises Unavailable if a newer build swept the generation.
        """
        ...

    def write_candidates(self, number: int, lists: Mapping[int, CandidateArray]) -> None:
        """Replaces the candidate lists of articles that are in a generation already."""
        ...

    def finish(self, number: int) -> None:
        """Marks a generation as complete; it is not live yet. Raises Unavailable if a newer build swept it."""
        ...

    def activate(self, number: int, *, keep: bool = False) -> None:
        """Makes a generation the live one for every reader at once. Raises Unavailable if a newer build swept it.

        With `keep` the one that was live becomes the previous one, which `swap_back` returns to; otherwise the previous
        one stays.
        """
        ...

    def swap_back(self) -> int:
        """Makes the previous generation the live one, and the live one the previous, for every reader at once.

        Returns the number of the one that is live now. Raises InvalidInput where there is no previous one.
        """
        ...

    def put_shadow(self, number: int | None) -> None:
        """Sets the generation of the shadow run, beside the live one; None ends the run.

        Raises InvalidInput for one that is live, not complete or not there.
        """
        ...

    def drop_retired(self) -> None:
        """Removes the complete generations that are neither live, nor the previous one, nor the shadow."""
        ...

    def candidates(self, number: int, articles: Sequence[int]) -> dict[int, CandidateArray]:
        """Candidate lists by article; articles without one are left out."""
        ...

    def grades(self, number: int, articles: Sequence[int]) -> dict[int, GradeArray]:
        """The grades in the lists of some articles, see `candidates.grade_rows`; articles without any are left out."""
        ...

    def graded(self, number: int) -> int:
        """How many articles of a generation have a grade in their lists."""
        ...

    def put_grades(self, number: int, grades: Mapping[int, GradeArray]) -> None:
        """Replaces the grades in the lists of articles of a generation; for readers their lists have changed.

        Raises Unavailable if a newer build swept the generation.
        """
        ...

    def forget_grades(self, number: int, articles: Sequence[int], candidates: Sequence[int]) -> None:
        """Drops what the lists of some articles have as grades of some candidates, whose texts are others now."""
        ...

    def rows_since(self, number: int, revision: int) -> Iterator[NeighbourRow]:
        """The rows of a generation written after `revision` (-1: all), by article number."""
        ...

    def standings_since(self, number: int, revision: int) -> dict[int, Standing]:
        """Where articles stand, for those whose rows were written after `revision`; -1 gives all."""
        ...

    def names(self, number: int, articles: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """What some articles of a generation name: keys of the gazetteer, the most telling first."""
        ...

    def story(self, number: int, story: int) -> list[int]:
        """The articles of a running story."""
        ...

    def put_standings(self, number: int, stories: Mapping[int, int], demand: Mapping[int, int]) -> None:
        """Sets where articles stand in a generation that is being built: see `Standing`."""
        ...

    def put_exposure(self, number: int, shown: Mapping[int, int]) -> None:
        """Keeps in how many sidebars each article of a generation is shown; 0 for those not named."""
        ...

    def exposure(self, number: int) -> dict[int, int]:
        """In how many sidebars each article of a generation is shown."""
        ...

    def numbers(self, number: int) -> list[int]:
        """The articles of a generation, in order."""
        ...

    def put_prepared(self, number: int, answers: Mapping[int, bytes]) -> None:
        """Keeps finished answers of articles of a generation. For readers this is not a change."""
        ...

    def prepared(self, number: int, article_id: str, at: datetime) -> bytes | None:
        """The finished answer of an article that is public at a time: see `ArticleStore`."""
        ...

    def all_prepared(self, number: int) -> Iterator[tuple[int, bytes]]:
        """The finished answers of a generation, by article number."""
        ...

    def stale(self, number: int) -> Stale:
        """What has happened to the articles since their rows were written."""
        ...

    def outdated(self, number: int, before: datetime) -> bool:
        """Whether a generation is older than a time and articles have changed since: it does not know their words."""
        ...

    def size(self, number: int) -> int:
        """How many articles a generation holds."""
        ...
