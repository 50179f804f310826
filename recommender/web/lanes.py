"""The lanes: each kind of request has threads of its own and limits, so that no kind can stop another one.

Page views share nothing with what writes, uploads, signs in or waits for the model. The limits hold for each web
worker; `docs/how-to/proxy.md` shows them, held to this table by a test.
"""

from dataclasses import dataclass

from recommender.web.headers import DESK, is_desk

KIB, MIB = 1024, 1024 * 1024

HEALTH = "/healthz"  # answered without any lane
SIDEBARS = "/api/v1/recommend"
_ARTICLES = "/api/v1/articles"
_EVENTS = "/api/v1/events"
_READS = "/api/v1/reads"


@dataclass(frozen=True)
class Lane:
    """Limits of one kind of request in one web worker.

    A body has at most `body_bytes`, with 0 it is not read at all, and must have arrived within `body_seconds`.
    `threads` requests are worked on at once; `waiting` more may send their bodies or wait for a thread, the next one is
    asked to come back.
    """

    name: str
    requests: str
    body_bytes: int
    body_seconds: float
    threads: int
    waiting: int


PAGES = Lane("pages", "sidebars, stories, demonstration pages, static files", 0, 0, 5, 400)
OPERATIONS = Lane("operations", "`/readyz`, `/metrics`, and requests that no other lane takes", 0, 0, 2, 20)
DESK_PAGES = Lane("desk", "pages and forms of the editors' desk", MIB, 20, 4, 40)
# Few at once: scrypt takes a processor and 16 MB for each.
SIGN_IN = Lane("sign-in", "signing in, one-time links, passwords", 16 * KIB, 10, 2, 40)
# Two of them may wait for the model (worker.client.MAX_DRAFTS); the others are told so at once.
DRAFTS = Lane("drafts", "drafts, for the API and at the desk", 4 * MIB, 30, 4, 20)
# A body of a million characters, each of which may be sent as twelve bytes.
ARTICLES = Lane("articles", "publishing, changing or withdrawing one article, counts of reads", 16 * MIB, 60, 4, 40)
# A page of 500 articles takes longer than any page view.
READING = Lane("reading", "reading articles, one or many", 0, 0, 2, 20)
UPLOADS = Lane("uploads", "publishing many articles in one request", 64 * MIB, 300, 2, 6)
EVENTS = Lane("events", "clicks on teasers, choosing the language of the desk", 4 * KIB, 5, 2, 100)

LANES = (PAGES, OPERATIONS, DESK_PAGES, SIGN_IN, DRAFTS, ARTICLES, READING, UPLOADS, EVENTS)

_SIGN_IN_PATHS = (f"{DESK}/sign-in", f"{DESK}/sign-in/code", f"{DESK}/password")
_EXACT = {SIDEBARS: DRAFTS, f"{DESK}/draft": DRAFTS, _EVENTS: EVENTS, f"{DESK}/language": EVENTS}
_EXACT |= {_ARTICLES: UPLOADS, _READS: ARTICLES}


def lane_of(method: str, path: str) -> Lane:
    """The lane of a request; `path` is decoded."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return _reading_lane(path)
    if path in _EXACT:
        return _EXACT[path]
    if path.startswith(f"{_ARTICLES}/"):
        return ARTICLES
    if path in _SIGN_IN_PATHS or path.startswith(f"{DESK}/link/"):
        return SIGN_IN
    return DESK_PAGES if is_desk(path) else OPERATIONS


def _reading_lane(path: str) -> Lane:
    if is_desk(path):
        return DESK_PAGES
    if path == _ARTICLES or path.startswith(f"{_ARTICLES}/"):
        return READING
    return OPERATIONS if path in ("/readyz", "/metrics", HEALTH) else PAGES
