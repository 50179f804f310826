"""What a generation holds of each article and pair has room for shingles, of which nothing is known until a build.

The rows are rewritten, so that readers keep their sidebars until then.
"""

from collections.abc import Callable, Iterator

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 500
COUNT = np.dtype("<i4")
FIELDS = 5  # of terms, before
_FEATURES = ("dense", "lexical", "themes", "names", "topics", "tags", "places")
_BEFORE = np.dtype([("number", "<i4"), ("same", "?"), *((feature, "<f4") for feature in _FEATURES)])
_AFTER = np.dtype([*_BEFORE.descr, ("shingles", "<f4")])


def upgrade() -> None:
    _rewrite(_with_room, _without_shingles_known)


def downgrade() -> None:
    _rewrite(_without_room, _without_shingles)


def _rewrite(terms: Callable[[bytes], bytes], candidates: Callable[[bytes], bytes]) -> None:
    write = sa.text(
        "UPDATE neighbour SET terms = :terms, candidates = :candidates "
        "WHERE generation = :generation AND number = :number"
    )
    connection = op.get_bind()
    for rows in _pages(connection):
        connection.execute(
            write,
            [
                {
                    "generation": row.generation,
                    "number": row.number,
                    "terms": terms(bytes(row.terms)),
                    "candidates": candidates(bytes(row.candidates)),
                }
                for row in rows
            ],
        )


def _pages(connection: sa.Connection) -> Iterator[list[sa.Row[tuple[int, int, bytes, bytes]]]]:
    page = sa.text(
        "SELECT generation, number, terms, candidates FROM neighbour "
        "WHERE generation = :generation AND number > :last ORDER BY number LIMIT :batch"
    )
    for generation in connection.execute(sa.text("SELECT number FROM generation")).scalars().all():
        last = -1
        while rows := connection.execute(page, {"generation": generation, "last": last, "batch": BATCH}).all():
            yield list(rows)
            last = rows[-1].number


def _with_room(terms: bytes) -> bytes:
    """A row of terms with no shingles; one that has left has no terms at all."""
    if not terms:
        return terms
    counts = COUNT.itemsize * FIELDS
    return terms[:counts] + np.zeros(1, COUNT).tobytes() + terms[counts:]


def _without_room(terms: bytes) -> bytes:
    if not terms:
        return terms
    counts = np.frombuffer(terms, COUNT, FIELDS + 1)
    kept = counts.nbytes + 2 * COUNT.itemsize * int(counts[:FIELDS].sum())
    return counts[:FIELDS].tobytes() + terms[counts.nbytes : kept]


def _without_shingles_known(candidates: bytes) -> bytes:
    before = np.frombuffer(candidates, _BEFORE)
    after = np.empty(len(before), _AFTER)
    for field in _BEFORE.names or ():
        after[field] = before[field]
    after["shingles"] = np.nan
    return after.tobytes()


def _without_shingles(candidates: bytes) -> bytes:
    after = np.frombuffer(candidates, _AFTER)
    before = np.empty(len(after), _BEFORE)
    for field in _BEFORE.names or ():
        before[field] = after[field]
    return before.tobytes()
