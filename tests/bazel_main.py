"""Runs pytest on the files given; what Bazel calls a test."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(sys.argv[1:]))
