"""Use case: the store as it would be if another generation were live, to look at it before readers are given it."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NoReturn, cast

from recommender.errors import InvalidInput
from recommender.store.accounts import AccountStore
from recommender.store.articles import ArticleStore
from recommender.store.audit import AuditStore
from recommender.store.base import State, Store
from recommender.store.failures import FailureStore
from recommender.store.generations import Generation, GenerationStore
from recommender.store.grading import GradingStore
from recommender.store.interleaving import InterleavingStore
from recommender.store.keys import KeyStore
from recommender.store.ledger import LedgerStore
from recommender.store.reviews import ReviewStore
from recommender.store.shadow import ShadowStore
from recommender.store.signals import SignalStore
from recommender.store.verdicts import VerdictStore

# What a view may call of a generation store; everything else would change it.
READS = frozenset(
    {
        "published",
        "vectors",
        "members",
        "previous",
        "shadow",
        "generation",
        "model",
        "model_version",
        "ranking",
        "recipe",
        "built_on",
        "scales",
        "geometry",
        "candidates",
        "grades",
        "graded",
        "reranker",
        "rows_since",
        "standings_since",
        "names",
        "story",
        "exposure",
        "numbers",
        "prepared",
        "all_prepared",
        "stale",
        "outdated",
        "size",
    }
)


def generation_view(store: Store, number: int) -> Store:
    """The store as it would be if the complete generation `number` were live. It is for reading: to write raises.

    Articles, decisions and the rest are those of the site, as of now. Raises InvalidInput where there is no such
    generation.
    """
    if store.generations.generation(number) is None:
        raise InvalidInput(f"There is no complete generation {number}: it was never built, or has been removed.")
    return _GenerationView(store, number)


def generation_of(store: Store, model_version: str) -> int:
    """The generation of a model version that is live or runs in the shadow. Raises InvalidInput where neither does."""
    for number in (store.state().generation, store.generations.shadow()):
        if number is not None and store.generations.model_version(number) == model_version:
            return number
    raise InvalidInput(
        f"{model_version} is neither live nor in the shadow; "
        f"`recommender models shadow {model_version}` builds it there."
    )


class _GenerationView:
    """`Store` with a generation of its own."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._number = number
        self.generations = cast(GenerationStore, _ViewedGenerations(store.generations, number))

    @property
    def articles(self) -> ArticleStore:
        """The articles."""
        return self._store.articles

    @property
    def accounts(self) -> AccountStore:
        """Who may sign in."""
        return self._store.accounts

    @property
    def failures(self) -> FailureStore:
        """Those of the site."""
        return self._store.failures

    @property
    def keys(self) -> KeyStore:
        """Which programs may do what."""
        return self._store.keys

    @property
    def audit(self) -> AuditStore:
        """Who did what."""
        return self._store.audit

    @property
    def signals(self) -> SignalStore:
        """Editors' signals, rules and policies."""
        return self._store.signals

    @property
    def reviews(self) -> ReviewStore:
        """Which sidebars have been approved."""
        return self._store.reviews

    @property
    def ledger(self) -> LedgerStore:
        """What was shown, and when."""
        return self._store.ledger

    @property
    def grading(self) -> GradingStore:
        """Panels and grades."""
        return self._store.grading

    @property
    def shadow(self) -> ShadowStore:
        """What the model version in a shadow run would show."""
        return self._store.shadow

    @property
    def interleaving(self) -> InterleavingStore:
        """Interleaving runs, in which two model versions share the sidebars."""
        return self._store.interleaving

    @property
    def verdicts(self) -> VerdictStore:
        """What readers of both texts have said."""
        return self._store.verdicts

    def quick_reader(self) -> None:
        """None: its state is made of two looks."""

    def state(self) -> State:
        """The revision as of now, and the view's generation."""
        return replace(self._store.state(), generation=self._number)

    def last_look(self) -> None:
        """None: what a view shows is not kept."""

    def probe(self) -> None:
        """Reads something of every table."""
        self._store.probe()

    def reading(self) -> AbstractContextManager[object]:
        """Several reads from one snapshot."""
        return self._store.reading()

    def writing(self) -> NoReturn:
        """Is refused."""
        raise _refusal("writing")

    def close(self) -> NoReturn:
        """Is refused: the store belongs to the caller that opened it."""
        raise _refusal("close")


class _ViewedGenerations:
    """The reading half of `GenerationStore`."""

    def __init__(self, generations: GenerationStore, number: int) -> None:
        self._generations = generations
        self._number = number

    def live(self) -> Generation | None:
        """The view's generation, while it is there."""
        return self._generations.generation(self._number)

    def live_model(self) -> str | None:
        """The version of its embedding model."""
        return self._generations.model(self._number)

    def __getattr__(self, name: str) -> Any:
        if name not in READS:
            raise _refusal(name)
        return getattr(self._generations, name)


def _refusal(name: str) -> RuntimeError:
    return RuntimeError(f"`{name}` would change a store that is viewed at a generation for reading")
