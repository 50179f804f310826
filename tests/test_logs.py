"""Log lines: one JSON object for each event, and nothing in it that no log may hold."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from recommender.logs import request_id, set_up_logs

_log = logging.getLogger("recommender.tests")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where log lines go; pytest's own handlers come back afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("recommender")
    before = root.handlers[:], root.level, ours.level
    root.handlers[:] = []
    yield io.StringIO()
    root.handlers[:], level, own_level = before
    root.setLevel(level)
    ours.setLevel(own_level)
    logging.captureWarnings(False)


def test_json_event_is_one_line(stream: io.StringIO) -> None:
    set_up_logs("json", stream)
    _log.info("two\nlines of %s", "é", extra={"event": {"pages": 3}})
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert datetime.fromisoformat(event.pop("time")).utcoffset() is not None
    assert event == {"level": "info", "logger": "recommender.tests", "message": "two\nlines of é", "pages": 3}


def test_json_error_has_its_traceback(stream: io.StringIO) -> None:
    set_up_logs("json", stream)
    try:
        raise KeyError("lost")
    except KeyError:
        _log.exception("a fault")
    event = json.loads(stream.getvalue())
    assert (event["level"], event["message"]) == ("error", "a fault")
    assert event["traceback"].endswith("KeyError: 'lost'")


def test_lines_of_a_request_have_its_id(stream: io.StringIO) -> None:
    set_up_logs("json", stream)
    token = request_id.set("abc")
    _log.warning("inside")
    request_id.reset(token)
    _log.warning("outside")
    inside, outside = map(json.loads, stream.getvalue().splitlines())
    assert inside["request_id"] == "abc"
    assert "request_id" not in outside


def test_libraries_say_only_warnings(stream: io.StringIO) -> None:
    set_up_logs("json", stream)
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("a reason")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["a reason"]


def test_text_says_warnings_with_their_time(stream: io.StringIO) -> None:
    set_up_logs("text", stream)
    _log.info("chatter")
    _log.warning("a reason")
    (line,) = stream.getvalue().splitlines()
    assert datetime.fromisoformat(line[:19].replace(",", "."))
    assert line.endswith(" WARNING a reason")
