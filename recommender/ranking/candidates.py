"""The candidate list of one article: which others may be related to it, and how similar each pair is.

A list is a structured array with one row per candidate (`CANDIDATE`), ordered by number. It holds the nearest by
embedding, those of the article's own language and some of the others, and the best by lexical score in any language.
Its bytes are what the neighbour table stores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.arrays import BoolArray, Counts, IntArray, Positions, Vectors

DEPTH = 50  # nearest of the same language, and best by words
DEPTH_OTHER = 25  # nearest of other languages: asked for less often, and fewer are needed
MAX_COPIES = (
    4  # of one text in a list, where they take one place together: one may be withdrawn, or of no edition asked
)
# Cosine similarities of centred embeddings, of words, themes, names, topics, tags, countries and shingles.
FEATURES = ("dense", "lexical", "themes", "names", "topics", "tags", "places", "shingles")
CANDIDATE = np.dtype([("number", "<i4"), ("same", "?"), *((feature, "<f4") for feature in FEATURES)])

# A list with what a reader of both texts says of its candidates, NaN where that is not known: see `with_grades`.
GRADE = "grade"
GRADED = np.dtype([*((name, CANDIDATE[name]) for name in CANDIDATE.names or ()), (GRADE, "<f4")])
# The stored form of grades: one row for each candidate that has one, ordered by number.
GRADE_ROW = np.dtype([("number", "<i4"), (GRADE, "<f4")])

EMPTY = np.empty(0, dtype=CANDIDATE)
NO_GRADES = np.empty(0, dtype=GRADE_ROW)

CandidateArray = npt.NDArray[np.void]
GradeArray = npt.NDArray[np.void]
Lists = Mapping[int, CandidateArray]


def make_candidates(numbers: IntArray, same: BoolArray, features: Mapping[str, Vectors]) -> CandidateArray:
    """Candidate rows from aligned columns, in the order given.

    They are article numbers, whether the language is the same, and for each of FEATURES a cosine similarity in
    [-1, 1]. Names and topics are NaN where the gazetteer does not know the archive's names, the other labels and
    shingles where one of the two articles has none: the similarity is unknown then.
    """
    rows = np.empty(len(numbers), dtype=CANDIDATE)
    rows["number"] = numbers
    rows["same"] = same
    for feature in FEATURES:
        rows[feature] = features[feature]
    return rows


def by_number(rows: CandidateArray) -> CandidateArray:
    """The rows in the order of a list."""
    return rows[np.argsort(rows["number"], kind="stable")]


def trim(rows: CandidateArray, copies: Counts) -> CandidateArray:
    """The rows that belong in a list. `copies` goes with them: what articles of one text have in common.

    Of one text there are up to MAX_COPIES, which count as one: else copies would take the places of all others. Equal
    similarities are decided for the smaller number, so the result does not depend on the order of arrival. Trimming a
    list together with newcomers gives the list of all: adding articles one by one ends where a build does.
    """
    belongs = np.zeros(len(rows), dtype=bool)
    belongs[_best(rows, copies, "dense", rows["same"], DEPTH)] = True
    belongs[_best(rows, copies, "dense", ~rows["same"], DEPTH_OTHER)] = True
    belongs[_best(rows, copies, "lexical", rows["lexical"] > 0, DEPTH)] = True
    return rows[belongs]


def _best(rows: CandidateArray, copies: Counts, feature: str, among: BoolArray, depth: int) -> Positions:
    places = np.flatnonzero(among)
    order = np.lexsort((rows["number"][places], -rows[feature][places]))
    ranked = places[order]
    firsts, nth = _firsts(copies[ranked])
    if len(firsts) == len(ranked):
        return ranked[:depth]
    end = firsts[depth - 1] + 1 if len(firsts) >= depth else len(ranked)
    best: Positions = ranked[:end][nth[:end] < MAX_COPIES]
    return best


def _firsts(copies: Counts) -> tuple[Positions, Positions]:
    """Where each text stands first, in rising order; and of each place, how many before it hold the same text."""
    _, text, sizes = np.unique(copies, return_inverse=True, return_counts=True)
    order = np.argsort(text, kind="stable")
    nth = np.empty(len(copies), dtype=np.intp)
    nth[order] = np.arange(len(copies)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.flatnonzero(nth == 0), nth


def floors(rows: CandidateArray, copies: Counts) -> tuple[float, float, float]:
    """The similarity that a newcomer must reach: by embedding in the same language, in another, and by words.

    A list that is not full yet takes any article (-inf); by words, any that shares a term (0, to be exceeded).
    """
    words = rows["lexical"] > 0
    return (
        _floor(rows["dense"][rows["same"]], copies[rows["same"]], DEPTH, -np.inf),
        _floor(rows["dense"][~rows["same"]], copies[~rows["same"]], DEPTH_OTHER, -np.inf),
        _floor(rows["lexical"][words], copies[words], DEPTH, 0.0),
    )


def _floor(values: Vectors, copies: Counts, depth: int, otherwise: float) -> float:
    falling = np.argsort(-values, kind="stable")
    firsts, _ = _firsts(copies[falling])
    return float(values[falling[firsts[depth - 1]]]) if len(firsts) >= depth else otherwise


def with_newcomers(rows: CandidateArray, newcomers: CandidateArray) -> CandidateArray:
    """`rows` with those of `newcomers` instead of the rows with the same numbers, to be trimmed again."""
    others = rows[~np.isin(rows["number"], newcomers["number"])]
    return by_number(np.concatenate([others, newcomers]))


def grade_rows(grades: Mapping[int, float]) -> GradeArray:
    """Grades by candidate number as they are kept, ordered by number."""
    rows = np.empty(len(grades), dtype=GRADE_ROW)
    rows["number"] = sorted(grades)
    rows[GRADE] = [grades[number] for number in sorted(grades)]
    return rows


def with_grades(rows: CandidateArray, grades: GradeArray) -> CandidateArray:
    """A list with the grades of its candidates; as it is where none of them has one.

    Only the list of the article that is read has them: a page view reads many others, which say how similar two
    candidates are, and these stay as they are stored.
    """
    inside = grades[np.isin(grades["number"], rows["number"])]
    if not len(inside):
        return rows
    graded = np.empty(len(rows), dtype=GRADED)
    for name in CANDIDATE.names or ():
        graded[name] = rows[name]
    graded[GRADE] = np.nan
    graded[GRADE][np.searchsorted(rows["number"], inside["number"])] = inside[GRADE]
    return graded


def is_graded(rows: CandidateArray) -> bool:
    """Whether the list holds grades: see `with_grades`."""
    return rows.dtype == GRADED


def to_bytes(rows: CandidateArray) -> bytes:
    """The stored form; `from_bytes` reads it back."""
    return rows.tobytes()


def from_bytes(data: bytes) -> CandidateArray:
    """A read-only candidate list over the stored bytes."""
    return np.frombuffer(data, dtype=CANDIDATE)


def pair_features(
    lists: Mapping[int, CandidateArray], numbers: IntArray, features: Sequence[str]
) -> dict[str, Vectors]:
    """Similarity of every two of `numbers` as far as their own lists hold it: for each feature (n, n), symmetric.

    Two similar articles stand in each other's lists; a pair that does not is less similar than `DEPTH` others, and
    counts 0.
    """
    tables = {feature: np.zeros((len(numbers), len(numbers)), dtype=np.float32) for feature in features}
    if not len(numbers):
        return tables
    own = [lists.get(number, EMPTY) for number in numbers.tolist()]
    rows = from_bytes(b"".join(map(to_bytes, own)))  # np.concatenate takes ten times as long on structured rows
    rows_of = np.repeat(np.arange(len(numbers)), [len(part) for part in own])
    order = np.argsort(numbers)
    spots = np.minimum(np.searchsorted(numbers, rows["number"], sorter=order), len(numbers) - 1)
    columns = order[spots]
    inside = np.flatnonzero(numbers[columns] == rows["number"])
    rows_of, columns = rows_of[inside], columns[inside]
    for feature, table in tables.items():
        table[rows_of, columns] = rows[feature][inside]
    return {feature: np.maximum(table, table.T) for feature, table in tables.items()}


@dataclass(frozen=True)
class TextCandidates:
    """What is known of a text before it is ranked: its candidate list, and what it names (see `LexicalModel.names`).

    `copy_key` is that of a draft (see `shingles.copy_key`); the catalogue knows those of the archive. `generation` is
    the one that a draft was compared with; another one may be live by the time it is ranked.
    """

    rows: CandidateArray
    names: tuple[str, ...]
    generation: int | None = None
    copy_key: str = ""
