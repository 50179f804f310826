"""What a check of the installation has found."""

from dataclasses import dataclass

OK, WARNING, FAULT = "ok", "warning", "fault"


@dataclass(frozen=True)
class Finding:
    """One line on one thing: how it is (OK, WARNING, FAULT), and what to do; `advice` is empty where nothing is."""

    check: str
    level: str
    text: str
    advice: str = ""


def ok(check: str, text: str) -> Finding:
    """It is as it must be."""
    return Finding(check, OK, text)


def warning(check: str, text: str, advice: str) -> Finding:
    """The service works, and somebody should look at it."""
    return Finding(check, WARNING, text, advice)


def fault(check: str, text: str, advice: str) -> Finding:
    """The service does not work so, or not for long."""
    return Finding(check, FAULT, text, advice)
