#!/bin/sh
# Prints an interpreter of the version given (3.10, python3.10 or a path): on PATH,
# from pyenv, or from uv, which fetches one if it must.
set -u
wanted=$1
case $wanted in */*) echo "$wanted"; exit 0 ;; esac
version=${wanted#python}

is_it() {
    "$1" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" \
        2>/dev/null
}

# pyenv's shims are on PATH also for versions that are not active.
for found in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
    if is_it "$found"; then
        echo "$found"
        exit 0
    fi
done
if command -v uv >/dev/null; then
    uv python install --quiet "$version" >&2 && uv python find "$version" && exit 0
fi
cat >&2 <<END
No Python $version was found on PATH, in pyenv or through uv. Get one with any of
    pyenv install $version
    uv python install $version       (https://docs.astral.sh/uv)
    apt-get install python$version python$version-venv
END
exit 1
