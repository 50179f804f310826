"""How often signing in may fail, and for whom: limits that stop guessing and keep no owner out.

A browser that has signed in before is known, by a cookie of its own for each account, and has failures of its own
("device cookies": https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies). Every other
browser is counted by its address and the name together, more loosely by its address, and slowed down, not locked out,
where many addresses try one name.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from recommender.store.accounts import Account
from recommender.store.base import Store
from recommender.store.failures import Failure

BROWSER_FAILURES = 5  # of a known browser; after them it counts as an unknown one
PLACE_FAILURES = 5  # of unknown browsers at one address, with one name
ADDRESS_FAILURES = 50  # of unknown browsers at one address, with all names: a newsroom may have one for all
NAME_FAILURES = (
    20  # of unknown browsers everywhere, with one name, within NAME_WINDOW: then one attempt each NAME_PAUSE
)
WINDOW = timedelta(minutes=15)
NAME_WINDOW = timedelta(hours=1)
NAME_PAUSE = timedelta(minutes=1)
KEPT = timedelta(days=30)  # to tell the owner
KNOWN = timedelta(days=365)
_SECRET = "known browser"  # noqa: S105  # the name under which the store keeps it


@dataclass(frozen=True)
class Caller:
    """Who tries to sign in: the address (of IPv6 the network), and what the browser holds from earlier times."""

    address: str = ""
    known: tuple[str, ...] = ()


NOWHERE = Caller()


@dataclass(frozen=True)
class Attempts:
    """Counts failures and says who may try. All of it belongs into a transaction of the caller."""

    store: Store
    clock: Callable[[], datetime]

    def allows(self, account: Account | None, caller: Caller) -> bool:
        """Whether an attempt is looked at; None for a name without an account."""
        if account is not None and self._browser(account, caller):
            return True
        now, failures = self.clock(), self.store.failures
        if failures.tally(now - WINDOW, address=caller.address, browser="").count >= ADDRESS_FAILURES:
            return False
        if account is None:
            return True
        here = failures.tally(now - WINDOW, account=account.number, address=caller.address, browser="")
        return here.count < PLACE_FAILURES and (
            not self.slowed(account) or now - (self._everywhere(account)[1] or now) >= NAME_PAUSE
        )

    def slowed(self, account: Account) -> bool:
        """Whether unknown browsers are slowed down."""
        return self._everywhere(account)[0] >= NAME_FAILURES

    def failed(self, account: Account | None, caller: Caller, kind: str) -> bool:
        """Counts a failure, and forgets old ones; gives whether the slowdown of unknown browsers begins with it."""
        now = self.clock()
        self.store.failures.drop(now - KEPT, now - WINDOW)
        browser = "" if account is None else self._browser(account, caller)
        number = None if account is None else account.number
        self.store.failures.add(Failure(now, number, caller.address, browser, kind))
        return account is not None and not browser and self._everywhere(account)[0] == NAME_FAILURES

    def succeeded(self, account: Account, caller: Caller) -> None:
        """Forgives what counted against this browser."""
        browser = self._known(account, caller)
        if browser:
            self.store.failures.forgive(account.number, browser=browser)
        self.store.failures.forgive(account.number, address=caller.address, browser="")

    def introduction(self, account: Account) -> str:
        """What makes a browser known for an account: for a year, and while the password stays.

        Of letters, digits, `-`, `_` and `.`.
        """
        until = int((self.clock() + KNOWN).timestamp())
        named = f"{account.number}.{until}.{secrets.token_urlsafe(12)}"
        return f"{named}.{self._signature(account, named)}"

    def _browser(self, account: Account, caller: Caller) -> str:
        """The name of a known browser that has not failed too often; empty for any other."""
        browser = self._known(account, caller)
        if not browser:
            return ""
        tally = self.store.failures.tally(self.clock() - WINDOW, account=account.number, browser=browser)
        return browser if tally.count < BROWSER_FAILURES else ""

    def _known(self, account: Account, caller: Caller) -> str:
        for introduction in caller.known:
            named, _, signature = introduction.rpartition(".")
            number, _, rest = named.partition(".")
            until, _, name = rest.partition(".")
            if number != str(account.number) or not name:
                continue
            expected = self._signature(account, named)
            if hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()) and self._runs(until):
                return name
        return ""

    def _runs(self, until: str) -> bool:
        return self.clock() < datetime.fromtimestamp(int(until), UTC)

    def _signature(self, account: Account, named: str) -> str:
        """It holds for the hash of the present password, so that another password makes every browser unknown."""
        key = self.store.accounts.secret(_SECRET, secrets.token_urlsafe(48))
        message = f"{named}.{account.password}".encode("utf-8", "replace")
        return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()

    def _everywhere(self, account: Account) -> tuple[int, datetime | None]:
        tally = self.store.failures.tally(self.clock() - NAME_WINDOW, account=account.number, browser="")
        return tally.count, tally.latest
