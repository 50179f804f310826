"""Log lines: text with its time, or one JSON object for each event."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

LogFormat = Literal["text", "json"]

# What the lines of one request have in common. A log line outside a request has none.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_TEXT = "%(asctime)s %(levelname)s %(message)s"
_OURS = "recommender"


class JsonFormatter(logging.Formatter):
    """One object in one line: `time` (UTC), `level`, `logger`, `message`; `request_id` and `traceback` where there are.

    What a call gives as `extra={"event": {...}}` stands beside them.
    """

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            event["request_id"] = current
        event |= getattr(record, "event", {})
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def set_up_logs(log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Sends all log lines of this process to `stream` (standard error) in this format.

    As text these are warnings and errors; as JSON the service's own lines of information too, the access lines among
    them.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(log_format == "json")
    logging.getLogger(_OURS).setLevel(logging.INFO if log_format == "json" else logging.WARNING)
