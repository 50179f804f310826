"""How requests are read as JSON: within bounds."""

import json
from typing import Any

from apiflask import abort
from flask.json.provider import DefaultJSONProvider

from recommender.sources.bounded_json import OversizedJson, loads


class BoundedJson(DefaultJSONProvider):
    """Flask's JSON, which refuses bodies that would take all memory or all of the stack."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """The value of a body. Answers 400 where it is out of bounds; raises ValueError where it is not JSON."""
        try:
            return loads(s if isinstance(s, str) else s.decode(json.detect_encoding(s)))
        except OversizedJson as error:
            abort(400, f"The body {error}.")
