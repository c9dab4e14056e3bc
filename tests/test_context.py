"""What's in a context: the rule that keeps each file in or out."""

from __future__ import annotations

import pytest

from layerlab import App
from layerlab.contexts.listing import deciding_rule
from layerlab.contexts.patterns import Patterns
from layerlab.contexts.taking import take
from layerlab.course import context_files


@pytest.mark.parametrize(
    ("rules", "path", "rule"),
    [
        (["*.pyc"], "src/a.pyc", ""),
        (["**/*.pyc"], "src/a.pyc", "**/*.pyc"),
        (["data", "!data/keep"], "data/keep", "!data/keep"),
        (["!data/keep", "data"], "data/keep", "data"),
        (["*", "!src", "**/__pycache__"], "src/__pycache__/a.pyc", "**/__pycache__"),
        (["!src"], "src/a.py", ""),
    ],
)
def test_the_last_rule_that_matches_decides(rules, path, rule):
    assert deciding_rule(Patterns(rules), path) == rule


def test_a_context_says_of_each_file_whether_it_is_in_and_why(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    project = tmp_path / "shop"
    (project / "src/__pycache__").mkdir(parents=True)
    (project / "Dockerfile").write_text("FROM scratch\n")
    (project / "src/a.py").write_text("a = 1\n" * 10)
    (project / "src/__pycache__/a.pyc").write_bytes(b"0" * 1000)
    (project / ".env").write_text("KEY=1\n")
    (project / ".dockerignore").write_text(".env\n*.pyc\n")
    with App.at(project) as app:
        frame = context_files(app, "Dockerfile")
        told = {row.path: (row.state, row.rule) for row in frame.itertuples()}
        seen = take(app.path, "Dockerfile").entries
    assert told[".env"] == ("kept out", ".env")
    assert told["src/__pycache__/a.pyc"] == ("in", "")
    assert frame.path[0] == "src/__pycache__/a.pyc" and frame.bytes[0] == 1000
    assert frame.attrs["ignore_file"] == ".dockerignore"
    assert {p for p, (state, _) in told.items() if state == "in"} == {p for p, e in seen.items() if e.kind == "file"}
