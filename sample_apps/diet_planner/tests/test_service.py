import pytest


def test_it_is_healthy(client):
    assert client.get("/health").json()["status"] == "ok"


def test_a_plan_is_made_and_kept(client, person):
    answer = client.post("/plans", json=person)
    assert answer.status_code == 200
    made = answer.json()
    page = client.get(f"/plans/{made['number']}")
    assert page.status_code == 200
    assert made["plan"]["meals"]["breakfast"][0]["food"] in page.text
    file = client.get(f"/plans/{made['number']}/calendar", params={"day": "2026-11-21"})
    assert file.headers["content-disposition"].endswith('.ics"') and b"BEGIN:VCALENDAR" in file.content


def test_there_is_no_other_plan(client):
    assert client.get("/plans/99").status_code == 404
    assert client.get("/plans/99/calendar", params={"day": "2026-11-21"}).status_code == 404


@pytest.mark.parametrize("wrong", [{"age": 3}, {"sex": "x"}, {"weight": None}, {"diet": "air"}, {"height": 1e9}])
def test_what_is_nobody_is_refused(client, person, wrong):
    assert client.post("/plans", json=person | wrong).status_code == 422


def test_a_food_and_what_an_amount_of_it_has(client):
    assert client.get("/foods/lentil", params={"amount": "0.2 kg"}).json() == {
        "name": "Lentils, cooked",
        "grams": 200.0,
        "kcal": 232.0,
    }
    assert client.get("/foods/xyzzy").status_code == 404
    assert client.get("/foods/lentil", params={"amount": "much"}).status_code == 422


def test_plans_are_measured(client, person):
    client.post("/plans", json=person)
    assert "planner_plan_seconds_count" in client.get("/metrics").text
