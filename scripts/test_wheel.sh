#!/bin/sh
# Installs the wheel in dist/ into an empty environment and uses it elsewhere.
# An argument names the version of Python.
set -eu
cd "$(dirname "$0")/.."
repository=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
wheel=$(echo "$repository"/dist/*.whl)
python=$(sh scripts/find_python.sh ${1:-3.12 3.13 3.11 3.10})
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    --constraint requirements/core.txt "$wheel[insights]"
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3
venv/bin/python -m pip check
venv/bin/python -c "
import tfcommentaries
assert tfcommentaries.__file__.startswith('$folder/venv/'), tfcommentaries.__file__"
venv/bin/python "$repository/docs/tutorials/quickstart.py"
venv/bin/tfcommentaries learn --run_dir=run --outer_steps=4 --inner_steps=10
venv/bin/tfcommentaries inspect run/commentary >/dev/null
