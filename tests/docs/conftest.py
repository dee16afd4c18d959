import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Pages write into a folder of their own."""
    monkeypatch.chdir(tmp_path)
