"""The second factor: which codes let in, how often, and what stays closed until then."""

from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from recommender.desk import accounts as module
from recommender.desk.accounts import Accounts
from recommender.desk.attempts import Caller
from recommender.desk.one_time_codes import PyotpCodes
from recommender.desk.second_factor import Policy
from recommender.errors import InvalidInput, SignInRefused
from recommender.store.accounts import Account
from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from tests.desk.test_accounts import BOSS, ELSEWHERE, HERE, OTHER, PASSWORD, Bench, QuickPasswords, Time, made

# RFC 6238, appendix B: the last six digits of the SHA-1 codes of its secret.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = {59: "287082", 1_111_111_109: "081804", 1_234_567_890: "005924", 20_000_000_000: "353130"}

FULL_WIDTH = "\uff11\uff12\uff13\uff14\uff15\uff16"  # digits to Unicode
SECRET = PyotpCodes().new_secret()
Codes = list[str]


def bench_of(store: Store, policy: Policy = "optional") -> Bench:
    time, passwords = Time(), QuickPasswords()
    accounts = made(store, passwords, time, policy)
    accounts.add(BOSS, "administrator", "test", OTHER)
    accounts.add("Awa", "editor", "test", PASSWORD)
    return Bench(accounts, store, time, passwords)


@pytest.fixture
def bench(store: Store) -> Bench:
    return bench_of(store)


def code(bench: Bench, steps: int = 0, secret: str = SECRET) -> str:
    """What the device shows, or has shown some steps ago."""
    return pyotp.TOTP(secret).at(bench.time.now + timedelta(seconds=30 * steps))


@pytest.fixture
def recovery(bench: Bench) -> Codes:
    """Awa has a second factor; gives the recovery codes. The code that has confirmed it is used up."""
    _, codes = bench.accounts.set_up_second_factor(bench.account("Awa"), SECRET, code(bench))
    bench.time.now += timedelta(minutes=1)
    return codes


def begin(bench: Bench, caller: Caller = HERE) -> str:
    return bench.accounts.sign_in("Awa", PASSWORD, caller)


def refused(bench: Bench, token: str, typed: str, caller: Caller = HERE) -> str:
    with pytest.raises(SignInRefused) as error:
        bench.accounts.enter_code(token, typed, caller)
    return str(error.value)


@pytest.mark.parametrize(("seconds", "expected"), RFC_CODES.items())
def test_codes_are_those_of_the_standard(seconds: int, expected: str) -> None:
    assert PyotpCodes().code(RFC_SECRET, seconds // 30) == expected


def test_app_reads_name_and_site() -> None:
    address = PyotpCodes().address(SECRET, "Awa Traoré", "Sahel Journal")
    read = pyotp.parse_uri(address)
    assert (read.secret, read.name, read.issuer) == (SECRET, "Awa Traoré", "Sahel Journal")


def test_secrets_are_random() -> None:
    assert len({SECRET, PyotpCodes().new_secret(), PyotpCodes().new_secret()}) == 3
    assert len(SECRET) == 32


# -- setting up


@pytest.mark.usefixtures("recovery")
def test_password_alone_opens_nothing(bench: Bench) -> None:
    token = begin(bench)
    assert bench.accounts.who(token) is None
    assert bench.accounts.halfway(token) == bench.account("Awa")


@pytest.mark.usefixtures("recovery")
def test_code_opens_a_session(bench: Bench) -> None:
    token = begin(bench)
    session = bench.accounts.enter_code(token, code(bench), HERE)
    assert bench.accounts.who(session) == bench.account("Awa")
    assert bench.accounts.halfway(token) is None
    assert [entry.action for entry in bench.trail()[:2]] == [module.SIGN_IN, module.SET_UP]


def test_setting_up_ends_other_sessions(bench: Bench) -> None:
    before = begin(bench)
    session, _ = bench.accounts.set_up_second_factor(bench.account("Awa"), SECRET, code(bench))
    assert bench.accounts.who(before) is None
    assert bench.accounts.who(session)


@pytest.mark.parametrize("secret", ["", "A" * 31, "a" * 32, "1" * 32, "A" * 4000])
def test_own_secrets_are_refused(bench: Bench, secret: str) -> None:
    with pytest.raises(InvalidInput):
        bench.accounts.set_up_second_factor(bench.account("Awa"), secret, "000000")
    assert bench.account("Awa").second_factor is None


def test_setting_up_takes_a_code_of_it(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="The code is not right"):
        bench.accounts.set_up_second_factor(bench.account("Awa"), SECRET, code(bench, 7))
    assert bench.accounts.who(begin(bench))


@pytest.mark.usefixtures("recovery")
def test_second_one_takes_no_place(bench: Bench) -> None:
    """Who has the password, but not the device, cannot set up another device."""
    other = PyotpCodes().new_secret()
    with pytest.raises(InvalidInput, match="already"):
        bench.accounts.set_up_second_factor(bench.account("Awa"), other, code(bench, secret=other))


# -- codes


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
@pytest.mark.usefixtures("recovery")
def test_device_may_be_half_a_minute_off(bench: Bench, steps: int, right: bool) -> None:
    token = begin(bench)
    if right:
        assert bench.accounts.enter_code(token, code(bench, steps), HERE)
    else:
        assert refused(bench, token, code(bench, steps)) == module.WRONG_CODE


@pytest.mark.usefixtures("recovery")
def test_code_is_used_once(bench: Bench) -> None:
    """Nor one from before it, which somebody may have read over a shoulder."""
    bench.accounts.enter_code(begin(bench), code(bench), HERE)
    for steps in (0, -1):
        assert refused(bench, begin(bench), code(bench, steps)) == module.WRONG_CODE
    assert bench.accounts.enter_code(begin(bench), code(bench, 1), HERE)


@pytest.mark.usefixtures("recovery")
def test_code_that_has_set_it_up_is_used(bench: Bench) -> None:
    bench.time.now -= timedelta(minutes=1)
    assert refused(bench, begin(bench), code(bench)) == module.WRONG_CODE


@pytest.mark.parametrize("typed", ["", "x", "12345", "1234567", FULL_WIDTH, "\0", "\ud800", "9" * 5000])
@pytest.mark.usefixtures("recovery")
def test_other_text_is_no_code(bench: Bench, typed: str) -> None:
    assert refused(bench, begin(bench), typed) == module.WRONG_CODE
    assert bench.time.waits == [module.REFUSAL_SECONDS]


@pytest.mark.usefixtures("recovery")
def test_spaces_do_not_matter(bench: Bench) -> None:
    shown = code(bench)
    assert bench.accounts.enter_code(begin(bench), f" {shown[:3]} {shown[3:]} ", HERE)


@pytest.mark.usefixtures("recovery")
def test_ten_minutes_are_left_for_the_code(bench: Bench) -> None:
    token = begin(bench)
    bench.time.now += timedelta(minutes=10)
    assert refused(bench, token, code(bench)) == module.TOO_LATE


@pytest.mark.parametrize("token", ["", "x", "\ud800"])
def test_invented_token_is_no_sign_in(bench: Bench, token: str) -> None:
    assert refused(bench, token, "000000") == module.TOO_LATE


@pytest.mark.usefixtures("recovery")
def test_five_wrong_codes_wait_for_a_quarter_of_an_hour(bench: Bench) -> None:
    """The right password in between forgives none of them."""
    for _ in range(5):
        refused(bench, begin(bench), "000000")
    with pytest.raises(SignInRefused, match="Signing in failed"):
        begin(bench)
    bench.time.now += timedelta(minutes=15)
    assert bench.accounts.enter_code(begin(bench), code(bench), HERE)


@pytest.mark.usefixtures("recovery")
def test_wrong_codes_are_counted_within_one_sign_in(bench: Bench) -> None:
    token = begin(bench)
    for _ in range(5):
        refused(bench, token, "000000")
    assert refused(bench, token, code(bench)) == module.WRONG_CODE


@pytest.mark.usefixtures("recovery")
def test_wrong_codes_elsewhere_keep_nobody_out(bench: Bench) -> None:
    token = begin(bench, ELSEWHERE)
    for _ in range(6):
        refused(bench, token, "000000", ELSEWHERE)
    assert bench.accounts.enter_code(begin(bench), code(bench), HERE)


@pytest.mark.usefixtures("recovery")
def test_owner_is_told_that_the_password_is_known(bench: Bench) -> None:
    refused(bench, begin(bench, ELSEWHERE), "000000", ELSEWHERE)
    (told,) = bench.accounts.news(bench.account("Awa"))
    assert (told.address, told.count, told.codes) == ("203.0.113.7", 1, 1)


# -- recovery codes


def test_recovery_code_lets_in_once(bench: Bench, recovery: Codes) -> None:
    assert bench.accounts.enter_code(begin(bench), recovery[0].upper().replace("-", " "), HERE)
    assert refused(bench, begin(bench), recovery[0]) == module.WRONG_CODE
    assert bench.store.accounts.recovery_codes(bench.account("Awa").number) == 9


def test_recovery_codes_are_long_and_kept_as_hashes(bench: Bench, recovery: Codes, database_url: str) -> None:
    assert len(set(recovery)) == 10
    assert {len(one.replace("-", "")) for one in recovery} == {16}  # 80 bits
    file = database_url.removeprefix("sqlite:///")
    held = Path(file).read_bytes() + Path(f"{file}-wal").read_bytes()
    assert recovery[0].encode() not in held
    assert recovery[0].replace("-", "").encode() not in held


def test_new_recovery_codes_void_the_old(bench: Bench, recovery: Codes) -> None:
    new = bench.accounts.renew_recovery_codes(bench.account("Awa"), code(bench), HERE)
    assert refused(bench, begin(bench), recovery[0]) == module.WRONG_CODE
    assert bench.accounts.enter_code(begin(bench), new[0], HERE)


@pytest.mark.parametrize("method", ["renew_recovery_codes", "turn_off_second_factor"])
@pytest.mark.usefixtures("recovery")
def test_session_alone_changes_no_second_factor(bench: Bench, method: str) -> None:
    for typed in ["000000"] * 5 + [code(bench)]:
        with pytest.raises(SignInRefused):
            getattr(bench.accounts, method)(bench.account("Awa"), typed, HERE)
    assert bench.account("Awa").second_factor is not None


# -- taking it away


def test_turned_off_the_password_is_enough(bench: Bench, recovery: Codes) -> None:
    bench.accounts.turn_off_second_factor(bench.account("Awa"), code(bench), HERE)
    assert bench.accounts.who(begin(bench))
    assert bench.store.accounts.recovery_codes(bench.account("Awa").number) == 0


def test_reset_takes_it_away_and_signs_out(bench: Bench, recovery: Codes) -> None:
    session = bench.accounts.enter_code(begin(bench), code(bench), HERE)
    bench.accounts.reset_second_factor("awa", BOSS)
    assert bench.accounts.who(session) is None
    assert bench.accounts.who(begin(bench))
    entry = bench.store.audit.entries(AuditQuery(action=module.RESET), 1)[0]
    assert (entry.by, entry.subject) == (BOSS, "Awa")


def test_link_does_not_stand_in_for_the_second_factor(bench: Bench, recovery: Codes) -> None:
    token = bench.accounts.use_link(bench.accounts.make_link("Awa", BOSS), OTHER)
    assert bench.accounts.who(token) is None
    assert bench.accounts.who(bench.accounts.enter_code(token, code(bench), HERE))


@pytest.mark.usefixtures("recovery")
def test_another_password_keeps_the_second_factor(bench: Bench) -> None:
    session = bench.accounts.change_password(bench.account("Awa"), PASSWORD, OTHER, HERE)
    assert bench.accounts.who(session)
    assert bench.accounts.who(bench.accounts.sign_in("Awa", OTHER, HERE)) is None


def test_no_secret_is_on_record_or_shown(bench: Bench, recovery: Codes) -> None:
    assert SECRET not in repr(bench.trail()) + repr(bench.account("Awa"))
    assert not any(one in repr(bench.trail()) for one in recovery)


# -- who must have one


@pytest.mark.parametrize(
    ("policy", "name", "password", "required"),
    [
        ("optional", BOSS, OTHER, False),
        ("administrators", BOSS, OTHER, True),
        ("administrators", "Awa", PASSWORD, False),
        ("all", "Awa", PASSWORD, True),
    ],
)
def test_setting_says_who_must_have_one(store: Store, policy: Policy, name: str, password: str, required: bool) -> None:
    bench = bench_of(store, policy)
    token = bench.accounts.sign_in(name, password, HERE)
    assert (bench.accounts.who(token) is None, bench.accounts.halfway(token) is not None) == (required, required)


def test_who_must_have_one_sets_it_up_first(store: Store) -> None:
    bench = bench_of(store, "all")
    token = begin(bench)
    account = bench.accounts.halfway(token)
    assert account
    assert refused(bench, token, "000000") == module.TOO_LATE
    session, _ = bench.accounts.set_up_second_factor(account, SECRET, code(bench))
    assert bench.accounts.who(session)


def test_who_must_have_one_keeps_it(store: Store) -> None:
    bench = bench_of(store, "all")
    bench.accounts.set_up_second_factor(bench.account("Awa"), SECRET, code(bench))
    with pytest.raises(InvalidInput, match="must have a second factor"):
        bench.accounts.turn_off_second_factor(bench.account("Awa"), code(bench, 1), HERE)


def test_open_session_ends_where_one_becomes_required(bench: Bench) -> None:
    token = begin(bench)
    stricter: Accounts = made(bench.store, bench.passwords, bench.time, "all")
    assert (bench.accounts.who(token) is not None, stricter.who(token)) == (True, None)


def test_account_that_was_disabled_goes_no_further(bench: Bench, recovery: Codes) -> None:
    token = begin(bench)
    bench.accounts.disable("Awa", BOSS)
    bench.accounts.enable("Awa", BOSS)
    assert refused(bench, token, code(bench)) == module.TOO_LATE


def test_new_account_is_halfway_by_its_link(store: Store) -> None:
    bench = bench_of(store, "all")
    issa: Account = bench.accounts.add("Issa", "viewer", BOSS)
    token = bench.accounts.use_link(bench.accounts.make_link("Issa", BOSS), PASSWORD)
    assert bench.accounts.who(token) is None
    waiting = bench.accounts.halfway(token)
    assert waiting
    assert waiting.number == issa.number
