"""The promise of the store: all that is kept, in transactions."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from recommender.store.accounts import AccountStore
from recommender.store.articles import ArticleStore
from recommender.store.audit import AuditStore
from recommender.store.failures import FailureStore
from recommender.store.generations import GenerationStore
from recommender.store.grading import GradingStore
from recommender.store.interleaving import InterleavingStore
from recommender.store.keys import KeyStore
from recommender.store.ledger import LedgerStore
from recommender.store.reviews import ReviewStore
from recommender.store.shadow import ShadowStore
from recommender.store.signals import SignalStore
from recommender.store.verdicts import VerdictStore


@dataclass(frozen=True)
class State:
    """Whether a copy is fresh: one number for all changes, one for the live build."""

    revision: int
    generation: int | None


class Look(NamedTuple):
    """A state that was read, and when that began, by time.monotonic."""

    state: State
    began: float


class QuickReader(Protocol):
    """What page views read of a database that is at hand. It never waits. For one thread at a time."""

    def state(self) -> State | None:
        """The revision and the live generation; None where it would have to wait."""
        ...

    def prepared(self, generation: int, article_id: str, at: datetime) -> bytes | None:
        """See `GenerationStore.prepared`; None also where it would have to wait."""
        ...


class Store(Protocol):
    """Everything that is kept. Readers never wait for a writer; writers take turns."""

    @property
    def articles(self) -> ArticleStore:
        """The articles."""
        ...

    @property
    def generations(self) -> GenerationStore:
        """Vectors and neighbours."""
        ...

    @property
    def accounts(self) -> AccountStore:
        """Who may sign in."""
        ...

    @property
    def failures(self) -> FailureStore:
        """Failed attempts to sign in."""
        ...

    @property
    def keys(self) -> KeyStore:
        """Which programs may do what."""
        ...

    @property
    def audit(self) -> AuditStore:
        """Who did what."""
        ...

    @property
    def signals(self) -> SignalStore:
        """Editors' signals, rules and policies."""
        ...

    @property
    def reviews(self) -> ReviewStore:
        """Which sidebars have been approved."""
        ...

    @property
    def ledger(self) -> LedgerStore:
        """What was shown, and when."""
        ...

    @property
    def grading(self) -> GradingStore:
        """Panels and grades."""
        ...

    @property
    def shadow(self) -> ShadowStore:
        """What the model version in a shadow run would show."""
        ...

    @property
    def interleaving(self) -> InterleavingStore:
        """Interleaving runs, in which two model versions share the sidebars."""
        ...

    @property
    def verdicts(self) -> VerdictStore:
        """What readers of both texts have said."""
        ...

    def state(self) -> State:
        """Revision and live generation, read anew; inside a transaction, as that one sees them."""
        ...

    def last_look(self) -> Look | None:
        """The last state that this process has read; asks nothing, and so answers while the database does not.

        None before the first, and after a change of this process's own until its next look. A state that a transaction
        has seen counts too, with the time of the look before.
        """
        ...

    def probe(self) -> None:
        """Reads something of every table from where it is kept. Raises StoreUnavailable for what cannot be read."""
        ...

    def quick_reader(self) -> QuickReader | None:
        """Reads that never wait; None for a database whose answers come over a network."""
        ...

    def reading(self) -> AbstractContextManager[object]:
        """Several reads from one snapshot."""
        ...

    def writing(self) -> AbstractContextManager[object]:
        """Several reads and writes as one; no other writer writes meanwhile."""
        ...

    def close(self) -> None:
        """Gives every connection back."""
        ...
