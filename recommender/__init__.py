"""Related stories for a news site: embedded, indexed, ranked, explained.

What other Python programs may rely on is exported here, what notebooks may rely on by `recommender.notebook`, and the
web application by `recommender.web`. Everything else may move.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from recommender.version import __version__

if TYPE_CHECKING:
    from recommender.articles.article import Article
    from recommender.errors import RecommenderError
    from recommender.serving.answers import Query, Recommendation
    from recommender.serving.recommender import Recommender
    from recommender.settings import Settings, load_settings
    from recommender.wiring import make_builder, make_recommender, open_store

__all__ = [
    "Article",
    "Query",
    "Recommendation",
    "Recommender",
    "RecommenderError",
    "Settings",
    "__version__",
    "load_settings",
    "make_builder",
    "make_recommender",
    "open_store",
]
_MODULES = {
    "Article": "articles.article",
    "Query": "serving.recommender",
    "Recommendation": "serving.recommender",
    "Recommender": "serving.recommender",
    "RecommenderError": "errors",
    "Settings": "settings",
    "load_settings": "settings",
    "make_builder": "wiring",
    "make_recommender": "wiring",
    "open_store": "wiring",
}


def __getattr__(name: str) -> Any:
    """Imported when first asked for: `recommender --help` and the web server import this package for other reasons."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
