"""How good the sidebars are: the service beside the usual methods on every judged archive, and what makes it so."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np

from benchmarks import robustness, sidebars, texts, tried
from benchmarks.judged import (
    MULTILINGUAL,
    SHOWN,
    Archive,
    archives,
    estimate,
    mean,
    milliseconds,
    three,
)
from benchmarks.report import Table
from recommender.evaluation.baselines import boxes
from recommender.evaluation.evaluation import ALL, MAIN, SERVICE, Estimate, delivered
from recommender.metrics import paired_randomisation
from recommender.ranking.facts import Filters, Ranker, SourceArticle
from recommender.ranking.scoring import DEFAULT, PARTS
from recommender.ranking.selection import choose_related
from recommender.ranking.shortlist import shortlist
from recommender.serving.answers import Query
from recommender.training import ranking_weights
from recommender.training.training import EDGES
from recommender.wiring import make_fitter

REQUESTS = 300


def run() -> list[Table]:
    """Every table; minutes the first time, when the archives are built, and a few later."""
    with ExitStack() as stack:
        measured = archives(stack)
        sample = measured[0]
        tables = [
            _delivered(measured),
            _against(measured),
            robustness.run(),
            _by_language(sample),
            _calibration(sample, "with the default model"),
        ]
        if MULTILINGUAL.is_dir():
            other = archives(stack, MULTILINGUAL)
            tables += [_models(measured, other), _calibration(other[0], "the same weights with multilingual-e5-small")]
        return [
            *tables,
            _weights(),
            texts.embeddings(sample),
            tried.parts(sample),
            sidebars.events(sample),
            sidebars.roles(sample),
            sidebars.exposure(sample),
            sidebars.running_stories(sample),
            _least_scores(sample),
            _speed(sample),
            *sidebars.examples(sample),
        ]


def _delivered(measured: Sequence[Archive]) -> Table:
    rows = []
    for archive in measured:
        languages = archive.evaluated.languages
        for allowed in (True, False):
            recommender = archive.recommender(other_languages=allowed)
            answers = boxes(recommender, archive.qrels)
            for name, box in delivered(answers, archive.qrels, languages, Query().n).items():
                if name == ALL or len(set(languages.values())) > 1:
                    figures = [_interval(box.ndcg), _interval(box.poor)]
                    shares = [f"{share:.1%}" for share in (box.related, box.foreign, box.fallbacks)]
                    words = "of all languages" if allowed else "of its own language"
                    rows.append([archive.name, words, name, str(box.queries), *figures, *shares])
    return Table(
        "The box as readers get it",
        "Three teasers as a site asks for them: by its settings, with fallbacks, every place counted, by the language "
        "of the article. Related stories of all languages (setting `other_languages`, the default) or of its own only. "
        "The shares are of all places: related stories, those among them in another language, and fallbacks; the rest "
        "is empty.",
        ("archive", "related stories", "language", "queries", MAIN, "poor@3", "related", "in another", "fallbacks"),
        rows,
    )


def _interval(figure: Estimate) -> str:
    return f"{figure.mean:.3f} ({figure.low:.3f}-{figure.high:.3f})"


def _against(measured: Sequence[Archive]) -> Table:
    rows = []
    for archive in measured:
        ours = archive.values(archive.evaluated.systems[SERVICE], MAIN)
        for name, system in archive.evaluated.systems.items():
            values = {measure: archive.values(system, measure) for measure in SHOWN}
            p_value = "" if name == SERVICE else _p(paired_randomisation(ours, values[MAIN]))
            rows.append([archive.name, name, *(estimate(values[measure]) for measure in SHOWN), p_value])
        if archive is measured[0]:
            held = archive.held_out
            rows.append([archive.name, "the service, held out", *(estimate(held[measure]) for measure in SHOWN), ""])
    return Table(
        "Against the usual methods",
        "Means over the queries with 95 % bootstrap intervals; p is the paired randomisation test of nDCG@3 against "
        "the service. `held out`: each query ranked by weights learned on other stories. The weights were not "
        "learned on the other archives; these have no tags, no countries and no dates.",
        ("archive", "system", *SHOWN, "p"),
        rows,
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _by_language(archive: Archive) -> Table:
    languages = archive.evaluated.languages
    rows = []
    for name, system in archive.evaluated.systems.items():
        values = dict(zip(archive.qrels, archive.values(system, MAIN), strict=True))
        groups = {code: [values[query] for query in values if languages[query] == code] for code in ("en", "fr")}
        rows.append([name, *(estimate(group) for group in groups.values())])
    held = dict(zip(archive.qrels, archive.held_out[MAIN], strict=True))
    groups = {code: [held[query] for query in held if languages[query] == code] for code in ("en", "fr")}
    rows.append(["the service, held out", *(estimate(group) for group in groups.values())])
    counts = Counter(languages[query] for query in archive.qrels)
    return Table(
        "By language",
        f"{archive.name}, {MAIN}. {counts['en']} queries in English, {counts['fr']} in French; of the articles that "
        "belong beside a French one, most are English.",
        ("system", "English", "French"),
        rows,
    )


def _models(measured: Sequence[Archive], other: Sequence[Archive]) -> Table:
    rows = []
    for archive in (*measured, *other):
        model = archive.live.model.partition("@")[0]
        languages = archive.evaluated.languages
        for name in ("embedding alone", SERVICE):
            system = archive.evaluated.systems[name]
            values = {measure: archive.values(system, measure) for measure in SHOWN}
            french = [
                value for query, value in zip(archive.qrels, values[MAIN], strict=True) if languages[query] == "fr"
            ]
            cells = [estimate(values[MAIN]), *(mean(values[measure]) for measure in SHOWN[1:])]
            rows.append([archive.name, model, name, *cells, mean(french) if french else ""])
    return Table(
        "Another embedding model",
        "multilingual-e5-small with 4-bit weights (benchmarks/multilingual.py) instead of the default model; the "
        "ranking's weights are the same, the scales are measured by each build. The last column is nDCG@3 of the "
        "queries in French.",
        ("archive", "model", "system", *SHOWN, "French"),
        rows,
    )


def _calibration(archive: Archive, title: str) -> Table:
    scored = [
        (query, ranking_weights.learn(training, make_fitter(), "fold"))
        for training, held in ranking_weights.folds(archive.judged, 0)
        for query in held
    ]
    if title != "with the default model":
        scored = [(query, DEFAULT) for query in archive.judged]
    bins = ranking_weights.calibration(scored, EDGES)
    rows = [
        [
            f"{bin_.low:.2f}-{bin_.high:.2f}",
            f"{bin_.count:,}",
            f"{bin_.score:.3f}",
            "{:.3f} ({:.3f}-{:.3f})".format(bin_.related, *bin_.interval),
        ]
        for bin_ in bins
    ]
    errors = (
        f"Brier score {ranking_weights.brier(scored):.4f}, expected calibration error "
        f"{ranking_weights.calibration_error(bins):.4f}. "
    )
    return Table(
        f"Is the score a probability? {title.capitalize()}",
        f"{archive.name}: all candidates of the judged queries by their score, and the share of them that is graded 2 "
        "or better, with its 95 % interval. "
        + errors
        + (
            "Each is scored by weights learned on other stories."
            if title == "with the default model"
            else "The weights were learned with the default model; only the scales are this model's."
        ),
        ("score", "candidates", "mean score", "related"),
        rows,
    )


def _weights() -> Table:
    return Table(
        "The weights",
        f"`{DEFAULT.version}`, in log-odds: per standard deviation for dense, lexical and themes, for a similarity of 1"
        f" for the others. A candidate with {DEFAULT.threshold} in all is related with probability one half; where an "
        "optional part is unknown, with less by its relief.",
        ("part", "weight", "relief"),
        [[part, f"{DEFAULT.weights[part]:.3f}", f"{DEFAULT.relief.get(part, 0):.3f}"] for part in PARTS],
    )


def _least_scores(archive: Archive) -> Table:
    rows = []
    for least in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5):
        system = three(archive.recommender(min_score=least))
        shown = [len(system(query)) for query in archive.qrels]
        cells = [mean(archive.values(system, measure)) for measure in ("nDCG@3", "poor@3")]
        rows.append([f"{least:.2f}", *cells, mean(shown)])
    return Table(
        "The threshold",
        "What `min_score` costs and saves, before fallbacks fill what is left; `shown` is how many of three places are "
        "filled.",
        ("min_score", "nDCG@3", "poor@3", "shown"),
        rows,
    )


def _speed(archive: Archive) -> Table:
    live = archive.live
    recommender = archive.recommender()
    with archive.store.reading():
        columns = recommender.columns()
        numbers = archive.store.generations.numbers(live.number)
        lists = archive.store.generations.candidates(live.number, numbers)
    ranker = Ranker(DEFAULT, live.scales)
    long = [number for number in numbers if len(lists[number]) >= 90][:REQUESTS]
    place = iter(np.resize(long, REQUESTS * 3).tolist())

    def rank() -> None:
        number = next(place)
        rows = lists[number]
        source = SourceArticle(number, float(columns.posted[number]), 0, int(columns.language[number]))
        filters = Filters(now=float("inf"))
        choose_related(
            shortlist(rows, columns.take(rows["number"]), source, filters, ranker), lists, filters, source, ranker
        )

    mean_size = np.mean([len(lists[number]) for number in long])
    size = f"{mean_size:.0f}"
    return Table(
        "What ranking costs",
        f"From the candidate list to the sidebar, beyond the look-up: {REQUESTS} articles with {size} candidates on "
        "average. Milliseconds depend on the machine.",
        ("step", "median"),
        [["ranking one request", f"{milliseconds(rank, REQUESTS):.2f} ms"]],
    )
