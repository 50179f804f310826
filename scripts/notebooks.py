"""Runs the notebooks from the top, and renders them into docs/notebooks.

    python scripts/notebooks.py            run them all; stops at the first error
    python scripts/notebooks.py --render   and keep what they print and draw as Markdown with pictures
    python scripts/notebooks.py --strip    remove outputs that an editor has left in them

They use the database of the settings; an empty one is filled with the sample.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
RENDERED = ROOT / "docs" / "notebooks"
SECONDS = 1_800  # for one cell: training takes minutes on a small machine


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the notebooks from the top.")
    parser.add_argument("names", nargs="*", help="files; all of them if left out")
    parser.add_argument("--render", action="store_true", help="write docs/notebooks")
    parser.add_argument("--strip", action="store_true", help="only remove outputs")
    options = parser.parse_args()
    for path in [Path(name) for name in options.names] or sorted(NOTEBOOKS.glob("*.ipynb")):
        if options.strip:
            path.write_text(stripped(path), encoding="utf-8")
            continue
        print(path.name, flush=True)
        done = executed(path)
        if options.render:
            render(path.stem, done)


def stripped(path: Path) -> str:
    """A notebook as it belongs into git: without outputs, counts and traces of an editor."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return f"{nbformat.writes(notebook)}\n"


def executed(path: Path) -> nbformat.NotebookNode:
    """A notebook with what its cells have shown. Raises CellExecutionError."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(path.parent)}})
    done: nbformat.NotebookNode = client.execute()
    return done


def render(name: str, notebook: nbformat.NotebookNode) -> None:
    """Writes a notebook that has run as Markdown, and its pictures beside it; warnings of libraries are left out."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    body, resources = MarkdownExporter().from_notebook_node(notebook, {"output_files_dir": name})
    folder = RENDERED / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for file, content in resources["outputs"].items():
        (RENDERED / file).write_bytes(content)
    lines = [line.rstrip() for line in body.replace(".ipynb)", ".md)").replace("](../docs/", "](../").splitlines()]
    (RENDERED / f"{name}.md").write_text("\n".join(lines).strip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
