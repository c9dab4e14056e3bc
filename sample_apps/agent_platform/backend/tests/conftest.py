import pytest
from fastapi.testclient import TestClient

import main


@pytest.fixture
def client():
    with TestClient(main.app) as client:
        yield client


@pytest.fixture
def client_without_knowledge(tmp_path, monkeypatch):
    monkeypatch.setenv("AMAS_KNOWLEDGE", str(tmp_path / "none.jsonl"))
    with TestClient(main.app) as client:
        yield client
