"""The services that views use, kept on the application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Flask, current_app

from recommender.desk.accounts import Accounts
from recommender.desk.decisions import Decisions
from recommender.desk.keys import Keys
from recommender.desk.proposals import Proposals
from recommender.desk.queue import Worklist
from recommender.desk.review import Reviewing
from recommender.evaluation.exposure import Exposures
from recommender.grading.grading import Grading
from recommender.release.interleaving import Interleaver
from recommender.serving.recommender import Recommender
from recommender.serving.recorder import Recorder
from recommender.settings import Settings
from recommender.sources.ingest import Reader
from recommender.sources.publishing import Publishing
from recommender.store.base import Store
from recommender.web.cache import SidebarCache
from recommender.web.metrics import Metrics
from recommender.worker.client import WorkerClient

_NAME = "recommender"


@dataclass(frozen=True)
class Context:
    """One application's settings, clock, store, use cases, caches and counters."""

    settings: Settings
    now: Callable[[], datetime]
    store: Store
    recommender: Recommender
    accounts: Accounts
    keys: Keys
    publishing: Publishing
    reader: Reader
    decisions: Decisions
    proposals: Proposals
    grading: Grading
    reviewing: Reviewing
    worklist: Worklist
    exposures: Exposures
    recorder: Recorder
    interleaving: Interleaver
    worker: WorkerClient
    cache: SidebarCache
    metrics: Metrics


def attach(app: Flask, services: Context) -> None:
    """Gives the application its context."""
    app.extensions[_NAME] = services


def context_of(app: Flask) -> Context:
    """The context of an application."""
    return cast(Context, app.extensions[_NAME])


def context() -> Context:
    """The context of the application that handles this request."""
    return context_of(current_app)
