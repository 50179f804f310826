"""The promise of a reader of both texts, and what it is given and says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

HIGHEST_GRADE = 4.0
LEAD_WORDS = 120


@dataclass(frozen=True)
class Reading:
    """What a reader is given of an article.

    `text_hash` names the words below and nothing else: what was read once of two texts holds until one of them changes.
    `lead` is the first LEAD_WORDS words of the body. `published` is None where no date is known. `id` is the article's,
    for what has been recorded of it: it is no part of what is read, and is not sent anywhere.
    """

    text_hash: str
    title: str
    summary: str
    lead: str
    language: str
    published: datetime | None
    id: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a reader says of one candidate beside one article.

    `grade` lies between 0 and HIGHEST_GRADE, on the scale of the judgments, where 2 is related; it may lie between two
    grades. `reason` is one line for editors in the reader's words, empty where it gives none.
    """

    grade: float
    reason: str = ""


class Reranker(Protocol):
    """Reads an article and its best candidates together."""

    @property
    def version(self) -> str:
        """Names everything that decides its verdicts: what was read with another version is read again."""
        ...

    def read(self, article: Reading, candidates: Sequence[Reading]) -> Sequence[Verdict | None]:
        """A verdict of each candidate, in the order of `candidates`; None where it has nothing to say of one.

        Raises Unavailable where it cannot be reached or gives no answer in time, and of that NoVerdict where it has
        answered and the answer is of no use: then others may be.
        """
        ...
