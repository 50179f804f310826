"""What a switch of models and a shared sidebar take, and what simulated readers' clicks say of two models."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from benchmarks import corpora
from benchmarks.judged import SAMPLE
from benchmarks.report import Table, in_turn, ratio
from recommender.evaluation.trec import read_qrels
from recommender.metrics import Grades
from recommender.release.interleaving import Interleaver, InterleavingReport
from recommender.serving.answers import Query
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.wiring import make_interleaving_control, make_recommender, make_releasing, open_store

OTHER = "static/1"
ROUNDS = 10
TRIALS = 4
HOURS = 48
READERS = 20  # of an article in an hour
LOOKED_AT = (1.0, 0.6, 0.4)  # how often each place is
CLICKED, FOR_A_GRADE = 0.02, 0.05  # of what is looked at, and how much more for each grade
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
BY = "the benchmark"

Wish = Callable[[str, str], float]  # how often a reader of the one article who sees the other clicks on it


@dataclass(frozen=True)
class Site:
    """The sample's store and settings; its model versions are copies, whose cards may be written."""

    store: Store
    settings: Settings
    qrels: Mapping[str, Grades]


def run() -> list[Table]:
    """Both, on a copy of the sample."""
    with _site() as site:
        return [_switching(site), _sharing(site), _clicks(site)]


@contextmanager
def _site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copyfile(corpora.sample_url().removeprefix("sqlite:///"), folder / "sample.db")
        shutil.copytree(corpora.ROOT / "models", folder / "models")
        url = f"sqlite:///{folder / 'sample.db'}"
        settings = Settings(database_url=SecretStr(url), models=folder / "models")
        store = open_store(url)
        try:
            yield Site(store, settings, read_qrels(SAMPLE / "qrels.txt"))
        finally:
            store.close()


def _switching(site: Site) -> Table:
    """A promotion, then rollbacks: each goes back or forward again."""
    releasing = make_releasing(site.store, site.settings)
    start = time.perf_counter()
    releasing.promote(OTHER, BY, [], [], reason="to be measured")
    promotion = time.perf_counter() - start
    shown = [_sidebars(site)]
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        releasing.roll_back(BY)
        taken.append(time.perf_counter() - start)
        shown.append(_sidebars(site))
    if shown[0] == shown[1] or any(shown[place] != shown[place % 2] for place in range(len(shown))):
        raise SystemExit("A rollback did not restore the very same sidebars.")
    milliseconds = [1_000 * seconds for seconds in taken]
    return Table(
        "Promotion and rollback",
        f"{OTHER} instead of sahel/1 on the sample, then {ROUNDS} rollbacks, each the way back of the one before. "
        "After each the script asserts that every article has the very same sidebar, with the same scores, as before "
        "the switch. The promotion builds; the start of the command is not in either.",
        ("promotion", "rollback, median", "rollback, longest", "promotion / rollback"),
        [
            [
                f"{promotion:.1f} s",
                f"{np.median(milliseconds):.0f} ms",
                f"{max(milliseconds):.0f} ms",
                f"{promotion / float(np.median(taken)):,.0f}",
            ]
        ],
    )


def _sidebars(site: Site) -> dict[str, list[tuple[str, float]]]:
    recommender = make_recommender(site.store, site.settings)
    numbers = site.store.generations.numbers(site.store.state().generation or 0)
    return {
        article.id: [
            (item.article.id, item.teaser.score) for item in recommender.for_article(article.id, Query()).items
        ]
        for article in site.store.articles.get(numbers, texts=False).values()
        if article.status == "published"
    }


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


def _shared(site: Site, clock: Clock, key: str = "") -> Interleaver:
    """A trial of sahel/1 and the other one, begun anew."""
    trials, releasing = make_interleaving_control(site.store), make_releasing(site.store, site.settings)
    live = site.store.state().generation
    if live is None or site.store.generations.model_version(live) == OTHER:
        releasing.roll_back(BY)
    if site.store.generations.shadow() is None:
        releasing.start_shadow(OTHER, BY)
    else:
        trials.end(BY)
    trials.start(OTHER, BY)
    live_side = make_recommender(site.store, site.settings, clock)
    return Interleaver(site.store, live_side, lambda store: make_recommender(store, site.settings, clock), key)


def _sharing(site: Site) -> Table:
    interleaving, live = _shared(site, Clock()), make_recommender(site.store, site.settings)
    for query in site.qrels:
        interleaving.answer(query)
    shared, alone = in_turn(
        lambda: [interleaving.answer(query) for query in site.qrels],
        lambda: [live.for_article(query, Query()) for query in site.qrels],
        ROUNDS,
    )
    interleaving.close()
    return Table(
        "A sidebar that two models share",
        f"{len(site.qrels)} articles of the sample, each answer worked out, {ROUNDS} times in turn.",
        ("shared", "of the live model", "shared / of the live model"),
        [
            [
                *(f"{1_000 * float(np.median(times)) / len(site.qrels):.1f} ms" for times in (shared, alone)),
                ratio(shared, alone),
            ]
        ],
    )


def _clicks(site: Site) -> Table:
    def by_grade(query: str, article: str) -> float:
        return CLICKED + FOR_A_GRADE * max(0, site.qrels[query].get(article, 0))

    kinds: Mapping[str, Wish] = {
        "by the story's grade": by_grade,
        "without reading": lambda _query, _article: CLICKED + FOR_A_GRADE,
    }
    rows = [
        [name, str(trial), *_cells(_simulated(site, wish, trial))]
        for name, wish in kinds.items()
        for trial in range(1, TRIALS + 1)
    ]
    return Table(
        "Clicks of simulated readers",
        f"sahel/1 is live, {OTHER} the challenger; {READERS} readers of each of {len(site.qrels)} articles in each of "
        f"{HOURS} hours. They look at the places with probabilities of {', '.join(map(str, LOOKED_AT))}, and click on "
        f"what they look at with {CLICKED:.0%}, and {FOR_A_GRADE:.0%} more for each grade of the sample's judgments; "
        f"those who click without reading, always with {CLICKED + FOR_A_GRADE:.0%}. Each trial has coins "
        "and clicks of its own.",
        (
            "readers click",
            "run",
            "shared sidebars",
            "clicks",
            "nobody's",
            "won",
            "lost",
            "ties",
            "challenger's share",
            "p",
        ),
        rows,
    )


def _simulated(site: Site, wish: Wish, trial: int) -> InterleavingReport:
    clock, random = Clock(), np.random.default_rng(trial)
    interleaving = _shared(site, clock, key=f"of trial {trial}")
    for hour in range(HOURS):
        clock.now = BEGIN + timedelta(hours=hour)
        for query in site.qrels:
            shared = interleaving.answer(query)
            if shared is None or not shared.picks:
                continue
            request = shared.request(query)
            interleaving.note(request, shared)
            interleaving.flush()
            for looked_at, item in zip(LOOKED_AT, shared.found.items, strict=False):
                for _ in range(random.binomial(READERS, looked_at * wish(query, item.article.id))):
                    interleaving.click(request, item.article.id)
        interleaving.flush()
    interleaving.close()
    return make_interleaving_control(site.store).report()


def _cells(report: InterleavingReport) -> list[str]:
    preference = report.preference
    share = preference.share
    return [
        f"{report.sidebars:,} of {report.articles} articles",
        f"{preference.clicks:,}",
        f"{report.nobody:,}",
        *(f"{count:,}" for count in (preference.wins, preference.losses, preference.ties)),
        "none" if share is None else f"{share.mean:.1%} ({share.low:.1%} to {share.high:.1%})",
        f"{preference.p_value:.4f}",
    ]
