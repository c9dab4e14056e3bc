from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

import main
import make_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "chest.npy"
    make_weights.write_weights(path, megabytes=1, seed=0)
    return path


@pytest.fixture
def client(weights, monkeypatch):
    monkeypatch.setenv("RADIASSIST_WEIGHTS", str(weights))
    with TestClient(main.app) as client:
        yield client


@pytest.fixture
def client_without_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("RADIASSIST_WEIGHTS", str(tmp_path / "none.npy"))
    with TestClient(main.app) as client:
        yield client


@pytest.fixture
def pixels() -> np.ndarray:
    """Two dark lungs on a bright chest, with a little noise."""
    y, x = np.mgrid[-1:1:96j, -1:1:80j]
    lungs = sum(np.exp(-(((x - side) / 0.3) ** 2 + (y / 0.7) ** 2)) for side in (-0.45, 0.45))
    noise = np.random.default_rng(0).normal(0, 4, x.shape)
    return np.clip(200 - 150 * lungs + noise, 0, 255).round()
