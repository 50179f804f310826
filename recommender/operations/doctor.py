"""What is wrong with an installation: each check looks at one thing, and says what to do. Nothing is changed by it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from recommender.errors import RecommenderError, StoreUnavailable
from recommender.operations import files, network
from recommender.operations.findings import FAULT, Finding, fault, ok, warning
from recommender.settings import Settings, load_settings, masked_url, settings_file
from recommender.store.inspection import Inspection
from recommender.store.keys import ApiKey
from recommender.wiring import check_model, database_file, make_registry, opened_inspection, utc_now

OLD_DAYS = 3  # a build is made once a night
WAITING_SHARE = 0.2  # of the articles; more than that is no night's work
AHEAD_SECONDS = 60
CLOCK_SECONDS = 5
BIG_BYTES = 50 << 30

Check = Callable[[Settings], Iterator[Finding]]
KEY_DAYS = 365  # after which a key is old: it has been in many hands and files
UNUSED_DAYS = 180
ENDS_SOON_DAYS = 14
_NEED_DATABASE = ("integrity", "generation", "keys")


@dataclass(frozen=True)
class Machine:
    """What the checks need of the machine: its environment, and the settings' file that was named."""

    environment: Mapping[str, str]
    config: Path | None


def diagnose(machine: Machine) -> Iterator[Finding]:
    """The findings of every check, one after the other. A check that fails is a finding itself."""
    try:
        settings = load_settings(machine.config)
    except RecommenderError as error:
        yield fault("settings", str(error), "Mend it; everything else is checked once the settings can be read")
        return
    yield ok("settings", "every setting is known and can be used")
    database_answers = True
    checks: dict[str, Check] = {
        "secrets": lambda settings: files.secrets(settings, settings_file(machine.config)),
        "database": _database,
        "integrity": _integrity,
        "generation": _generation,
        "keys": _keys,
        "disk": files.disk,
        "permissions": files.permissions,
        "models": _models,
        "clock": _clock,
        "port": network.port,
        "address": network.address,
        "proxy": lambda settings: network.proxy(settings, machine.environment),
    }
    for name, check in checks.items():
        if name in _NEED_DATABASE and not database_answers:
            continue  # the same fault three times over
        found = list(guarded(name, check, settings))
        database_answers = database_answers and not (name == "database" and has_fault(found))
        yield from found


def guarded(name: str, check: Check, settings: Settings) -> Iterator[Finding]:
    """The findings of a check; its error, of whatever kind, is a fault with its reason."""
    try:
        yield from check(settings)
    except RecommenderError as error:
        said, _, advice = " ".join(str(error).split()).rstrip(".").partition(". ")  # as our errors are written
        yield fault(name, said, advice or "Mend it, and run this again")
    except Exception as error:  # noqa: BLE001  # it is reported as a fault, and the other checks go on
        said = " ".join(str(error).split())
        yield fault(
            name, f"the check has failed: {type(error).__name__}: {said}", "Report it; the others are not affected"
        )


def has_fault(findings: list[Finding]) -> bool:
    """Whether one of them keeps the service from working."""
    return any(finding.level == FAULT for finding in findings)


def _inspected(settings: Settings, look: Callable[[Inspection], Iterator[Finding]]) -> Iterator[Finding]:
    """Looks at the database; a SQLite file that is not there is not made by it."""
    file = database_file(settings)
    if file is None or file.exists():
        with opened_inspection(settings.database_url.get_secret_value()) as inspection:
            yield from look(inspection)


def _database(settings: Settings) -> Iterator[Finding]:
    file, url = database_file(settings), masked_url(settings.database_url.get_secret_value())
    if file is not None and not file.exists():
        yield warning(
            "database", f"{file} is not there yet", "`recommender ingest FILE` makes it and reads articles into it"
        )
        return

    def look(inspection: Inspection) -> Iterator[Finding]:
        schema = inspection.schema()
        size = inspection.size()
        if not schema.known:
            yield fault("database", f"{url} has schema {schema.kept}, of a newer release", "Upgrade this software")
        elif schema.kept is None:
            yield warning("database", f"{url} has no tables yet", "`recommender ingest FILE` makes them")
        elif schema.kept != schema.newest:
            advice = "The next command migrates it; make a backup first: `recommender backup FILE`"
            yield warning("database", f"{url} has schema {schema.kept}, this release {schema.newest}", advice)
        else:
            yield ok("database", f"{url} answers, schema {schema.kept}, {files.in_words(size)}")
        if size > BIG_BYTES and file is not None:
            yield warning("database", f"{files.in_words(size)} in one file", "Consider PostgreSQL")

    yield from _inspected(settings, look)


def _current(inspection: Inspection) -> bool:
    schema = inspection.schema()
    return schema.kept == schema.newest


def _integrity(settings: Settings) -> Iterator[Finding]:
    def look(inspection: Inspection) -> Iterator[Finding]:
        schema = inspection.schema()
        if schema.kept is None or schema.kept != schema.newest:
            return  # other tables than this release knows: said above
        flaws = list(inspection.flaws(quick=True))
        for flaw in flaws:
            yield fault("integrity", flaw.problem, flaw.advice)
        if not flaws:
            yield ok("integrity", "file and tables are whole; `recommender check` looks at every row")

    yield from _inspected(settings, look)


def _generation(settings: Settings) -> Iterator[Finding]:
    def look(inspection: Inspection) -> Iterator[Finding]:
        if not _current(inspection):
            return
        live = inspection.live()
        if live is None:
            yield warning("generation", "nothing has been built: sidebars hold fallbacks only", "`recommender build`")
            return
        wanted = make_registry(settings).live()
        days = (utc_now() - live.built_on).days
        said = (
            f"{live.generation}, of {live.model_version or 'an earlier release'}, {live.articles:,} articles, built "
            f"{live.built_on:%Y-%m-%d %H:%M} UTC; {live.changed:,} new or changed and {live.left:,} to leave wait"
        )
        if live.model_version != wanted:
            advice = f"`recommender build` makes one of {wanted}, which `live` names"
        elif days >= OLD_DAYS and live.changed + live.left:
            advice = "Run `recommender build` once a night"
        elif live.changed + live.left > WAITING_SHARE * max(live.articles, 1):
            advice = "`recommender build`, or look whether `recommender serve` runs, which takes in what is published"
        else:
            yield ok("generation", said)
            return
        yield warning("generation", said, advice)

    yield from _inspected(settings, look)


def _keys(settings: Settings) -> Iterator[Finding]:
    def look(inspection: Inspection) -> Iterator[Finding]:
        if not _current(inspection):
            return
        now = utc_now()
        holding = [key for key in inspection.api_keys() if key.holds(now)]
        found = [finding for key in holding for finding in _findings_of(key, now)]
        yield from found
        if not found:
            unnamed = len(settings.api_keys)
            named = f"named API keys: {len(holding)}" if holding else "no named API key"
            beside = f"; {unnamed} in the settings may do everything" if unnamed else ""
            yield ok("keys", f"{named}{beside}")

    yield from _inspected(settings, look)


def _findings_of(key: ApiKey, now: datetime) -> Iterator[Finding]:
    called, rotate = f"the API key {key.name} ({key.id})", f"`recommender keys rotate {key.name}`"
    if key.until is None:
        advice = f"`recommender keys end {key.name}`, and make one with an end: `recommender keys add --expires DAY`"
        yield warning("keys", f"{called} has no end", advice)
    elif key.until - now < timedelta(days=ENDS_SOON_DAYS):
        yield warning("keys", f"{called} ends on {key.until:%Y-%m-%d}", f"{rotate}, where its program goes on")
    if (days := (now - key.created).days) > KEY_DAYS:
        yield warning("keys", f"{called} is {days:,} days old", rotate)
    if (days := (now - (key.used or key.created)).days) > UNUSED_DAYS:
        yield warning("keys", f"{called} was not used for {days:,} days", f"`recommender keys end {key.name}`")


def _models(settings: Settings) -> Iterator[Finding]:
    registry = make_registry(settings)
    live = registry.live()
    damaged = {name: problems for name in registry.names() if (problems := registry.verify(name))}
    for name, problems in damaged.items():
        advice = f"`recommender models fetch {name}` gets its files; else restore them"
        make = fault if name == live else warning
        yield make("models", f"{name}: {'; '.join(problems)}", advice)
    if live not in damaged:
        yield ok(
            "models",
            f"live is {live}, {check_model(settings)}; {len(registry.names()) - len(damaged)} versions are whole",
        )


def _clock(settings: Settings) -> Iterator[Finding]:
    now = utc_now()
    advice = "Set the clock by NTP: deadlines, sessions and the audit trail go by it"

    def look(inspection: Inspection) -> Iterator[Finding]:
        theirs = inspection.clock()
        if theirs is not None and (apart := abs((theirs - utc_now()).total_seconds())) > CLOCK_SECONDS:
            yield warning("clock", f"it is {apart:,.0f} s away from the database's", advice)
        if not _current(inspection):
            return
        latest = inspection.latest()
        if latest is not None and (ahead := (latest - now).total_seconds()) > AHEAD_SECONDS:
            yield warning(
                "clock", f"something was written {ahead:,.0f} s from now, at {latest:%Y-%m-%d %H:%M} UTC", advice
            )

    found: list[Finding] = []
    with suppress(StoreUnavailable):  # the check of the database has said so
        found += _inspected(settings, look)
    late = files.ahead(settings, now.timestamp() + AHEAD_SECONDS)
    found += [warning("clock", f"{file} was written in the future", advice) for file in late]
    yield from found
    if not found:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC, and nothing was written later")
