"""The script and the style of the box, as pages of other sites get them: small, compressed, and kept for long."""

import gzip
import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha384
from importlib.resources import files

from flask import Blueprint, Response, abort, request

# Part of the address under which browsers keep the files for a year, and that pages may pin with an integrity line. A
# release that changes either file gives the next number, and keeps the earlier files under theirs.
VERSION = 1
SCRIPT, STYLE = "sidebar.js", "sidebar.css"
YEAR_SECONDS = 365 * 24 * 3600
HOUR_SECONDS = 3600
_TYPES = {SCRIPT: "text/javascript; charset=utf-8", STYLE: "text/css; charset=utf-8"}

bp = Blueprint("snippet", __name__)


@dataclass(frozen=True)
class SnippetFile:
    """One file as it is sent; `integrity` is what a page may pin it with."""

    body: bytes
    compressed: bytes
    etag: str
    integrity: str


@cache
def snippet_file(name: str) -> SnippetFile:
    """The script or the style, without comments and indents."""
    source = (files("recommender") / "web" / "static" / name).read_text(encoding="utf-8")
    body = _compact(source).encode()
    digest = sha384(body)
    integrity = f"sha384-{b64encode(digest.digest()).decode()}"
    return SnippetFile(body, gzip.compress(body, 9, mtime=0), digest.hexdigest()[:16], integrity)


def _compact(source: str) -> str:
    """Our own two files without what only people read; what they say stays as it is."""
    source = re.sub(r"^ */\*.*?\*/\n", "", source, flags=re.DOTALL | re.MULTILINE)
    source = re.sub(r"\s+// .*$", "", source, flags=re.MULTILINE)
    return "".join(f"{line}\n" for line in map(str.strip, source.splitlines()) if line)


@bp.get(f"/static/{SCRIPT}", defaults={"name": SCRIPT})
@bp.get(f"/static/{STYLE}", defaults={"name": STYLE})
def newest(name: str) -> Response:
    """The file of this release; browsers ask again after an hour."""
    return _sent(name, f"public, max-age={HOUR_SECONDS}")


@bp.get("/static/<int:version>/<name>")
def versioned(version: int, name: str) -> Response:
    """The file of one version, which never changes."""
    if version != VERSION or name not in _TYPES:
        abort(404)
    return _sent(name, f"public, max-age={YEAR_SECONDS}, immutable")


def _sent(name: str, kept: str) -> Response:
    file = snippet_file(name)
    small = request.accept_encodings["gzip"] > 0
    response = Response(file.compressed if small else file.body, content_type=_TYPES[name])
    response.headers["Cache-Control"] = kept
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Access-Control-Allow-Origin"] = "*"  # an integrity line asks for it, and nothing here is secret
    if small:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(f"{file.etag}{'-gzip' if small else ''}")
    response.make_conditional(request)
    return response
