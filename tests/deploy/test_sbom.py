"""The bill of materials names every package of the lock, and what the service needs."""

import json
from typing import Any

import pytest

from recommender.version import __version__
from scripts import sbom

BILL: dict[str, Any] = json.loads(sbom.BILL.read_text(encoding="utf-8"))


def test_bill_names_the_lock() -> None:
    named = {entry["name"]: entry["version"] for entry in BILL["components"]}
    assert named == sbom.locked(), "`make sbom` writes it anew"


def test_bill_is_that_of_this_release() -> None:
    assert BILL["metadata"]["component"]["version"] == __version__


def test_bill_is_cyclonedx() -> None:
    assert (BILL["bomFormat"], BILL["specVersion"]) == ("CycloneDX", "1.6")
    assert all(entry["purl"] == f"pkg:pypi/{entry['name']}@{entry['version']}" for entry in BILL["components"])


@pytest.mark.parametrize(("name", "needed"), [("flask", True), ("werkzeug", True), ("torch", True), ("pytest", False)])
def test_bill_tells_the_service_from_its_tests(name: str, needed: bool) -> None:
    (entry,) = [entry for entry in BILL["components"] if entry["name"] == name]
    assert entry["scope"] == ("required" if needed else "optional")


def test_what_the_service_needs_is_marked() -> None:
    """As the packages that are installed here say; another platform may need less."""
    marked = {entry["name"] for entry in BILL["components"] if entry["scope"] == "required"}
    assert sbom.required() & sbom.locked().keys() <= marked
