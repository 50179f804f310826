"""The stored form of weighted terms."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommender.retrieval.terms import TERM_FIELDS, TermRow, from_bytes, to_bytes

entries = st.dictionaries(st.integers(0, 2**31 - 1), st.floats(0, 1, width=32), max_size=6).map(
    lambda pairs: (np.array(sorted(pairs), np.int32), np.array([pairs[term] for term in sorted(pairs)], np.float32))
)
rows = st.fixed_dictionaries(dict.fromkeys(TERM_FIELDS, entries))


@given(rows)
def test_rows_survive_their_bytes(row: TermRow) -> None:
    again = from_bytes(to_bytes(row))
    for field in TERM_FIELDS:
        np.testing.assert_array_equal(again[field][0], row[field][0])
        np.testing.assert_array_equal(again[field][1], row[field][1])


def test_stored_form_is_little_endian() -> None:
    empty = (np.empty(0, np.int32), np.empty(0, np.float32))
    row = dict.fromkeys(TERM_FIELDS, empty) | {"lexical": (np.array([258], np.int32), np.array([1], np.float32))}
    counts = "01000000" + "00000000" * (len(TERM_FIELDS) - 1)
    assert to_bytes(row).hex() == f"{counts}020100000000803f"
