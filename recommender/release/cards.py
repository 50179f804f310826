"""Model versions: what a card says, which states a version goes through, and what a complete card must hold."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any

from recommender.errors import InvalidInput
from recommender.ranking.scoring import RankingModel, for_parts

CANDIDATE, SHADOW, LIVE, RETIRED = "candidate", "shadow", "live", "retired"
STATES = (CANDIDATE, SHADOW, LIVE, RETIRED)
LEARNED_QUERIES = "learned_queries"  # in `training`: the judged queries that took part in it
BUILT_IN = "sahel/1"  # part of this software, so it needs no folder; `scoring.DEFAULT` are its weights
CARD = "card.json"
README = "README.md"
# What a version may hold. Weights as safetensors: loading a pickle would run whatever is in it.
SUFFIXES = frozenset({".json", ".safetensors", ".txt", ".md", ".model"})
MAX_BYTES = 1 << 20  # of a card; one with all its figures has some thousands
MAX_NAME = 64
MAX_PATH = 200  # bytes of a file's path inside a version; file systems take 255 for each name in it
MAX_MODEL = 96  # as on the hub
MAX_DEPTH = 20  # of what a card holds inside each other
MAX_WEIGHT = 1_000.0  # in log-odds, where 20 is as good as certain
MAX_COUNT = 2**53  # what every reader of JSON can count to
_INTERVAL = ("mean", "low", "high")
_PART = re.compile(r"[a-z0-9][a-z0-9-]*")
_VERSION = re.compile(r"[a-z0-9][a-z0-9.-]*")
# A name of the hub: what begins with another sign, or goes up, could be a folder of the machine.
_MODEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HistoryEntry:
    """When a version came into a state, by whom and why, and what the gate said of it."""

    on: datetime
    by: str
    state: str
    reason: str = ""
    checks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class FileEntry:
    """What a file of a version must be."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Embedding:
    """The embedding model of a version: its name in this software or on the hub (`model`), or a folder of its files.

    `version` is the embedder's own, under which vectors are kept; `dimension` and `bytes` are its size.
    """

    model: str | None
    files: str | None
    version: str
    dimension: int
    bytes: int


@dataclass(frozen=True)
class ModelCard:
    """Everything that is known of a model version. Its state is that of the last entry of `history`.

    `reranker` is the version of the reader of both texts whose grades its weights were made for, None for any. A card
    whose weight of the part `reader` is 0 has none.
    """

    name: str
    made_on: date
    made_with: str
    embedding: Embedding
    ranking: RankingModel
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    licence: str = "Apache-2.0"
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    history: tuple[HistoryEntry, ...] = ()
    reranker: str | None = None

    @property
    def state(self) -> str:
        """One of STATES."""
        return self.history[-1].state if self.history else CANDIDATE

    @property
    def learned_queries(self) -> frozenset[str]:
        """The judged queries that took part in the training, where the card names them."""
        queries = self.training.get(LEARNED_QUERIES, ())
        return frozenset(query for query in queries if isinstance(query, str) and isinstance(queries, list))

    def recorded(self, entry: HistoryEntry) -> "ModelCard":
        """The card with one more entry in its history."""
        return replace(self, history=(*self.history, entry))


def checked_name(text: str) -> str:
    """A name of the form NAME/VERSION, of small letters, digits and hyphens, in the version also dots.

    Raises InvalidInput for any other.
    """
    name, slash, version = text.partition("/")
    complete = slash and _PART.fullmatch(name) and _VERSION.fullmatch(version) and ".." not in version
    if not complete or len(text) > MAX_NAME:
        raise InvalidInput(
            f"{text!r} is not a model version. Write NAME/VERSION, such as sahel/2, in small letters, digits, hyphens."
        )
    return text


def checked_file(path: str) -> str:
    """The path of a file inside a version, as a card may name it; not that of the card. Raises InvalidInput."""
    names = PurePosixPath(path).parts
    plain = path == "/".join(names) and not path.startswith("/") and "\\" not in path and path.isprintable()
    if not plain or path in ("", CARD, README) or any(name.startswith(".") for name in names):
        raise InvalidInput(f"{path!r} is not a path inside a model version.")
    if len(path.encode()) > MAX_PATH:
        raise InvalidInput(f"A path inside a model version has {MAX_PATH} bytes at most; shorten {path[:MAX_PATH]!r}….")
    if PurePosixPath(path).suffix not in SUFFIXES:
        raise InvalidInput(
            f"{path!r} is of a type that no model version may hold; allowed: {', '.join(sorted(SUFFIXES))}."
        )
    return path


def to_json(card: ModelCard) -> str:
    """A card as it lies in its folder. Raises InvalidInput for one that could not be read again, or is too large."""
    name, _, version = card.name.partition("/")
    embedding = card.embedding
    source = {"model": embedding.model} if embedding.model is not None else {"files": embedding.files}
    data = {
        "name": name,
        "version": version,
        "made_on": card.made_on.isoformat(),
        "made_with": card.made_with,
        "embedding": {
            **source,
            "version": embedding.version,
            "dimension": embedding.dimension,
            "bytes": embedding.bytes,
        },
        "ranking": json.loads(card.ranking.to_json()),
        **({} if card.reranker is None else {"reranker": card.reranker}),
        "training": card.training,
        "metrics": card.metrics,
        "failures": list(card.failures),
        "licence": card.licence,
        "files": {path: {"sha256": entry.sha256, "bytes": entry.bytes} for path, entry in sorted(card.files.items())},
        "history": [
            {
                "on": entry.on.isoformat(timespec="seconds"),
                "by": entry.by,
                "state": entry.state,
                "reason": entry.reason,
                "checks": list(entry.checks),
            }
            for entry in card.history
        ],
    }
    try:
        text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(f"The card of {card.name} cannot be written: {error}") from error
    from_json(text, f"The card of {card.name}")
    if (size := len(text.encode())) > MAX_BYTES:
        longest = max(data, key=lambda name: len(json.dumps(data[name])))
        raise InvalidInput(
            f"The card of {card.name} would have {size:,} bytes, and more than {MAX_BYTES:,} are not read. Make its "
            f"`{longest}` shorter."
        )
    return text


def from_json(text: str, source: str) -> ModelCard:
    """The card in a text that lies at `source`. Raises InvalidInput for one that is not complete."""
    try:
        text.encode()
        data = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        _check_values(data, MAX_DEPTH)
        return _card(data)
    except InvalidInput as error:
        raise InvalidInput(f"{source}: {error}") from error
    except RecursionError as error:
        raise InvalidInput(f"{source} is not a model card: it is nested too deeply") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidInput(f"{source} is not a model card: {_message(error)}") from error


def readme(card: ModelCard) -> str:
    """A card for people, as Markdown."""
    name, _, version = card.name.partition("/")
    embedding = card.embedding
    source = f"`{embedding.model}`" if embedding.model is not None else f"the files in `{embedding.files}/`"
    lines = [
        f"# {name} {version}",
        "",
        f"Made on {card.made_on.isoformat()} with {card.made_with}; {card.state} now. Written from `card.json`.",
        "",
        "| | |",
        "|---|---|",
        f"| embedding | {source}, {embedding.dimension} dimensions, {embedding.bytes:,} bytes, `{embedding.version}` |",
        *([] if card.reranker is None else [f"| read by | `{_cell(card.reranker)}` |"]),
        f"| weights | `{card.ranking.version}`, threshold {card.ranking.threshold} |",
        *(f"| {part} | {weight} |" for part, weight in card.ranking.weights.items()),
        f"| licence | {card.licence} |",
    ]
    for title, content in (("Training", card.training), ("Metrics", card.metrics)):
        if content:
            lines += ["", f"## {title}", "", *_bullets(content)]
    if card.failures:
        lines += ["", "## Known failures", "", *(f"- {failure}" for failure in card.failures)]
    if card.history:
        lines += ["", "## History", "", "| on | by | state | why |", "|---|---|---|---|"]
        lines += [
            f"| {entry.on.isoformat(timespec='seconds')} | {_cell(entry.by)} | {entry.state} | {_cell(entry.reason)} |"
            for entry in card.history
        ]
    return "\n".join(lines) + "\n"


def estimate_text(value: Any) -> str | None:
    """A mean with its interval, as a card holds it, for people; None for what is not one."""
    if not isinstance(value, dict) or not all(isinstance(value.get(key), int | float) for key in _INTERVAL):
        return None
    mean, low, high = (value[key] for key in _INTERVAL)
    return f"{mean:.3f} ({low:.3f}-{high:.3f})"


def _bullets(content: Mapping[str, Any], depth: int = 0) -> list[str]:
    """The free fields of a card, as a nested list."""
    lines = []
    for name, value in content.items():
        estimate = estimate_text(value)
        nested = [] if estimate else _below(value)
        text = estimate or ("" if nested else _inline(value))
        lines.append(f"{'  ' * depth}- {_cell(name)}{f': {text}' if text else ''}")
        for item in nested:
            lines += [f"{'  ' * (depth + 1)}- {item}"] if isinstance(item, str) else _bullets(item, depth + 1)
    return lines


def _below(value: Any) -> list[Mapping[str, Any] | str]:
    """What stands a level deeper: an object; or a line for each object of a list."""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return [_inline(item) for item in value]
    return []


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_cell(name)} {_inline(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_inline, value))
    return _cell(value if isinstance(value, str) else json.dumps(value))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _card(data: Mapping[str, Any]) -> ModelCard:
    embedding = data["embedding"]
    model, folder = embedding.get("model"), embedding.get("files")
    if (model is None) == (folder is None):
        raise ValueError("embedding needs either `model` or `files`")
    return ModelCard(
        name=checked_name(f"{_text(data['name'])}/{_text(data['version'])}"),
        made_on=date.fromisoformat(data["made_on"]),
        made_with=_text(data["made_with"]),
        embedding=Embedding(
            model=None if model is None else _model(model),
            files=None if folder is None else _folder(folder),
            version=_text(embedding["version"]),
            dimension=_integer(embedding["dimension"]),
            bytes=_integer(embedding["bytes"]),
        ),
        ranking=_ranking(data["ranking"]),
        training=_object(data["training"]),
        metrics=_object(data["metrics"]),
        failures=tuple(_text(failure) for failure in _list(data["failures"])),
        licence=_text(data["licence"]),
        files={
            checked_file(path): FileEntry(_digest(entry["sha256"]), _integer(entry["bytes"]))
            for path, entry in _object(data["files"]).items()
        },
        history=tuple(_entry(entry) for entry in _list(data["history"])),
        reranker=_text(data["reranker"]) if data.get("reranker") is not None else None,
    )


def _ranking(data: Mapping[str, Any]) -> RankingModel:
    model = for_parts(
        RankingModel(
            version=_text(data["version"]),
            weights={part: _number(weight) for part, weight in _object(data["weights"]).items()},
            threshold=_number(data["threshold"]),
            relief={part: _number(relief) for part, relief in _object(data["relief"]).items()},
        )
    )
    if min(model.weights.values()) < 0:
        raise ValueError("a weight is negative")
    if not any(model.weights.values()):
        raise ValueError("no part of the score has a weight, so nothing would be related")
    return model


def _entry(data: Mapping[str, Any]) -> HistoryEntry:
    state = _text(data["state"])
    if state not in STATES:
        raise ValueError(f"{state!r} is not one of the states {', '.join(STATES)}")
    on = datetime.fromisoformat(data["on"])
    if on.tzinfo is None:
        raise ValueError(f"the time {data['on']!r} has no zone")
    checks = tuple(_object(check) for check in _list(data["checks"]))
    return HistoryEntry(on, _text(data["by"]), state, _text(data["reason"]), checks)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not an object")
    return value


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _model(value: Any) -> str:
    name = _text(value)
    if not all(_MODEL.fullmatch(part) and ".." not in part and len(part) <= MAX_MODEL for part in name.split("+")):
        raise ValueError(f"{name!r} is not the name of an embedding model, such as all-MiniLM-L6-v2 or owner/model")
    return name


def _folder(value: Any) -> str:
    folder = _text(value)
    if not _PART.fullmatch(folder):
        raise ValueError(f"{folder!r} is not a folder of a model version")
    return folder


def _digest(value: Any) -> str:
    if not _SHA256.fullmatch(_text(value)):
        raise ValueError(f"{value!r} is not a SHA-256")
    return str(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"{value!r} is not a whole number from 0 to {MAX_COUNT:,}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX_WEIGHT <= value <= MAX_WEIGHT:
        raise ValueError(f"{value!r} is not a number from {-MAX_WEIGHT:,.0f} to {MAX_WEIGHT:,.0f}")
    return float(value)


def _finite(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _no_number(text)


def _check_values(value: Any, depth: int) -> None:
    """Refuses what could be read, but neither shown nor written again."""
    if not depth:
        raise ValueError("it is nested too deeply")
    if isinstance(value, str):
        value.encode()  # half of a character cannot be
    elif isinstance(value, int) and abs(value) > MAX_COUNT:
        raise ValueError("a number is too large")
    elif isinstance(value, dict):
        for name, item in value.items():
            name.encode()
            _check_values(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_values(item, depth - 1)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _message(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
