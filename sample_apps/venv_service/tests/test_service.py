import subprocess

import pytest

from chronicle import web


def test_health_names_git_and_hashes_with_the_compiled_package(client):
    answer = client.get("/health").get_json()
    assert answer["status"] == "ok" and answer["git"][0].isdigit() and len(answer["fingerprint"]) == 16


def test_a_history_has_its_statistics(client, stream):
    answer = client.post("/history", json={"stream": stream})
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    assert told["commits"] == 3
    assert told["authors"] == [
        {"name": "Ada", "commits": 2, "added": 4, "removed": 0},
        {"name": "Grace", "commits": 1, "added": 0, "removed": 1},
    ]
    assert told["median_lines"] == 1 and told["longest_pause_days"] == round(90000 / 86400, 2)
    assert told["busiest_hour"] == 1700090000 // 3600 % 24


def test_the_same_history_has_the_same_fingerprint_and_another_one_another(client, stream):
    first, again, other = (
        client.post("/history", json={"stream": s}).get_json()["fingerprint"]
        for s in (stream, stream, stream.replace("Grace", "Edsger"))
    )
    assert first == again != other


def test_a_real_export_is_read(client, tmp_path):
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=Zoë", "-c", "user.email=z@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()

    git("init", "--quiet")
    for number in range(3):
        (tmp_path / "file").write_text("line\n" * number + "\x00" * (number == 2))
        git("add", "file")
        git("commit", "--quiet", "--message", "more")
    told = client.post("/history", json={"stream": git("fast-export", "--all")}).get_json()
    # The last one makes it a binary file, of which git counts no lines.
    assert told["authors"] == [{"name": "Zoë", "commits": 3, "added": 1, "removed": 0}]


@pytest.mark.parametrize("stream", ["", "hello", "commit refs/heads/main\n", "feature export-marks=/tmp/x\n"])
def test_what_is_no_history_is_refused_in_gits_words(client, stream):
    answer = client.post("/history", json={"stream": stream})
    assert answer.status_code == 422 and answer.get_json()["error"]


@pytest.mark.parametrize("body", [[], {}, {"stream": 1}, "text"])
def test_another_body_is_refused(client, body):
    assert client.post("/history", json=body).status_code == 422


def test_what_is_not_json_is_refused(client):
    assert client.post("/history", data="{", content_type="application/json").status_code == 400


def test_a_history_too_large_is_refused(client, monkeypatch):
    monkeypatch.setitem(web.app.config, "MAX_CONTENT_LENGTH", 100)
    assert client.post("/history", json={"stream": "x" * 200}).status_code == 413
