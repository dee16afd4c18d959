#!/bin/sh
# Runs `make demo` and `make test` in a clone of /source and prints what came of both.
set -u
git clone --quiet /source fresh && cd fresh || exit 1
make demo
demo=$?
make test
test=$?
. /etc/os-release
echo "$PRETTY_NAME, $(python3 --version), commit $(git rev-parse --short HEAD):"
echo "  make demo: exit code $demo"
echo "  make test: exit code $test"
[ "$demo$test" = 00 ]
