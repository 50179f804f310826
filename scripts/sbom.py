"""Writes deploy/sbom.cdx.json, the bill of materials, from constraints.txt: `make sbom`. A test holds it to the lock.

CycloneDX 1.6. A component is `required` where the service needs it, `optional` where only an extra or the tests do;
what needs what is read from the packages that are installed. The file has no time and no serial number, so that the
same lock gives the same file.
"""

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that it runs without the package being installed

from recommender.version import __version__  # noqa: E402

LOCK = ROOT / "constraints.txt"
BILL = ROOT / "deploy" / "sbom.cdx.json"
US = "recommender"


def main() -> None:
    needed = required()
    components = [component(name, version, needed=name in needed) for name, version in locked().items()]
    BILL.write_text(json.dumps(bill(components), indent=2) + "\n", encoding="utf-8")
    print(f"{BILL.name}: {len(components)} components")


def locked() -> dict[str, str]:
    """Name and version of every package of the lock, in its order."""
    return dict(line.split("==") for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line)


def bill(components: list[dict[str, str]]) -> dict[str, Any]:
    """The document around the components."""
    itself = {"type": "application", "bom-ref": US, "name": US, "version": __version__}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": itself | {"licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": components,
        "dependencies": [
            {"ref": US, "dependsOn": [one["bom-ref"] for one in components if one["scope"] == "required"]}
        ],
    }


def component(name: str, version: str, *, needed: bool) -> dict[str, str]:
    """One package; its `purl` names it for programs that look for advisories."""
    purl = f"pkg:pypi/{name}@{version}"
    scope = "required" if needed else "optional"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "scope": scope, "purl": purl}


def required() -> set[str]:
    """What the service needs, as the installed packages say; on this platform, and without extras of its own."""
    found: set[str] = set()
    waiting = [US]
    while waiting:
        name = waiting.pop()
        for needed in needs(name):
            if needed not in found:
                found.add(needed)
                waiting.append(needed)
    return found


def needs(name: str) -> set[str]:
    """What an installed package needs, extras apart; pip is not what a package needs."""
    try:
        texts = requires(name) or []
    except PackageNotFoundError:
        return set()
    parsed = [Requirement(text) for text in texts]
    return {normal(one.name) for one in parsed if one.marker is None or one.marker.evaluate({"extra": ""})}


def normal(name: str) -> str:
    """A package's name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
