"""The weighted terms of one article, and the bytes in which the store keeps them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

# The names of the similarities these rows give: by all words, by tags, by countries, by names, by topics, and by
# shingles, which copies of a text share.
TERM_FIELDS = ("lexical", "tags", "places", "names", "topics", "shingles")
FORMAT = "terms-4"  # of a row's bytes: with another one, what a generation holds is made anew

# For each field: term numbers in rising order, and as many weights; the weights' length is at most 1, 0 without terms.
TermRow = Mapping[str, tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]]

_COUNT = np.dtype("<i4")
_TERM = np.dtype("<i4")
_WEIGHT = np.dtype("<f4")


def to_bytes(row: TermRow) -> bytes:
    """The stored form: a count for each field, then for each field its term numbers and its weights."""
    counts = np.array([len(row[field][0]) for field in TERM_FIELDS], dtype=_COUNT)
    parts = [counts.tobytes()]
    for field in TERM_FIELDS:
        terms, weights = row[field]
        parts += [np.asarray(terms, _TERM).tobytes(), np.asarray(weights, _WEIGHT).tobytes()]
    return b"".join(parts)


def from_bytes(data: bytes) -> TermRow:
    """The row that `to_bytes` wrote; its arrays are read-only."""
    counts = np.frombuffer(data, _COUNT, len(TERM_FIELDS))
    start = counts.nbytes
    row = {}
    for field, count in zip(TERM_FIELDS, counts.tolist(), strict=True):
        middle = start + count * _TERM.itemsize
        row[field] = (np.frombuffer(data, _TERM, count, start), np.frombuffer(data, _WEIGHT, count, middle))
        start = middle + count * _WEIGHT.itemsize
    return row
