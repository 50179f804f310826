"""The image and the compose file: what can be told without a container engine."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "deploy" / "Containerfile").read_text()
STAGES = re.split(r"^FROM ", FILE, flags=re.MULTILINE)[1:]
FINAL = STAGES[-1]
COMPOSE = ROOT / "deploy" / "compose" / "compose.yml"
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = ["service", "build"]


def steps(stage: str, kind: str) -> list[str]:
    """The instructions of one kind, each in one line."""
    lines = re.sub(r"\\\n\s*", "", stage).splitlines()
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{kind} ")]


def test_programs_that_build_stay_in_the_first_stage() -> None:
    assert len(STAGES) == 2
    assert steps(STAGES[0], "RUN") == ["/source/deploy/install.sh /opt/recommender ${EXTRA}"]
    assert steps(FINAL, "COPY") == ["--from=build /opt/recommender /opt/recommender"]
    assert not re.search(r"apt-get|pip install|gcc|make", FINAL)
    assert "pip uninstall" in FINAL


def test_image_runs_as_a_user_without_a_shell() -> None:
    assert steps(FINAL, "USER") == ["10001:10001"]
    assert "--shell /usr/sbin/nologin" in FINAL


def test_image_has_a_health_check() -> None:
    (check,) = re.findall(r"HEALTHCHECK [^\n]*\\\n\s+CMD (\[.*\])", FINAL)
    program, option, code = yaml.safe_load(check)
    assert (program, option) == ("python", "-c")
    compile(code, "health check", "exec")
    assert "/healthz" in code


def test_context_holds_what_is_installed_and_no_more() -> None:
    """No database, no settings and no history of the checkout come into an image."""
    excluded, *included = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] in "*!"]
    assert excluded == "*"
    kept = {line[1:] for line in included if line.startswith("!")}
    assert all((ROOT / name).exists() for name in kept)
    assert {"constraints.txt", "pyproject.toml", "recommender", "deploy/install.sh"} <= kept


@pytest.mark.parametrize("name", SERVICES)
def test_container_is_read_only_and_limited(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_capability(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert "cap_add" not in SERVICES[name]


def test_only_the_proxy_is_reachable() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    networks = yaml.safe_load(COMPOSE.read_text())["networks"]
    assert networks["inside"] == networks["storage"] == {"internal": True}
    assert "storage" not in SERVICES["proxy"]["networks"]
    assert [name for name, service in SERVICES.items() if "outside" in service["networks"]] == ["proxy"]


def test_no_secret_stands_in_the_environment() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|KEY|SECRET|URL", variable) or value.startswith("/run/secrets/")


def test_proxy_is_given_every_name_of_its_template() -> None:
    template = (ROOT / "deploy" / "nginx" / "recommender.conf.template").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", template)) == set(SERVICES["proxy"]["environment"])


def test_files_that_compose_names_are_there() -> None:
    given = {"./tls", "./acme", "./recommender.toml", "./database_password"}  # by the newsroom
    named = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]
    for path in [name for name in named if name.startswith(".")]:
        assert path in given or (COMPOSE.parent / path).exists()
    assert (COMPOSE.parent / SERVICES["service"]["build"]["context"] / "deploy/Containerfile").exists()


def test_commands_in_containers_exist() -> None:
    from recommender.cli import COMMANDS

    (command,) = re.findall(r"^CMD \[(.*)\]$", FINAL, flags=re.MULTILINE)
    assert shlex.split(command) == ["serve"]
    assert {shlex.split(command)[0], *SERVICES["build"]["command"]} <= set(COMMANDS)
