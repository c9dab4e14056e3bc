from base64 import b64decode

import pytest

from parcel import zones

ASKED = {"to": "Ada", "postcode": "10115"}


def test_health_names_the_packages(client):
    answer = client.get("/health").json()
    assert answer["status"] == "ok" and "starlette" in answer["packages"]


def test_a_label_has_lines_a_zone_and_a_picture(client):
    answer = client.post("/label", json=ASKED).json()
    assert answer["lines"] == ["Sender: Parcelwise", "Recipient: Ada", "10115"]
    assert 1 <= answer["zone"] <= zones.ZONES
    assert b64decode(answer["png"]).startswith(b"\x89PNG")


def test_a_postcode_has_one_zone_however_it_is_typed(client):
    assert zones.zone("sw1a 1aa ") == zones.zone("SW1A 1AA")


@pytest.mark.parametrize("name", ["to", "postcode"])
def test_what_is_missing_is_named(client, name):
    answer = client.post("/label", json={**ASKED, name: ""})
    assert answer.status_code == 422 and name in answer.json()["error"]


def test_no_compiled_translations_are_an_error_that_says_what_to_do(client, no_translations):
    answer = client.post("/label", json={**ASKED, "language": "de"})
    assert answer.status_code == 503 and "pybabel compile" in answer.json()["error"]


def test_no_table_is_an_error_that_says_what_to_do(client, tmp_path, monkeypatch):
    monkeypatch.setattr(zones, "TABLE", tmp_path / "none")
    zones._table.cache_clear()
    answer = client.post("/label", json=ASKED)
    assert answer.status_code == 503 and "make_files.py" in answer.json()["error"]
