"""Accounts: who is let in, for how long, who may be changed, and what the audit trail says of it."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.desk import accounts as module
from recommender.desk.accounts import Accounts, Passwords, state_of
from recommender.desk.attempts import Attempts, Caller
from recommender.desk.one_time_codes import PyotpCodes
from recommender.desk.passwords import ScryptPasswords
from recommender.desk.second_factor import Policy, SecondFactors
from recommender.errors import InvalidInput, NotFound, SignInRefused
from recommender.store.accounts import Account
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store
from recommender.store.failures import FailuresFrom
from recommender.wiring import open_store
from tests.factories import NOW

PASSWORD = "millet and rain"
OTHER = "wrestlers of Dakar"
BOSS = "boss"
HERE, ELSEWHERE = Caller("192.0.2.1"), Caller("203.0.113.7")


@dataclass
class QuickPasswords:
    """No secret is kept; counts how much work was done."""

    work: int = 0

    def hash(self, password: str) -> str:
        self.work += 1
        return f"kept:{password}"

    def matches(self, hashed: str, password: str) -> bool:
        self.work += 1
        return hashed == f"kept:{password}"


@dataclass
class Time:
    """A clock that moves when a test says so, and remembers who waited for how long."""

    now: datetime = NOW
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now


def made(store: Store, passwords: Passwords, time: Time, policy: Policy = "optional") -> Accounts:
    """The accounts of a store, whose passwords cost nothing."""
    factors = SecondFactors(store, PyotpCodes(), time, policy)
    return Accounts(store, passwords, time, time.waits.append, factors, Attempts(store, time))


@dataclass
class Bench:
    """Accounts of Awa (an editor) and of an administrator, with their parts."""

    accounts: Accounts
    store: Store
    time: Time
    passwords: QuickPasswords

    def account(self, name: str) -> Account:
        account = self.store.accounts.by_name(name)
        assert account is not None
        return account

    def trail(self) -> list[AuditEntry]:
        return self.store.audit.entries(AuditQuery(), 100)

    def fail(self, times: int, name: str = "Awa", caller: Caller = HERE) -> None:
        for _ in range(times):
            with pytest.raises(SignInRefused):
                self.accounts.sign_in(name, "wrong", caller)

    def known(self, address: str = "192.0.2.1") -> Caller:
        """A browser in which Awa has signed in before."""
        return Caller(address, (self.accounts.introduction(self.account("Awa")),))


@pytest.fixture
def bench(store: Store) -> Bench:
    time, passwords = Time(), QuickPasswords()
    accounts = made(store, passwords, time)
    accounts.add(BOSS, "administrator", "test", OTHER)
    accounts.add("Awa", "editor", "test", PASSWORD)
    return Bench(accounts, store, time, passwords)


# -- signing in


@pytest.mark.parametrize("name", ["Awa", "awa", " AWA "])
def test_right_password_opens_a_session(bench: Bench, name: str) -> None:
    token = bench.accounts.sign_in(name, PASSWORD)
    assert bench.accounts.who(token) == bench.account("Awa")


def test_composed_and_decomposed_letters_are_one(bench: Bench) -> None:
    bench.accounts.add("Zoe", "viewer", "test", "caf\N{LATIN SMALL LETTER E WITH ACUTE} du port")
    assert bench.accounts.sign_in("Zoe", "cafe\N{COMBINING ACUTE ACCENT} du port")


@pytest.mark.parametrize("name", ["Awa", "nobody", "", "\0", "x" * 5000, "command line (root)"])
def test_refusals_are_alike(bench: Bench, name: str) -> None:
    bench.passwords.work = 0
    with pytest.raises(SignInRefused, match="Signing in failed") as refused:
        bench.accounts.sign_in(name, "wrong")
    assert str(refused.value) == module.REFUSED
    assert bench.passwords.work == 1
    assert bench.time.waits == [module.REFUSAL_SECONDS]


def test_account_without_password_is_refused_alike(bench: Bench) -> None:
    bench.accounts.add("Issa", "viewer", "test")
    bench.passwords.work = 0
    bench.fail(1, "Issa")
    assert (bench.passwords.work, bench.time.waits) == (1, [module.REFUSAL_SECONDS])


def test_disabled_account_is_refused(bench: Bench) -> None:
    bench.accounts.disable("Awa", BOSS)
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD)


def test_session_is_over_after_twelve_hours(bench: Bench) -> None:
    token = bench.accounts.sign_in("Awa", PASSWORD)
    bench.time.now += timedelta(hours=12) - timedelta(seconds=1)
    assert bench.accounts.who(token)
    bench.time.now += timedelta(seconds=1)
    assert bench.accounts.who(token) is None


def test_signing_out_ends_one_session(bench: Bench) -> None:
    here, there = (bench.accounts.sign_in("Awa", PASSWORD) for _ in range(2))
    bench.accounts.sign_out(here)
    assert bench.accounts.who(here) is None
    assert bench.accounts.who(there)


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800"])
def test_invented_token_has_no_account(bench: Bench, token: str) -> None:
    assert bench.accounts.who(token) is None


def test_store_keeps_no_token(bench: Bench) -> None:
    token = bench.accounts.sign_in("Awa", PASSWORD)
    assert bench.store.accounts.session(token, NOW) is None


# -- limits


def everywhere(bench: Bench, times: int, name: str = "Awa") -> None:
    """Failures from as many addresses."""
    for place in range(times):
        bench.fail(1, name, Caller(f"198.51.100.{place}"))


def test_five_failures_at_a_place_wait_for_a_quarter_of_an_hour(bench: Bench) -> None:
    bench.fail(5)
    with pytest.raises(SignInRefused) as refused:
        bench.accounts.sign_in("Awa", PASSWORD, HERE)
    assert str(refused.value) == module.REFUSED
    bench.time.now += timedelta(minutes=15)
    assert bench.accounts.sign_in("Awa", PASSWORD, HERE)


def test_four_failures_do_not_wait(bench: Bench) -> None:
    bench.fail(4)
    assert bench.accounts.sign_in("Awa", PASSWORD, HERE)
    bench.fail(4)
    assert bench.accounts.sign_in("Awa", PASSWORD, HERE)


def test_failures_elsewhere_keep_nobody_out(bench: Bench) -> None:
    bench.fail(5, caller=ELSEWHERE)
    assert bench.accounts.sign_in("Awa", PASSWORD, HERE)


def test_failures_with_one_name_leave_the_others(bench: Bench) -> None:
    bench.fail(5)
    assert bench.accounts.sign_in(BOSS, OTHER, HERE)


def test_owner_signs_in_whatever_strangers_do(bench: Bench) -> None:
    """For hours, from many addresses, and from the owner's own: never a lock for the browser that is known."""
    known = bench.known()
    for _ in range(4):
        everywhere(bench, 30)
        bench.fail(60)
        bench.fail(60, "nobody")
        assert bench.accounts.sign_in("Awa", PASSWORD, known)
        bench.time.now += timedelta(minutes=30)


def test_many_addresses_slow_unknown_browsers_down(bench: Bench) -> None:
    """One attempt a minute is looked at; when the hour is over, all are."""
    everywhere(bench, 20)
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD, HERE)
    bench.time.now += timedelta(minutes=1)
    everywhere(bench, 1)
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD, HERE)
    bench.time.now += timedelta(minutes=1)
    assert bench.accounts.sign_in("Awa", PASSWORD, HERE)


def test_slowdown_is_on_record_once(bench: Bench) -> None:
    everywhere(bench, 25)
    assert [(entry.action, entry.subject, entry.by) for entry in bench.trail()][:2] == [
        (module.SLOW_DOWN, "Awa", module.SIGN_IN_FORM),
        (module.ADD, "Awa", "test"),
    ]
    assert bench.accounts.slowed(bench.account("Awa"))


def test_one_address_may_fail_fifty_times_with_all_names(bench: Bench) -> None:
    for number in range(50):
        bench.fail(1, f"nobody {number}")
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD, HERE)
    assert bench.accounts.sign_in("Awa", PASSWORD, ELSEWHERE)
    assert bench.accounts.sign_in("Awa", PASSWORD, bench.known())


def test_known_browser_guesses_no_more_than_others(bench: Bench) -> None:
    """After five failures of its own it is one like any other, and has five more."""
    known = bench.known()
    bench.fail(10, caller=known)
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD, known)
    assert bench.accounts.sign_in("Awa", PASSWORD, bench.known("192.0.2.9"))


def test_known_browser_is_known_for_one_account(bench: Bench) -> None:
    bench.accounts.add("Issa", "viewer", "test", PASSWORD)
    bench.fail(5, "Issa")
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Issa", PASSWORD, bench.known())


def test_another_password_makes_browsers_unknown(bench: Bench) -> None:
    known = bench.known()
    bench.accounts.change_password(bench.account("Awa"), PASSWORD, OTHER)
    bench.fail(5)
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", OTHER, known)


def test_browser_is_known_for_a_year(bench: Bench) -> None:
    known = bench.known()
    bench.time.now += timedelta(days=365)
    bench.fail(5)
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD, known)


@pytest.mark.parametrize("change", [lambda text: text[:-1] + "x", lambda text: "1" + text[1:], lambda _: "\ud800."])
def test_invented_introduction_is_unknown(bench: Bench, change: Callable[[str], str]) -> None:
    (introduction,) = bench.known().known
    bench.fail(5)
    for forged in (change(introduction), "", "...", f"{bench.account('Awa').number}.x.y.z"):
        with pytest.raises(SignInRefused):
            bench.accounts.sign_in("Awa", PASSWORD, Caller("192.0.2.1", (forged,)))


def test_limit_holds_in_every_process(bench: Bench, database_url: str) -> None:
    bench.fail(5)
    other = open_store(database_url)
    try:
        with pytest.raises(SignInRefused):
            made(other, QuickPasswords(), bench.time).sign_in("Awa", PASSWORD, HERE)
    finally:
        other.close()


def test_many_guesses_at_once_count_as_five(bench: Bench) -> None:
    """Twenty start before the first has failed; the right one would come too late."""
    barrier, outcomes = Barrier(20), []

    class Together(QuickPasswords):
        def matches(self, hashed: str, password: str) -> bool:
            barrier.wait(30)  # all have read the account before the first failed
            return False

    accounts = made(bench.store, Together(), bench.time)

    def guess() -> None:
        try:
            outcomes.append(accounts.sign_in("Awa", "wrong", HERE))
        except SignInRefused:
            outcomes.append("refused")

    threads = [Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["refused"] * 20
    assert sum(one.count for one in bench.accounts.failures(bench.account("Awa"))) == 5
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD, HERE)


def test_open_session_goes_on(bench: Bench) -> None:
    """Who does not know the password cannot throw out who does."""
    token = bench.accounts.sign_in("Awa", PASSWORD, HERE)
    bench.fail(5)
    assert bench.accounts.who(token)


def test_enabling_forgives(bench: Bench) -> None:
    everywhere(bench, 20)
    bench.fail(5)
    bench.accounts.enable("Awa", BOSS)
    assert bench.accounts.sign_in("Awa", PASSWORD, HERE)


def test_owner_is_told_once(bench: Bench) -> None:
    bench.accounts.news(bench.account("Awa"))
    bench.time.now += timedelta(hours=1)
    bench.fail(2)
    bench.time.now += timedelta(hours=1)
    bench.fail(1, caller=ELSEWHERE)
    told = bench.accounts.news(bench.account("Awa"))
    assert told == [
        FailuresFrom("203.0.113.7", 1, 0, NOW + timedelta(hours=2), NOW + timedelta(hours=2)),
        FailuresFrom("192.0.2.1", 2, 0, NOW + timedelta(hours=1), NOW + timedelta(hours=1)),
    ]
    assert bench.accounts.news(bench.account("Awa")) == []
    assert bench.accounts.failures(bench.account("Awa")) == told


def test_failures_are_forgotten_after_a_month(bench: Bench) -> None:
    bench.fail(1)
    bench.time.now += timedelta(days=30)
    bench.fail(1, "nobody")
    assert bench.accounts.failures(bench.account("Awa")) == []


# -- one-time links


def test_link_sets_a_password_and_signs_in(bench: Bench) -> None:
    token = bench.accounts.make_link("awa", BOSS)
    assert bench.accounts.link_holder(token).name == "Awa"
    session = bench.accounts.use_link(token, OTHER)
    assert bench.accounts.who(session)
    assert bench.accounts.sign_in("Awa", OTHER)
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD)


def test_looking_uses_no_link_up(bench: Bench) -> None:
    token = bench.accounts.make_link("Awa", BOSS)
    for _ in range(3):
        bench.accounts.link_holder(token)
    assert bench.accounts.use_link(token, OTHER)


def test_link_works_once(bench: Bench) -> None:
    token = bench.accounts.make_link("Awa", BOSS)
    bench.accounts.use_link(token, OTHER)
    with pytest.raises(SignInRefused, match="has been used"):
        bench.accounts.use_link(token, PASSWORD)
    with pytest.raises(SignInRefused, match="has been used"):
        bench.accounts.link_holder(token)


def test_link_is_over_after_a_day(bench: Bench) -> None:
    token = bench.accounts.make_link("Awa", BOSS)
    bench.time.now += timedelta(hours=24)
    with pytest.raises(SignInRefused):
        bench.accounts.use_link(token, OTHER)


def test_bad_password_uses_no_link_up(bench: Bench) -> None:
    token = bench.accounts.make_link("Awa", BOSS)
    with pytest.raises(InvalidInput, match="too short"):
        bench.accounts.use_link(token, "short")
    assert bench.accounts.use_link(token, OTHER)


def test_link_forgives_and_ends_sessions(bench: Bench) -> None:
    before = bench.accounts.sign_in("Awa", PASSWORD)
    bench.fail(5)
    bench.accounts.use_link(bench.accounts.make_link("Awa", BOSS), OTHER)
    assert bench.accounts.who(before) is None
    assert bench.accounts.sign_in("Awa", OTHER, HERE)


def test_one_used_link_voids_the_others(bench: Bench) -> None:
    first, second = (bench.accounts.make_link("Awa", BOSS) for _ in range(2))
    bench.accounts.use_link(first, OTHER)
    with pytest.raises(SignInRefused):
        bench.accounts.use_link(second, PASSWORD)


def test_link_of_a_disabled_account_is_void(bench: Bench) -> None:
    token = bench.accounts.make_link("Awa", BOSS)
    bench.accounts.disable("Awa", BOSS)
    bench.accounts.enable("Awa", BOSS)
    with pytest.raises(SignInRefused):
        bench.accounts.use_link(token, OTHER)


def test_link_made_for_a_disabled_account_is_refused(bench: Bench) -> None:
    bench.accounts.disable("Awa", BOSS)
    token = bench.accounts.make_link("Awa", BOSS)
    with pytest.raises(SignInRefused):
        bench.accounts.link_holder(token)
    with pytest.raises(SignInRefused):
        bench.accounts.use_link(token, OTHER)


# -- passwords


def test_changing_the_password_ends_other_sessions(bench: Bench) -> None:
    before = bench.accounts.sign_in("Awa", PASSWORD)
    session = bench.accounts.change_password(bench.account("Awa"), PASSWORD, OTHER)
    assert bench.accounts.who(before) is None
    assert bench.accounts.who(session)
    assert bench.accounts.sign_in("Awa", OTHER)


def test_changing_the_password_needs_the_old_one(bench: Bench) -> None:
    with pytest.raises(SignInRefused, match="old password"):
        bench.accounts.change_password(bench.account("Awa"), "wrong", OTHER)
    assert bench.accounts.sign_in("Awa", PASSWORD)


def test_guessing_the_old_password_is_limited_too(bench: Bench) -> None:
    for password in ["wrong"] * 5 + [PASSWORD]:
        with pytest.raises(SignInRefused):
            bench.accounts.change_password(bench.account("Awa"), password, OTHER, HERE)
    with pytest.raises(SignInRefused):
        bench.accounts.sign_in("Awa", PASSWORD, HERE)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("x" * 11, "too short"),
        ("x" * 201, "too long"),
        ("twelve\0twelve", "not text"),
        ("twelve\ud800twelve", "not text"),
    ],
)
def test_unusable_password_is_refused(bench: Bench, password: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        bench.accounts.add("Issa", "viewer", "test", password)
    assert bench.store.accounts.by_name("Issa") is None


def test_scrypt_keeps_no_password() -> None:
    passwords = ScryptPasswords()
    hashed = passwords.hash(PASSWORD)
    assert hashed.startswith("scrypt:")
    assert PASSWORD not in hashed
    assert hashed != passwords.hash(PASSWORD)
    assert passwords.matches(hashed, PASSWORD)
    assert not passwords.matches(hashed, OTHER)


# -- keeping accounts


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a<b>", "command line (root)", "a\0b", "a\u202eb", "a/b", '"'])
def test_unusable_name_is_refused(bench: Bench, name: str) -> None:
    with pytest.raises(InvalidInput, match="A name has"):
        bench.accounts.add(name, "viewer", "test")


@pytest.mark.parametrize("name", ["Aïssata Koné", "O'Neil", "j.doe@example.org", "محمد", "देवी", "x" * 60])
def test_names_of_people_are_taken(bench: Bench, name: str) -> None:
    assert bench.accounts.add(name, "viewer", "test").name == name


@pytest.mark.parametrize("name", ["awa", "AWA", "  Awa  "])
def test_name_is_taken_in_whatever_case(bench: Bench, name: str) -> None:
    with pytest.raises(InvalidInput, match="already"):
        bench.accounts.add(name, "viewer", "test")


def test_unknown_role_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="no such role"):
        bench.accounts.add("Issa", "owner", "test")
    with pytest.raises(InvalidInput, match="no such role"):
        bench.accounts.set_role("Awa", "owner", "test")


@pytest.mark.parametrize(
    "change",
    [
        lambda accounts: accounts.set_role("Awa", "viewer", BOSS),
        lambda accounts: accounts.disable("Awa", BOSS),
        lambda accounts: accounts.end_sessions("Awa", BOSS),
    ],
    ids=["role", "disable", "end sessions"],
)
def test_change_ends_sessions(bench: Bench, change: object) -> None:
    token = bench.accounts.sign_in("Awa", PASSWORD)
    change(bench.accounts)  # type: ignore[operator]  # a parameter of the test
    assert bench.accounts.who(token) is None


def test_enabled_account_is_let_in(bench: Bench) -> None:
    bench.accounts.disable("Awa", BOSS)
    bench.accounts.enable("Awa", BOSS)
    assert bench.accounts.sign_in("Awa", PASSWORD)


@pytest.mark.parametrize("method", ["make_link", "disable", "enable", "end_sessions"])
def test_unknown_account_is_not_found(bench: Bench, method: str) -> None:
    with pytest.raises(NotFound, match="no account 'nobody'"):
        getattr(bench.accounts, method)("nobody", BOSS)


def test_last_administrator_stays(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="last administrator"):
        bench.accounts.disable(BOSS, BOSS)
    with pytest.raises(InvalidInput, match="last administrator"):
        bench.accounts.set_role(BOSS, "editor", BOSS)
    assert bench.accounts.sign_in(BOSS, OTHER)


def test_administrator_without_password_does_not_count(bench: Bench) -> None:
    bench.accounts.add("second", "administrator", BOSS)
    with pytest.raises(InvalidInput, match="last administrator"):
        bench.accounts.disable(BOSS, BOSS)
    bench.accounts.disable("second", BOSS)


def test_one_of_two_administrators_may_go(bench: Bench) -> None:
    bench.accounts.add("second", "administrator", BOSS, PASSWORD)
    bench.accounts.set_role(BOSS, "viewer", "second")
    with pytest.raises(InvalidInput, match="last administrator"):
        bench.accounts.disable("second", BOSS)


@given(st.lists(st.tuples(st.sampled_from(["disable", "demote", "enable", "promote"]), st.sampled_from("abc"))))
def test_an_administrator_is_always_left(empty_database: Path, steps: list[tuple[str, str]]) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        shutil.copy(empty_database, folder)
        store = stack.enter_context(closing(open_store(f"sqlite:///{folder}/{empty_database.name}")))
        accounts = made(store, QuickPasswords(), Time())
        for name in "abc":
            accounts.add(name, "administrator", "test", PASSWORD)
        for step, name in steps:
            with suppress(InvalidInput):  # the last one stays
                if step in ("demote", "promote"):
                    accounts.set_role(name, "viewer" if step == "demote" else "administrator", "test")
                else:
                    getattr(accounts, step)(name, "test")
        assert any(account.role == "administrator" and not account.disabled for account in accounts.everyone())


@pytest.mark.parametrize("state", module.STATES)
def test_state_says_whether_the_holder_can_sign_in(bench: Bench, state: str) -> None:
    if state == "no password":
        account = bench.accounts.add("Issa", "viewer", "test")
    else:
        if state == "disabled":
            bench.accounts.disable("Awa", BOSS)
        account = bench.account("Awa")
    assert state_of(account) == state


# -- the audit trail


def test_every_change_is_on_record(bench: Bench) -> None:
    bench.accounts.set_role("Awa", "viewer", BOSS)
    bench.accounts.disable("Awa", BOSS)
    bench.accounts.enable("Awa", BOSS)
    bench.accounts.use_link(bench.accounts.make_link("Awa", BOSS), OTHER)
    bench.accounts.end_sessions("Awa", BOSS)
    entries = [(entry.by, entry.action, entry.before, entry.after) for entry in reversed(bench.trail()[:-1])]
    assert entries == [
        ("test", module.ADD, None, {"role": "editor"}),
        (BOSS, module.ROLE, {"role": "editor"}, {"role": "viewer"}),
        (BOSS, module.DISABLE, {"state": "active"}, {"state": "disabled"}),
        (BOSS, module.ENABLE, {"state": "disabled"}, {"state": "active"}),
        (BOSS, module.MAKE_LINK, None, {"until": "2026-06-02T12:00:00+00:00"}),
        ("Awa", module.CHOOSE, None, None),
        (BOSS, module.END_SESSIONS, None, None),
    ]
    assert {entry.subject for entry in bench.trail()[:-1]} == {"Awa"}


def test_what_changes_nothing_leaves_no_entry(bench: Bench) -> None:
    before = bench.trail()
    bench.accounts.set_role("Awa", "editor", BOSS)
    bench.accounts.enable("Awa", BOSS)
    bench.fail(4)
    bench.fail(4, "nobody")
    assert bench.trail() == before


def test_no_secret_is_on_record(bench: Bench) -> None:
    link = bench.accounts.make_link("Awa", BOSS)
    session = bench.accounts.use_link(link, OTHER)
    trail = repr(bench.trail())
    assert not any(secret in trail for secret in (link, session, PASSWORD, OTHER))


def test_secret_is_made_once(bench: Bench) -> None:
    assert bench.accounts.secret("session") == bench.accounts.secret("session")
    assert len(bench.accounts.secret("session")) > 40
