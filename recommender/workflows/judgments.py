"""The judgments that a site has: of files, of the sample, of its panels."""

from collections.abc import Sequence
from importlib.resources import as_file
from pathlib import Path

from recommender.evaluation.trec import read_qrels
from recommender.grading.grading import Grading
from recommender.release.comparison import JudgedSet
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.wiring import make_recommender, utc_now
from recommender.workflows.sample import JUDGMENTS, sample_file

OF_SAMPLE = "the sample"  # whose judgments a set has


def read_sets(files_given: Sequence[Path]) -> list[JudgedSet]:
    """The judgments of files, each a set of its own."""
    return [JudgedSet(file.name, read_qrels(file)) for file in files_given]


def judged_sets(store: Store, settings: Settings) -> list[JudgedSet]:
    """The judgments of the sample where its articles are here, and the grades of panels, if any."""
    sets = []
    with as_file(sample_file(JUDGMENTS)) as file:
        sample = read_qrels(file)
    if len(store.articles.numbers(list(sample))) == len(sample):
        sets.append(JudgedSet(OF_SAMPLE, sample))
    if graded := Grading(store, make_recommender(store, settings), utc_now).judgments().qrels:
        sets.append(JudgedSet("the panels of this site", graded))
    return sets
