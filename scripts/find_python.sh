#!/bin/sh
# Prints the first Python of the versions given, such as 3.13 3.12, that can make virtual
# environments: on PATH, of pyenv, or one that uv has. Nothing is downloaded.
set -u
lacking=

is_of() { # version, interpreter
    [ "$("$2" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]
}

for version in "$@"; do
    # pyenv's shims are on PATH also for versions that are not active.
    for found in "python$version" python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python \
        "$(uv python find --no-python-downloads "$version" 2>/dev/null)"; do
        is_of "$version" "$found" || continue
        if "$found" -c 'import venv, ensurepip' 2>/dev/null; then
            echo "$found"
            exit 0
        fi
        lacking="$lacking
Python $version is there but has no module venv: apt-get install python$version-venv"
        break
    done
done
echo "No Python of $* that can be used is on PATH, in pyenv or in uv.$lacking
Get one, for instance: apt-get install python3 python3-venv" >&2
exit 1
