"""What notebooks import: the site, tables of it, measures and names of systems; `plots` draws (it needs matplotlib)."""

from recommender.evaluation.baselines import DENSE, TFIDF
from recommender.evaluation.evaluation import MAIN, spread
from recommender.evaluation.exposure import Exposures
from recommender.notebook.projection import project
from recommender.notebook.site import Site, open_site
from recommender.notebook.tables import (
    counted,
    disagreements,
    judged_sidebars,
    language_of,
    overview,
    shares,
    story_map,
    year_of,
)
from recommender.training.dataset import Request, collect
from recommender.training.pairs import counts, leaks
from recommender.training.training import ALONE

__all__ = [
    "ALONE",
    "DENSE",
    "MAIN",
    "TFIDF",
    "Exposures",
    "Request",
    "Site",
    "collect",
    "counted",
    "counts",
    "disagreements",
    "judged_sidebars",
    "language_of",
    "leaks",
    "open_site",
    "overview",
    "project",
    "shares",
    "spread",
    "story_map",
    "year_of",
]
