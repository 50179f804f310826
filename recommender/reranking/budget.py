"""How much may be asked: requests and money, kept while several ask at once."""

import threading
from dataclasses import dataclass

from recommender.errors import BudgetSpent

_MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, asked and answered, in the currency that the budget is in."""

    asked: float = 0.0
    answered: float = 0.0

    def cost(self, tokens: "Tokens") -> float:
        """What some tokens cost."""
        return (self.asked * tokens.asked + self.answered * tokens.answered) / _MILLION


@dataclass(frozen=True)
class Tokens:
    """Tokens that were asked and answered."""

    asked: int = 0
    answered: int = 0


@dataclass(frozen=True)
class Spent:
    """What was spent: requests, tokens as the endpoint reports them or as estimated where it does not, and money."""

    requests: int
    tokens: Tokens
    money: float

    def __str__(self) -> str:
        money = f", {self.money:.4f} by your prices" if self.money else ""
        return f"{self.requests:,} requests, {self.tokens.asked:,} + {self.tokens.answered:,} tokens{money}"


class Budget:
    """Requests and money that may be spent; None is no limit. Safe to use from several threads.

    A request reserves the most that it may cost, and gives back what it did not: the limit holds however many are
    on their way.
    """

    def __init__(self, requests: int | None = None, money: float | None = None, prices: Prices | None = None) -> None:
        self.requests = requests
        self.money = money
        self.prices = prices or Prices()
        self._lock = threading.Lock()
        self._made = 0
        self._settled = Tokens()
        self._reserved = 0.0

    def reserve(self, most: Tokens) -> None:
        """Counts a request that may cost `most`. Raises BudgetSpent where it would pass a limit."""
        with self._lock:
            if self.requests is not None and self._made >= self.requests:
                raise BudgetSpent(f"The budget of {self.requests:,} requests is spent; the rest stays unread.")
            cost = self.prices.cost(most)
            if self.money is not None and self.prices.cost(self._settled) + self._reserved + cost > self.money:
                raise BudgetSpent(f"The budget of {self.money:g} is spent; the rest stays unread.")
            self._made += 1
            self._reserved += cost

    def settle(self, most: Tokens, used: Tokens) -> None:
        """Says what a request that has reserved `most` has used."""
        with self._lock:
            self._reserved -= self.prices.cost(most)
            self._settled = Tokens(self._settled.asked + used.asked, self._settled.answered + used.answered)

    def shortage(self, requests: int, money: float) -> str:
        """Says where it will end before so much is spent; empty where it will not."""
        if self.requests is not None and requests > self.requests:
            return f"The budget ends it after {self.requests:,} requests; the rest stays unread."
        if self.money is not None and money > self.money:
            return f"The budget ends it at about {self.money / money:.0%} of that; the rest stays unread."
        return ""

    @property
    def spent(self) -> Spent:
        """What was spent until now."""
        with self._lock:
            return Spent(self._made, self._settled, self.prices.cost(self._settled))
