"""A small reader of both texts: it says what a test wants, and remembers what it was asked."""

from collections.abc import Callable, Collection, Sequence

from recommender.errors import NoVerdict, Unavailable
from recommender.reranking.base import Reading, Verdict

Grades = Callable[[str, str], float | None]


class ToyReader:
    """`Reranker` by a function of two ids; from its `answers`-th box on it cannot be reached, and
    it makes nothing of the articles that it is `puzzled_by`.
    """

    def __init__(
        self,
        grades: Grades,
        *,
        version: str = "toy-reader@1",
        answers: float = float("inf"),
        puzzled_by: Collection[str] = (),
    ) -> None:
        self.version = version
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.answers = answers
        self._puzzled_by = puzzled_by
        self._grades = grades

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs that it was asked about."""
        return [(article, candidate) for article, candidates in self.asked for candidate in candidates]

    def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict | None]:
        """A verdict of each candidate, whose reason names both."""
        if len(self.asked) >= self.answers:
            raise Unavailable("nobody is at home")
        self.asked.append((article.id, tuple(candidate.id for candidate in candidates)))
        if article.id in self._puzzled_by:
            raise NoVerdict("it says nothing of use")
        grades = [self._grades(article.id, candidate.id) for candidate in candidates]
        return [
            None if grade is None else Verdict(grade, f"{article.id} and {candidate.id}")
            for grade, candidate in zip(grades, candidates, strict=True)
        ]
