"""Renews constraints.txt: the newest version of each package that the service and its tests install.

Asks pip what it would install for `.[test]` into an empty environment. PyTorch keeps its version, since
vectors depend on it and its builds differ; `lock.py torch==X` moves it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "constraints.txt"
HEADER = "# Versions that are tested together. Renewed by `make lock`; don't edit.\n"
# What PyTorch's CUDA build brings, and its CPU build doesn't.
ONLY_CUDA = re.compile(r"(nvidia|cuda)-|triton$")


def main() -> None:
    torch = sys.argv[1] if len(sys.argv) > 1 else pinned("torch")
    pins = dict(filter(None, (pin(item["metadata"]) for item in resolve("pip", torch, ".[test]"))))
    LOCK.write_text(HEADER + "".join(f"{name}=={pins[name]}\n" for name in sorted(pins)))
    print(f"{LOCK.name}: {len(pins)} packages")


def pinned(name: str) -> str:
    """The line of `name` in the present lock, or the bare name."""
    lines = LOCK.read_text().splitlines() if LOCK.exists() else []
    return next((line for line in lines if line.startswith(f"{name}==")), name)


def resolve(*requirements: str) -> list[dict[str, Any]]:
    """What pip would install, as its report lists it."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    run = subprocess.run(
        [*command, "--report", "-", *requirements], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    items: list[dict[str, Any]] = json.loads(run.stdout)["install"]
    return items


def pin(package: dict[str, Any]) -> tuple[str, str] | None:
    """Name and version, the latter without its local part, so that every build of a version satisfies it."""
    name = re.sub(r"[-_.]+", "-", package["name"]).lower()
    if name == "recommender" or ONLY_CUDA.match(name):
        return None
    return name, package["version"].partition("+")[0]


if __name__ == "__main__":
    main()
