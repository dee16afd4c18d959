#!/bin/sh
# Makes the virtual environment for a purpose, with what fits this machine.
#
#     sh scripts/environment.sh PURPOSE [PYTHON]
#
# PURPOSE is the name of an environment below. PYTHON, a version or a path, is used
# instead of the newest that is there. An environment that is as it should be is left as
# it is. Says in one line what was chosen and why. Exits with 3 where no TFX can be had.
set -eu
purpose=$1
asked=${2:-}
cd "$(dirname "$0")/.."

fail() {
    echo "$1" >&2
    exit "${2:-1}"
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

why="the newest Python here"
case $asked in
"") ;;
*/*) path=$asked asked=$(version_of "$asked") || fail "$asked is no Python." ;;
esac
asked=${asked#python}
[ -z "$asked" ] || why="as asked"
newest="3.13 3.12 3.11 3.10"
editable=yes
case $purpose in
core) # the library and its tests, without TFX
    directory=.venv list=core versions=$newest ;;
core-3.1[0-3]) # the same with another Python, beside it
    directory=.venv-${purpose#core-} list=core versions=${purpose#core-} why="as asked" ;;
oldest) # the same with the oldest versions that are supported
    directory=.venv-oldest list=oldest versions=3.10 why="the oldest supported" ;;
tfx) # components and pipelines
    directory=.venv-tfx list=tfx-1.21 versions="3.13 3.12 3.10"
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
    if [ "$(printf '%s\n' 2.39 "${glibc:-0}" | sort -V | head -n 1)" != 2.39 ]; then
        why="TFX 1.21 needs glibc 2.39, as of Debian 13 or Ubuntu 24.04; here: $glibc"
        list=tfx-1.16 versions=3.10
    fi ;;
publish) # documents and distributions
    directory=.venv-publish list=publish versions=$newest editable= ;;
notebooks) # the core and what runs notebooks
    directory=.venv-notebooks list=notebooks versions=$newest ;;
bench) # the peers that benchmarks compare with
    directory=.venv-bench list=bench versions=3.11 editable= ;;
*) fail "There is no environment for '$purpose'." ;;
esac

python=${path:-}
[ -n "$python" ] || python=$(sh scripts/find_python.sh ${asked:-$versions}) ||
    if [ "$purpose" = tfx ]; then
        fail "No TFX here: $list needs Python ${asked:-$versions} ($why)." 3
    else
        exit 1
    fi
version=$(version_of "$python")
case $list,$version in
core,3.1[0-3] | notebooks,3.1[0-3] | oldest,3.10 | publish,* | bench,*) ;;
tfx-1.21,3.1[23] | tfx-1.16,3.10) ;;
tfx-1.21,3.10) list=tfx-1.16 why="TFX 1.21 needs Python 3.12 or 3.13" ;;
core,* | notebooks,* | oldest,*) fail "Python $version is none of those supported: $versions." ;;
tfx-*) fail "No TFX here: $list does not run on Python $version ($why)." 3 ;;
esac
echo "$directory: Python $version, requirements/$list.txt ($why)"

made="$version $(cat "requirements/$list.txt" setup.py pyproject.toml | cksum)"
[ "$(cat "$directory/made" 2>/dev/null)" != "$made" ] || exit 0
case $list in
tfx-*) # pyfarmhash and others come as sources.
    command -v "${CXX:-c++}" >/dev/null ||
        fail "TFX needs a C++ compiler to be installed: apt-get install g++"
    "$python" -c '
import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists())' ||
        fail "TFX needs Python's headers to be installed: apt-get install python$version-dev"
    ;;
esac
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
! grep -q ^tensorflow== "requirements/$list.txt" || [ "$free" -ge 4000 ] ||
    fail "To make $directory takes 4 GB of disk space, but $free MB are free here. Remove what you no longer need, such as other .venv-* folders."
echo "  installing $(grep -c == "requirements/$list.txt") packages"
"$python" -m venv --clear "$directory"
pip() {
    "$directory/bin/python" -m pip -qq --disable-pip-version-check install \
        --no-deps --no-compile --use-pep517 --no-build-isolation "$@"
}
# Sources are built with what the list says, too.
builders=$(grep -E '^(setuptools|wheel)==' "requirements/$list.txt") && pip $builders
pip -r "requirements/$list.txt"
if [ -n "$editable" ]; then
    # Two at once would write the same egg-info.
    exec 9<setup.py
    ! command -v flock >/dev/null || flock 9
    pip -e .
fi
echo "$made" >"$directory/made"
