import pytest
from fastapi.testclient import TestClient

from planner.main import app


@pytest.fixture
def client():
    with TestClient(app) as client:
        yield client


@pytest.fixture
def person() -> dict:
    return {"age": 34, "sex": "female", "weight": 68, "height": 171}
