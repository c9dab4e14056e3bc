import pytest

GOAL = "What does a support licence cost? Work out 12 * 34.50. Who approves purchases above 1000? Write a report."


def ask(client, text):
    answer = client.post("/goals", json={"text": text})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_health_counts_what_is_known(client):
    assert client.get("/health").json() == {"status": "ok", "knowledge": "12 facts"}


def test_agents_share_a_goal_out(client):
    answer = ask(client, GOAL)
    assert [r["agent"] for r in answer["results"]] == ["researcher", "calculator", "researcher", "writer"]
    assert "34.50 a month" in answer["report"]
    assert "12 * 34.50 = 414" in answer["report"]
    assert "head of finance" in answer["report"]


def test_the_same_goal_has_the_same_answer(client):
    assert ask(client, GOAL) == ask(client, GOAL)


def test_without_a_report_the_results_are_listed(client):
    assert ask(client, "What is 2 plus 3 * 4?")["report"] == "1. 2 + 3 * 4 = 14"


def test_what_nobody_knows_is_said(client):
    assert ask(client, "Which colour has a zebra?")["report"].startswith("1. nothing is known about")


def test_an_agent_that_fails_does_not_take_the_others_with_it(client):
    answer = ask(client, "Work out 1 / 0. Where is the cluster? Summarise.")
    assert [r["done"] for r in answer["results"]] == [False, True, True]
    assert "Frankfurt" in answer["report"] and "open: calculator could not" in answer["report"]


@pytest.mark.parametrize("text", ["", "x" * 2001])
def test_a_goal_of_the_wrong_size_is_refused(client, text):
    assert client.post("/goals", json={"text": text}).status_code == 422


def test_only_sums_are_calculated(client):
    assert "import" not in ask(client, "Work out 1 + 1 or __import__('os').getcwd().")["report"]


def test_each_agent_says_what_it_does(client):
    assert all(card["does"] for card in client.get("/agents").json())


def test_without_knowledge_it_is_well_but_answers_nothing(client_without_knowledge):
    assert client_without_knowledge.get("/health").json()["knowledge"] == "missing"
    assert client_without_knowledge.post("/goals", json={"text": GOAL}).status_code == 503
