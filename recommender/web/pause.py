"""Waiting before an answer without keeping a thread from others."""

import time

from flask import request

LATER = "recommender.pause"  # in the environ: a function that takes the seconds to wait after the view has returned


def pause(seconds: float) -> None:
    """Holds the answer to this request back; where the server cannot, as plain WSGI servers, in this thread."""
    later = request.environ.get(LATER)
    (time.sleep if later is None else later)(seconds)
