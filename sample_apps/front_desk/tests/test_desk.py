"""The desk's answers, by its WSGI interface."""

import json
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import pytest

import main

MONDAY, SUNDAY = "2026-11-23", "2026-11-22"


@pytest.fixture(autouse=True)
def empty_book():
    main.booked.clear()


def ask(path, data=None):
    """Status code and JSON of one request."""
    body, said = json.dumps(data).encode() if data is not None else b"", []
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "POST" if data is not None else "GET"}
    setup_testing_defaults(environ)
    environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json"}
    answer = b"".join(main.app(environ, lambda status, headers, *_: said.append(int(status.split()[0]))))
    return said[0], json.loads(answer)


def test_a_day_has_twelve_times_in_the_clinics_zone():
    code, answer = ask(f"/free/{MONDAY}")
    assert code == 200 and len(answer["free"]) == 12
    assert answer["free"][0] == "2026-11-23T08:00:00+01:00"


def test_bookings_take_one_time_after_another():
    first, second = (ask("/book", {"day": MONDAY, "name": name})[1] for name in ("Ada", "Grace"))
    assert first["booked"] < second["booked"] and second["name"] == "Grace"
    assert len(ask(f"/free/{MONDAY}")[1]["free"]) == 10


def test_a_full_day_and_a_sunday_say_so():
    for _ in range(12):
        ask("/book", {"day": MONDAY})
    assert ask("/book", {"day": MONDAY})[0] == ask("/book", {"day": SUNDAY})[0] == 409


def test_a_day_that_is_none_is_refused():
    assert ask("/free/tomorrow")[0] == 400
    assert ask("/book", {"name": "Ada"})[0] == 400


def test_health_says_which_commit_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_SHA", "abc123")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "release.txt").write_text("today\n")
    assert ask("/health") == (200, {"status": "ok", "commit": "abc123", "built": "today"})
