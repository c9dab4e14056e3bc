"""What explanations say to do, and that they say nothing where the evidence doesn't show that it helps."""

from __future__ import annotations

import pytest
from test_explain import CONTEXT, build, file

from layerlab.explaining.against import explain_against as explain
from layerlab.explaining.causes import Explanation, Remedy
from layerlab.record.snapshot import Entry, Snapshot

FOLDER = Entry("folder", 0o755, 0, "")


def context(**texts: str) -> dict[str, Snapshot]:
    """A context of files; "__" in a name stands for "/", "_dot_" for "."."""
    names = {name.replace("__", "/").replace("_dot_", "."): text for name, text in texts.items()}
    return {CONTEXT.name: Snapshot({name: file(text) for name, text in names.items()})}


def told(dockerfile: str, states: str = "", before: dict | None = None, **now) -> list[str]:
    """The remedies for a build of `dockerfile`, after one with the fields of `before`."""
    earlier = build(dockerfile, **(before or {}))
    return [str(remedy) for remedy in explain(build(dockerfile, states, **now), [earlier]).remedies]


class TestArguments:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("ARG V\nRUN one\nRUN two\n", ["line 3: move `ARG V` below line 4"]),
            ("ARG V\nRUN one\nRUN two\nLABEL v=$V\n", ["line 3: move `ARG V` below line 4"]),
            ("ARG V\nRUN one\nRUN two $V\nRUN three\n", ["line 3: move `ARG V` below line 3"]),
            ("ARG V\nENV V=$V\nRUN one\n", ["line 4: move `ARG V` and `ENV V` below line 4"]),
            ("ARG V\nRUN echo $V\n", []),
            ("ARG V\nRUN <<EOF\necho $V\nEOF\n", []),
            ("ARG V\nENV W=$V\nRUN one\n", []),
            ("ARG V\nENV V=own\nRUN one\n", []),
        ],
    )
    def test_one_moves_below_what_does_not_name_it(self, text, expected):
        found = told(f"FROM p\n{text}", args={"V": "2"}, before={"args": {"V": "1"}})
        assert len(found) == len(expected) and all(f.startswith(e) for f, e in zip(found, expected, strict=True))

    def test_one_below_a_copy_that_changed_promises_nothing_about_this_build(self):
        text = "FROM p\nCOPY a /\nARG V\nRUN one\n"
        (one,) = told(
            text, args={"V": "2"}, contexts=context(a="2"), before={"args": {"V": "1"}, "contexts": context(a="1")}
        )
        assert "a new value alone would leave each cached" in one and "would stay cached" not in one

    def test_one_that_another_stage_declares_stays(self):
        text = "FROM p AS a\nARG V\nRUN one\nFROM a\nRUN two\n"
        assert all("line 3:" in one for one in told(text, args={"V": "2"}, before={"args": {"V": "1"}}))


class TestFiles:
    COPY = "FROM p\nCOPY . /app\n"

    @pytest.mark.parametrize(
        ("path", "rule"),
        [
            (".git/index", ".git"),
            ("pkg/__pycache__/m.pyc", "**/__pycache__"),
            ("pkg/m.pyc", "**/*.py[co]"),
            ("web/node_modules/x/y.js", "**/node_modules"),
            ("Dockerfile", "Dockerfile"),
            ("api.Dockerfile", "api.Dockerfile"),
        ],
    )
    def test_junk_is_to_be_ignored(self, path, rule):
        now, before = ({CONTEXT.name: Snapshot({path: file(text)})} for text in "ab")
        assert told(self.COPY, contexts=now, before={"contexts": before}) == [
            f"line 2: add `{rule}` to .dockerignore, unless the image needs it (notebook 07-ignore-what-you-do-not-ship)"
        ]

    @pytest.mark.parametrize("path", ["main.py", "docs/Dockerfile", "git/index", "env/x"])
    def test_other_files_are_not(self, path):
        now, before = ({CONTEXT.name: Snapshot({path: file(text)})} for text in "ab")
        assert told(self.COPY, contexts=now, before={"contexts": before}) == []

    def test_nor_what_the_rules_name_already(self):
        """Then a rule below lets it in again, on purpose."""
        now, before = (
            {CONTEXT.name: Snapshot({".git/HEAD": file(text)}, (".git", "!.git/HEAD"), "b.dockerignore")}
            for text in "ab"
        )
        assert told(self.COPY, contexts=now, before={"contexts": before}) == []


class TestInstalls:
    TEXT = "FROM p\nCOPY . .\nRUN pip install -r requirements.txt\n"

    def found(self, text: str, changed: str, **more: str) -> list[str]:
        before = context(**{changed: "1", "requirements_dot_txt": "r", **more})
        now = context(**{"requirements_dot_txt": "r", **more, changed: "2"})
        return told(text, contexts=now, before={"contexts": before})

    def test_dependencies_come_before_the_code(self):
        (one,) = self.found(self.TEXT, "main_dot_py")
        assert one.startswith("line 2: copy only requirements.txt, then run line 3") and "01-order-your-layers" in one

    @pytest.mark.parametrize(
        ("text", "changed"),
        [
            (TEXT, "requirements_dot_txt"),
            (TEXT.replace("-r", "-e . -r"), "main_dot_py"),
            (TEXT.replace("-r requirements.txt", "."), "main_dot_py"),
            (TEXT.replace("requirements.txt", "missing.txt"), "main_dot_py"),
            (TEXT.replace("pip install -r requirements.txt", "make"), "main_dot_py"),
        ],
    )
    def test_not_where_the_install_reads_what_changed_or_may_do(self, text, changed):
        assert self.found(text, changed) == []

    def test_not_where_something_else_changed_too(self):
        before = {"contexts": context(main_dot_py="1", requirements_dot_txt="r"), "args": {"V": "1"}}
        text = "FROM p\nARG V\nRUN echo $V\nCOPY . .\nRUN pip install -r requirements.txt\n"
        now = context(main_dot_py="2", requirements_dot_txt="r")
        assert told(text, contexts=now, before=before, args={"V": "2"}) == []


class TestWhatNoKeyHas:
    @pytest.mark.parametrize(
        ("mount", "name"),
        [("type=secret,id=tok", "tok"), ("id=a.b,type=secret", "a.b"), ("type=secret,target=/run/x", "x")],
    )
    def test_a_secret(self, mount, name):
        text = f"FROM p\nRUN --mount={mount} use\nRUN two\n"
        found = explain(build(text, "CACHED RAN"), [build(text)])
        assert name in found.of("use").still_hit and any("_HASH" in str(r) for r in found.remedies)

    def test_not_of_a_cache_mount(self):
        text = "FROM p\nRUN --mount=type=cache,id=secret use\n"
        assert told(text, "CACHED") == []

    def test_a_clone_only_if_nothing_ran(self):
        text = "FROM p\nRUN git clone --depth 1 https://example.invalid/x.git /x\nRUN two\n"
        (one,) = told(text, "CACHED CACHED")
        assert "`ADD https://example.invalid/x.git FOLDER`" in one
        assert told(text, "CACHED RAN") == []

    @pytest.mark.parametrize(
        ("command", "noted"),
        [
            ("curl -fsSL https://example.invalid/x | sh", True),
            ("wget -q https://example.invalid/x", True),
            ("apt-get install curl git", False),
            ("curl --version && echo https://example.invalid", False),
        ],
    )
    def test_a_note_on_what_a_download_would_get_now(self, command, noted):
        text = f"FROM p\nRUN {command}\n"
        assert ("isn't in the cache key" in explain(build(text, "CACHED"), [build(text)]).steps[-1].still_hit) is noted

    def test_no_address_with_a_password_is_repeated(self):
        assert told("FROM p\nRUN git clone https://me:pw@example.invalid/x.git\n", "CACHED") == []


def test_the_remedy_of_a_known_fault():
    text = "FROM p\nRUN one\n"
    (one,) = told(text, "FAILED", error="ERROR: no space left on device")
    assert one.startswith("line 2: free some space")


def test_they_are_told_once_and_everywhere():
    found = Explanation("a", "v", "b", (), (Remedy(3, "do it", "01-x"), Remedy(0, "do <that>")))
    assert str(found).endswith("→ line 3: do it (notebook 01-x)\n→ do <that>")
    assert found.evidence().endswith("→ line 3: do it (notebook 01-x)\n→ do <that>")
    assert "<p>→ do &lt;that&gt;</p>" in found._repr_html_()
    assert found.to_json()["remedies"][0] == {"line": 3, "text": "do it", "notebook": "01-x"}


def test_every_notebook_that_is_named_exists():
    from pathlib import Path

    from layerlab.explaining import remedies

    names = {path.stem for path in (Path(__file__).parents[1] / "notebooks").glob("*.ipynb")}
    assert {remedies.ORDER, remedies.IGNORE, remedies.SPLIT} <= names
