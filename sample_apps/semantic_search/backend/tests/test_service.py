import re

import pytest

from main import CORPUS
from search.corpus import read_corpus


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("who were my grandparents", "Family history"),
        ("is there something to eat", "Food and drink"),
        ("I moved to a new flat", "Change your address"),
        ("I brought my novel back too late, do I have to pay?", "Late returns and fines"),
    ],
)
def test_a_question_finds_what_means_the_same(client, question, title):
    hits = client.get("/search", params={"q": question, "count": 2}).json()["hits"]
    assert title in [hit["title"] for hit in hits]


def test_it_is_no_search_for_words(client):
    question = "who were my grandparents"
    best = client.get("/search", params={"q": question, "count": 1}).json()["hits"][0]
    entry = next(entry for entry in read_corpus(CORPUS) if entry.title == best["title"])
    words = set(re.findall(r"\w+", f"{entry.title} {entry.text}".lower()))
    assert {"grandparents", "my"} & words == set()


def test_an_entrys_own_text_finds_it_first(client):
    for entry in read_corpus(CORPUS):
        answer = client.get("/search", params={"q": f"{entry.title}. {entry.text}"}).json()
        assert answer["hits"][0]["title"] == entry.title
        assert answer["hits"][0]["likeness"] == pytest.approx(1, abs=1e-3)


def test_hits_come_best_first_and_as_many_as_asked_for(client):
    hits = client.get("/search", params={"q": "books", "count": 7}).json()["hits"]
    likeness = [hit["likeness"] for hit in hits]
    assert len(hits) == 7 and likeness == sorted(likeness, reverse=True)


@pytest.mark.parametrize("params", [{}, {"q": ""}, {"q": "x" * 1001}, {"q": "x", "count": 0}, {"q": "x", "count": 21}])
def test_a_request_that_makes_no_sense_is_refused(client, params):
    assert client.get("/search", params=params).status_code == 422


def test_health_names_the_model(client):
    answer = client.get("/health").json()
    assert answer["status"] == "ok" and answer["model"] and answer["entries"] == len(read_corpus(CORPUS))
