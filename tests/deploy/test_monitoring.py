"""Alert rules and the dashboard ask for metrics that a served instance has."""

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from tests.web.served import Served

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
# A service without a reader of both texts has none.
OF_A_READER = {"recommender_reader_boxes", "recommender_reader_failed_timestamp_seconds"}
BY_PROMETHEUS = {"up"}  # what Prometheus says itself of everything that it asks
NAME = re.compile(r"\b(up|recommender_\w+)\b")


def alerts() -> list[dict[str, Any]]:
    """Every rule."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard."""
    found: list[dict[str, Any]] = json.loads((DEPLOY / "grafana" / "recommender.json").read_text())["panels"]
    return found


def asked() -> list[tuple[str, str]]:
    """What asks, and its expression."""
    shown = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    return [(rule["alert"], rule["expr"]) for rule in alerts()] + shown


@pytest.fixture(scope="module")
def exposed(service: Served) -> set[str]:
    """The names of all values of a served instance that has answered one sidebar."""
    assert service.status("/api/v1/recommend?article_id=blockade-1") == 200
    with urllib.request.urlopen(f"{service.url}/metrics") as response:  # our own server
        lines = response.read().decode().splitlines()
    return {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}


@pytest.mark.parametrize(("place", "expression"), asked())
def test_what_is_asked_for_is_there(exposed: set[str], place: str, expression: str) -> None:
    names = set(NAME.findall(re.sub(r'"[^"]*"', "", expression)))
    assert names
    assert names <= exposed | BY_PROMETHEUS, place


def test_every_value_is_watched_or_shown(exposed: set[str]) -> None:
    assert exposed <= {name for _, expression in asked() for name in NAME.findall(expression)}


def test_every_value_is_documented(exposed: set[str]) -> None:
    page = (DEPLOY.parent / "docs" / "reference" / "monitoring.md").read_text()
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed}
    assert named | OF_A_READER == set(re.findall(r"^\| `(recommender_\w+)` \|", page, flags=re.MULTILINE))


def test_labels_are_those_of_the_service(service: Served) -> None:
    with urllib.request.urlopen(f"{service.url}/metrics") as response:  # our own server
        page = response.read().decode()
    for _, expression in asked():
        for label in re.findall(r'(\w+)=~?"', expression):
            assert label == "job" or f'{label}="' in page


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule["annotations"]) == {"summary", "action"}
    assert rule["labels"]["severity"] in {"page", "ticket"}


def test_rules_are_prometheus_own(unavailable: Callable[[str, str], NoReturn]) -> None:
    if shutil.which("promtool") is None:
        unavailable("promtool", "promtool is not on PATH; Debian's package prometheus has it")
    for command in (["check", "rules", RULES.name], ["check", "config", "prometheus.yml"]):
        done = subprocess.run(["promtool", *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
