"""`python scripts/same_sidebars.py BEFORE AFTER`: whether two checkouts give the sample the same sidebars and scores.

Each builds the sample in a database of its own, in its own process, and prints every sidebar: who stands where, with
which score, parts, role and source. Exit code 1 where they differ, with the articles that do. A change that moves code
and means nothing else is held to that.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROUTE = "/api/v1/recommend"
# The application alone: its modules may have moved between the checkouts, its settings, commands and answers have not.
PROGRAM = f"""
import json, sys
from recommender.web import create_app
client = create_app().test_client()
ids = [json.loads(line)["id"] for line in open("recommender/sample/articles.jsonl", encoding="utf-8")]
asked = ("", "&lang=any&n=10", "&n=6&min_score=0&explain=true")
answers = {{
    f"{{id}}{{wishes}}": client.get("{ROUTE}?article_id=" + id + wishes).get_json()["items"]
    for id in ids
    for wishes in asked
}}
print(json.dumps(answers))
"""


def answers(checkout: Path) -> dict[str, Any]:
    """The items of every answer of a checkout."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "PYTHONPATH": str(checkout),
            "RECOMMENDER_DATABASE_URL": f"sqlite:///{folder}/sample.db",
        }
        for command in (["-m", "recommender", "ingest", "--sample"], ["-m", "recommender", "build"], ["-c", PROGRAM]):
            done = subprocess.run(
                [sys.executable, *command], cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
        shown: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return shown


def main() -> None:
    """Compares the checkouts that are named."""
    before, after = (answers(Path(name).resolve()) for name in sys.argv[1:3])
    different = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    print(f"{len(before):,} answers before, {len(after):,} after, {len(different):,} differ")
    for key in different[:20]:
        print(key)
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
