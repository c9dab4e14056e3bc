import pytest
from starlette.testclient import TestClient

import main
from parcel import texts, zones


@pytest.fixture
def client(tmp_path, monkeypatch):
    table = tmp_path / "zones.bin"
    table.write_bytes(bytes(range(256)))
    monkeypatch.setattr(zones, "TABLE", table)
    zones._table.cache_clear()
    return TestClient(main.app)


@pytest.fixture
def no_translations(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
