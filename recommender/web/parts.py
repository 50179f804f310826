"""What the views work with, kept on the application."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from recommender.interfaces import Store
from recommender.service import Recommender
from recommender.settings import Settings
from recommender.web.cache import SidebarCache
from recommender.web.desk import Desk
from recommender.web.metrics import Metrics

_NAME = "recommender"


@dataclass(frozen=True)
class Parts:
    """One application's settings, store, use cases, caches and counters."""

    settings: Settings
    store: Store
    recommender: Recommender
    desk: Desk
    cache: SidebarCache
    metrics: Metrics


def attach(app: Flask, parts: Parts) -> None:
    """Gives the application its parts."""
    app.extensions[_NAME] = parts


def parts() -> Parts:
    """The parts of the application that handles this request."""
    return cast(Parts, current_app.extensions[_NAME])
