"""What the views work with, kept on the application."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from recommender.accounts import Accounts
from recommender.decisions import Decisions
from recommender.exposure import Exposures
from recommender.interfaces import Store
from recommender.ledger import Recorder
from recommender.review import Reviewing
from recommender.service import Recommender
from recommender.settings import Settings
from recommender.trial import Interleaving
from recommender.web.cache import SidebarCache
from recommender.web.desk import Desk
from recommender.web.metrics import Metrics
from recommender.worklist import Worklist

_NAME = "recommender"


@dataclass(frozen=True)
class Parts:
    """One application's settings, store, use cases, caches and counters."""

    settings: Settings
    store: Store
    recommender: Recommender
    accounts: Accounts
    decisions: Decisions
    reviewing: Reviewing
    worklist: Worklist
    exposures: Exposures
    recorder: Recorder
    interleaving: Interleaving
    desk: Desk
    cache: SidebarCache
    metrics: Metrics


def attach(app: Flask, parts: Parts) -> None:
    """Gives the application its parts."""
    app.extensions[_NAME] = parts


def parts() -> Parts:
    """The parts of the application that handles this request."""
    return cast(Parts, current_app.extensions[_NAME])
