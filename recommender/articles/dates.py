"""Dates as publishing systems write them, to moments in UTC. What can be read in two ways is not read at all."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any, Literal

DateOrder = Literal["", "dmy", "mdy"]

_NUMBER = re.compile(r"\d{1,20}(?:\.\d*)?")
_ISO = re.compile(r"(?:\d{4}-\d{2}-\d{2}|\d{8}(?!\d)|\d{4}-?W\d{2})(?:.*)", re.DOTALL)
_RFC_822 = re.compile(
    r"(?:[A-Za-z]{3},? +)?\d{1,2} [A-Za-z]{3} \d{2,4} \d{1,2}:\d{2}(?::\d{2})? +(?:[A-Z]{1,4}|[+-]\d{4})"
)
_TIME = r"(?:,?\s+(?:at |à )?(\d{1,2}[:h]\d{2}(?::\d{2})?)(?:\s*([A-Z]{1,5}|[+-]\d{2}:?\d{2}))?)?"
_DAY_FIRST = re.compile(
    rf"(?:[^\W\d]+\.?,?\s+)?(\d{{1,2}})(?:er|st|nd|rd|th)?[\s-]+([^\W\d]+)\.?,?[\s-]+(\d{{4}}){_TIME}"
)
_MONTH_FIRST = re.compile(rf"(?:[^\W\d]+\.?,\s+)?([^\W\d]+)\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}}){_TIME}")
_NUMBERS = re.compile(rf"(\d{{1,2}})[/.](\d{{1,2}})[/.](\d{{4}}){_TIME}")
_ZONE_AT_END = re.compile(r"(?<=[\d ])([A-Z]{1,5})$")
_BRACKETED_ZONE = re.compile(r"\[[\w/+-]+\]$")
_MIDNIGHT_AT_THE_END = re.compile(r"([T ])24:00(?::00(?:\.0+)?)?")
# In hours. Names that stand for several zones, such as IST and CST, are left out, but for those of RFC 822.
_ZONES = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "WAT": 1, "CET": 1, "CEST": 2, "CAT": 2,
    "SAST": 2, "EET": 2, "EEST": 3, "EAT": 3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7,
}  # fmt: skip
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier janv", "february feb février fevrier févr fév", "march mar mars",
            "april apr avril avr", "may mai", "june jun juin", "july jul juillet juil", "august aug août aout",
            "september sept sep septembre", "october oct octobre", "november nov novembre",
            "december dec décembre decembre déc",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip


def moment(raw: Any, zone: tzinfo = UTC, order: DateOrder = "") -> datetime | None:
    """The moment that a value of any usual form names, in UTC to the second; None where it stands for no date.

    Read are ISO 8601, RFC 822, dates with English or French months, and seconds, milliseconds and microseconds since
    1970. A date without time is its midnight, and one without a zone is in `zone`. Dates in three numbers such as
    03/04/2024 are read only where `order` says which is the day. Raises ValueError for everything else.
    """
    if isinstance(raw, datetime):
        found: datetime | None = raw
    elif isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError("is not a date")
    else:
        try:
            found = _read(str(raw).strip(), order)
        except OverflowError as error:
            raise ValueError("is not a date this calendar holds") from error
    if found is None:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:
        raise ValueError("is not a date this calendar holds") from error


def _read(text: str, order: DateOrder) -> datetime | None:
    if not text or text.startswith(("0000-00-00", "00/00/0000")):
        return None
    if _NUMBER.fullmatch(text):
        return _counted(text)
    for form, read in _FORMS:
        if form.fullmatch(text):
            return read(text)
    if match := _NUMBERS.fullmatch(text):
        return _in_order(match, order)
    raise ValueError("is not a date")


def _counted(text: str) -> datetime | None:
    """Digits alone: a day such as 20240917, or the time since 1970; never a year 1712, as ISO 8601 would have it."""
    whole = text.partition(".")[0]
    if len(whole) == 8 and whole[:2] in ("18", "19", "20"):
        return datetime.strptime(whole, "%Y%m%d")  # noqa: DTZ007  # the zone is the site's
    if len(whole) == 14 and whole[:2] in ("19", "20"):
        return datetime.strptime(whole, "%Y%m%d%H%M%S")  # noqa: DTZ007  # the zone is the site's
    seconds = int(whole)
    if seconds == 0:
        return None
    for unit in (1, 1_000, 1_000_000):
        if 10**8 <= seconds // unit < 10**11:  # from 1973 to 5138
            return datetime.fromtimestamp(seconds // unit, UTC)
    raise ValueError("is not a date")


def _iso(text: str) -> datetime:
    text = _BRACKETED_ZONE.sub("", text).rstrip(". ")  # 2026-11-30T23:30:00+00:00[Africa/Niamey]
    late = _MIDNIGHT_AT_THE_END.search(text)
    text = _MIDNIGHT_AT_THE_END.sub(r"\g<1>00:00:00", text)
    if name := _ZONE_AT_END.search(text):
        text = f"{text[: name.start()].rstrip()}{_zone(name[1])}"
    found = datetime.fromisoformat(re.sub(r" ?([+-]\d{2}:?\d{2})$", r"\1", text))
    return found + timedelta(days=1) if late else found


def _zone(name: str) -> str:
    if name not in _ZONES:
        raise ValueError("names a time zone that is not known")
    return f"{_ZONES[name]:+03d}:00"


def _day_first(text: str) -> datetime:
    day, month, year, time, zone = _DAY_FIRST.fullmatch(text).groups()  # type: ignore[union-attr]  # it has matched
    return _written(year, _month(month), day, time, zone)


def _month_first(text: str) -> datetime:
    month, day, year, time, zone = _MONTH_FIRST.fullmatch(text).groups()  # type: ignore[union-attr]  # as above
    return _written(year, _month(month), day, time, zone)


def _month(name: str) -> int:
    if name.lower() not in _MONTHS:
        raise ValueError("is not a date")
    return _MONTHS[name.lower()]


def _in_order(match: re.Match[str], order: DateOrder) -> datetime:
    if not order:
        raise ValueError("can be read in two ways")
    first, second, year, time, zone = match.groups()
    day, month = (first, second) if order == "dmy" else (second, first)
    return _written(year, int(month), day, time, zone)


def _written(year: str, month: int, day: str, time: str | None, zone: str | None) -> datetime:
    hours = datetime.fromisoformat(f"2000-01-01T{time.replace('h', ':').rjust(5, '0')}").time() if time else None
    found = datetime(int(year), month, int(day), hours.hour if hours else 0, hours.minute if hours else 0)  # noqa: DTZ001
    if zone is None:
        return found
    offset = datetime.strptime(_zone(zone) if zone.isalpha() else zone, "%z").tzinfo or UTC
    return found.replace(tzinfo=offset)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], datetime]], ...] = (
    (_ISO, _iso),
    (_RFC_822, parsedate_to_datetime),
    (_DAY_FIRST, _day_first),
    (_MONTH_FIRST, _month_first),
)
