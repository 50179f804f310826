"""What schemathesis cannot read from the OpenAPI file: how a body of lines is made, and rules between fields.

Schemathesis itself loads it: see `fuzzing`.
"""

import json
from typing import Any

import schemathesis
from hypothesis import strategies as st

from tests.web.toy import ARCHIVE

# OpenAPI has no word for these: a parameter instead of another, a field that equals the path, what a reader sees of a
# text. The documentation has, and so has the refusal; it names nothing else then.
UNSAYABLE = {
    "contains control characters",  # those of categories that no pattern names
    "give article_id or url, and not both",
    "differs from the id in the path",
    "body or summary is required",
    "is required",
}
VALID_REFUSED, INVALID_TAKEN, NO_HEADER = "ST202", "ST201", "ST203"

_lines = st.lists(
    st.fixed_dictionaries(
        {"id": st.text("abcdefgh-/", min_size=1, max_size=20), "title": st.just("Fuel for Bamako")},
        optional={"summary": st.text(), "body": st.text(), "tags": st.lists(st.text())},
    )
    | st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
    max_size=5,
)
schemathesis.openapi.media_type(
    "application/x-ndjson",
    _lines.map(lambda lines: b"".join(json.dumps(line).encode() + b"\n" for line in lines)),
)


@schemathesis.hook
def map_query(context: Any, query: dict[str, Any]) -> dict[str, Any]:
    """Asks for an article that is there, where no other is named."""
    asks = context.operation.label == "GET /api/v1/recommend" and not (query or {}).keys() & {"article_id", "url"}
    return {**(query or {}), "article_id": ARCHIVE[0].id} if asks else query


@schemathesis.hook
def filter_failure(_context: Any, failure: Any, _case: Any, response: Any) -> bool:
    """Whether a failure counts."""
    if failure.code == VALID_REFUSED and response.status_code == 422:
        refusal = response.json()
        # `problems` are of lines, which the file describes as text.
        return "problems" not in refusal and not {error["problem"] for error in refusal["errors"]} <= UNSAYABLE
    if failure.code == INVALID_TAKEN:
        return bool(response.status_code != 413)  # refused before it was read
    # Without a configured key no header can be right, so the answer to a missing one is 403.
    return failure.code != NO_HEADER or response.status_code != 403
