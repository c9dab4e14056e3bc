"""The explainer's parts that need no engine: which step is which, how two operations differ, what must not be shown."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.explaining import differences, file_changes, plan
from layerlab.explaining.against import explain_against as explain
from layerlab.explaining.alignment import Written, aligned
from layerlab.explaining.causes import KINDS, Cause, Evidence, Explanation, StepCause
from layerlab.explaining.comparison import Comparison
from layerlab.explaining.operations import Operation, Reading, Source
from layerlab.explaining.step_in_build import StepInBuild
from layerlab.record.build import Build
from layerlab.record.snapshot import UNREADABLE, Entry, Snapshot
from layerlab.record.states import BASE, CACHED, FAILED, NOT_REACHED, RAN
from layerlab.record.step import Step
from layerlab.texts.secrets import HIDDEN, marked

CONTEXT = Source("context", "context")


def build(dockerfile: str, states: str = "", **more) -> Build:
    """Make a build without provenance, like one that failed; one state per step other than FROM, all RAN unless given."""
    from layerlab.traces.instructions import MAKES_A_STEP, read

    given_states = iter(states.split())
    steps = []
    for i in read(dockerfile):
        if i.keyword in (*MAKES_A_STEP, "FROM"):
            state = BASE if i.keyword == "FROM" else next(given_states, RAN).replace("_", " ")
            steps.append(
                Step(
                    i.line,
                    i.end_line,
                    i.stage_name,
                    i.keyword,
                    f"{i.keyword} {i.value}",
                    state,
                    0.0,
                    0.1,
                    None,
                    0,
                    "",
                    i.value if i.keyword == "FROM" else "",  # the same image
                    (),
                )
            )
    fields = {
        "app": "a", "variant": "v", "edit": "none", "machine": "m", "command": ("docker",), "dockerfile": dockerfile,
        "started_at": "", "seconds": 1.0, "steps": tuple(steps), "phases": (), "context_bytes": 0, "image": "",
        "image_bytes": None, "warnings": (), "trace": "", "provenance": {}, "contexts": {"context": Snapshot({})},
    }  # fmt: skip
    return Build(**(fields | more))


def side(
    facts: dict[str, str], text: str = "RUN x", readings: tuple[Reading, ...] = (), **entries: Entry
) -> StepInBuild:
    files = {name.replace("__", "/").replace("_dot_", "."): entry for name, entry in entries.items()}
    made = build(f"FROM x\n{text}\n", contexts={"context": Snapshot(files)})
    return StepInBuild(Operation(facts, None, readings), text, made, 2)


def file(content: str, mode: int = 0o644) -> Entry:
    return Entry("file", mode, len(content), content)


class TestAlignment:
    @staticmethod
    def steps(text: str) -> list[Written]:
        """Turn "a: RUN x | RUN y || b: …" into steps of stages."""
        found = []
        for stage in text.split("||"):
            name, _, lines = stage.partition(":")
            found += [Written(name.strip(), line.split()[0], line.strip()) for line in lines.split("|") if line.strip()]
        return found

    @pytest.mark.parametrize(
        ("now", "before", "expected"),
        [
            ("a: RUN x | RUN y", "a: RUN x | RUN y", {0: 0, 1: 1}),
            ("a: RUN x | RUN new | RUN y", "a: RUN x | RUN y", {0: 0, 2: 1}),
            ("a: RUN y", "a: RUN x | RUN y", {0: 1}),
            ("a: RUN pip install -r b.txt", "a: RUN pip install -r a.txt", {0: 0}),
            ("a: ADD x /", "a: COPY x /", {0: 0}),
            ("a: COPY x /", "a: RUN x", {}),
            ("b: RUN x | RUN y", "a: RUN x | RUN y", {0: 0, 1: 1}),
            ("new: RUN n || stage-1: RUN x", "stage-0: RUN x", {1: 0}),
        ],
    )
    def test_each_step_finds_what_it_was(self, now, before, expected):
        assert aligned(self.steps(now), self.steps(before)) == expected

    @given(
        st.lists(st.sampled_from(["RUN a", "RUN b", "RUN c", "COPY a /"])),
        st.lists(st.sampled_from(["RUN a", "RUN b", "COPY a /"])),
    )
    def test_it_is_one_to_one_and_keeps_the_order(self, now, before):
        found = aligned([Written("s", t.split()[0], t) for t in now], [Written("s", t.split()[0], t) for t in before])
        pairs = sorted(found.items())
        assert [b for _, b in pairs] == sorted(set(found.values()))

    @given(st.lists(st.sampled_from(["RUN a", "RUN b", "COPY a /", "WORKDIR /x"])))
    def test_what_did_not_change_is_found_whole(self, lines):
        steps = [Written("s", t.split()[0], t) for t in lines]
        assert aligned(steps, steps) == {i: i for i in range(len(steps))}


class TestDifferences:
    @pytest.mark.parametrize(
        ("before", "now", "kind", "text"),
        [
            ({"command": "cat a.txt"}, {"command": "cat b.txt"}, "text changed", "its text changed: a.txt → b.txt"),
            ({"command": "make"}, {"command": "make all"}, "text changed", "all was added to it"),
            ({"command": "make all"}, {"command": "make"}, "text changed", "all was removed from it"),
            ({"command": "a  b"}, {"command": "a b"}, "text changed", "only its white space changed, which counts"),
            ({"env V": "1"}, {"env V": "2"}, "environment changed", "ENV V: 1 → 2"),
            ({}, {"env V": "2"}, "environment changed", "ENV V=2 is new"),
            ({"env V": "2"}, {}, "environment changed", "ENV V is gone"),
            ({"env order": "A B"}, {"env order": "B A"}, "environment changed", "the variables are set in a different order"),
            ({"command": "x", "cwd": "/"}, {"command": "x", "cwd": "/a"}, "working directory changed",
             "working directory: / → /a"),
            ({"command": "x", "user": ""}, {"command": "x", "user": "me"}, "user changed", "user: (none) → me"),
            ({"command": "x", "network": "default"}, {"command": "x", "network": "none"}, "network changed",
             "network: default → none"),
            ({}, {"mount /c": "type=cache"}, "mount changed", "mount /c: (none) → type=cache"),
            ({"copy 1 mode": "-1"}, {"copy 1 mode": "493"}, "option changed", "--chmod: (none) → 755"),
            ({}, {"link": "true"}, "option changed", "--link: (none) → true"),
            ({}, {"copy 1 owner": '{"user": {"User": {"byId": 7}}}'}, "option changed", "--chown: (none) → 7"),
            ({"copy 1 owner": '{"group": {"User": {"byName": {"name": "g"}}}, "user": {"User": {"byName": {"name": "u"}}}}'},
             {"copy 1 owner": '{"group": {"User": {"byId": 0}}, "user": {"User": {"byId": 0}}}'}, "option changed",
             "--chown: u:g → 0:0"),
        ],
    )  # fmt: skip
    def test_each_has_its_sentence(self, before, now, kind, text):
        (cause,) = differences.own(side(now), side(before))
        assert (cause.kind, cause.text) == (kind, text)

    def test_equal_operations_have_none(self):
        facts = {"command": "x", "env A": "1", "cwd": "/"}
        assert differences.own(side(facts), side(facts)) == []

    def test_a_hidden_value_changed_and_no_hash_is_shown(self):
        one, other = marked("a" * 16), marked("b" * 16)
        (cause,) = differences.own(side({"env API_TOKEN": one}), side({"env API_TOKEN": other}))
        assert cause.text == "ENV API_TOKEN changed; both values are hidden"
        assert cause.evidence == (Evidence("ENV API_TOKEN", HIDDEN, HIDDEN),)
        (cause,) = differences.own(side({}), side({"env API_TOKEN": one}))
        assert cause.evidence == (Evidence("ENV API_TOKEN", HIDDEN, ""),)
        (cause,) = differences.own(side({"env API_TOKEN": one}), side({}))
        assert cause.text == f"ENV API_TOKEN={HIDDEN} is new"

    READS = (Reading(CONTEXT, {"src": "/", "allowWildcard": True}),)

    @pytest.mark.parametrize(
        ("before", "now", "kind", "text"),
        [
            ({"a": file("1")}, {"a": file("2")}, "file changed", "a changed"),
            ({"a": file("1")}, {"a": file("1", 0o755)}, "mode changed", "a has different permissions: 0644 → 0755"),
            ({}, {"a": file("1")}, "file added", "a is new"),
            ({"a": file("1")}, {}, "file removed", "a is gone"),
            ({"a": file("1")}, {"b": file("1")}, "file renamed", "renamed: a → b"),
            ({}, {n: file(n) for n in "abcde"}, "file added", "a, b, c and 2 more are new"),
        ],
    )
    def test_files(self, before, now, kind, text):
        causes, unknown = file_changes.files(
            side({}, readings=self.READS, **now), side({}, readings=self.READS, **before), False
        )
        assert [(c.kind, c.text) for c in causes] == [(kind, text)] and not unknown

    def test_a_file_that_was_ignored_before(self):
        before = side({}, readings=self.READS)
        context = Snapshot({}, ("secret",), ".dockerignore", ("secret",))
        before = dataclasses.replace(before, build=dataclasses.replace(before.build, contexts={"context": context}))
        causes, _ = file_changes.files(side({}, readings=self.READS, secret=file("1")), before, False)
        assert [c.kind for c in causes] == ["ignore rules changed"] and "secret" in causes[0].text

    def test_what_could_not_be_read_is_unknown(self):
        blind = {"a": Entry("file", 0o644, 1, UNREADABLE)}
        causes, unknown = file_changes.files(
            side({}, readings=self.READS, **blind), side({}, readings=self.READS, **blind), False
        )
        assert not causes and unknown == ["the content of a"]

    def test_a_context_that_was_not_recorded_is_unknown(self):
        now, before = side({}, readings=self.READS), side({}, readings=self.READS)
        before = dataclasses.replace(before, build=dataclasses.replace(before.build, contexts={}))
        assert file_changes.files(now, before, False) == ([], ["the files of context 'context'"])


class TestExplain:
    """Builds without provenance, which are read from their Dockerfiles."""

    TEXT = "FROM python\nCOPY a /\nRUN one\nRUN two\n"

    def test_a_first_build(self):
        found = explain(build(self.TEXT), [])
        assert {c.kind for s in found.steps for c in s.causes} == {"first build"}
        assert str(found) == "The first build of a v on this machine: there's nothing to compare it with."

    def test_what_is_forgotten_is_unknown(self):
        found = explain(build(self.TEXT), [], forgotten=True)
        assert {c.kind for s in found.steps for c in s.causes} == {"unknown"}

    def test_the_root_is_told_from_what_follows(self):
        found = explain(build(self.TEXT.replace("one", "1"), "CACHED RAN RAN"), [build(self.TEXT)])
        assert [s.line for s in found.roots] == [3]
        assert [c.kind for c in found.of("RUN two").causes] == ["step above ran"] and found.of("RUN two").above == (3,)

    def test_nothing_changed_and_yet_it_ran(self):
        found = explain(build(self.TEXT), [build(self.TEXT)])
        assert [c.kind for s in found.steps for c in s.causes] == ["record gone"] * 3

    def test_another_machine(self):
        found = explain(build(self.TEXT), [build(self.TEXT, machine="other")])
        assert {c.kind for s in found.steps for c in s.causes} == {"another machine"}

    @pytest.mark.parametrize(
        ("option", "lines"),
        [("--no-cache", [2, 4, 5]), ("--no-cache-filter=first", [2]), ("--no-cache-filter=stage-1,first", [2, 4, 5])],
    )
    def test_no_cache(self, option, lines):
        self.no_cache_was_given((option,), lines)

    @pytest.mark.parametrize(
        ("options", "lines"),
        [
            (("--no-cache-filter", "first"), [2]),
            (("--set", "*.no-cache=true"), [2, 4, 5]),
            (("--set", "api.args.A=1"), []),
        ],
    )
    def test_no_cache_in_two_words(self, options, lines):
        self.no_cache_was_given(options, lines)

    def no_cache_was_given(self, options, lines):
        text = "FROM python AS first\nRUN one\nFROM python\nRUN two\nRUN three\n"
        found = explain(build(text, command=("docker", "buildx", "build", *options)), [build(text)])
        assert [s.line for s in found.steps if s.causes and s.causes[0].kind == "no cache"] == lines

    @pytest.mark.parametrize(
        ("words", "lines"),
        [
            (["build", "--no-cache=1"], [2, 4, 5]),
            (["build", "--no-cache=false"], []),
            (["build", "--no-cache-filter", "other,first"], [2]),
            (["build", "--build-arg", "A=b --no-cache"], []),
            (["bake", "--set=web.no-cache=true", "web"], [2, 4, 5]),
            (["bake", "--set", "*.no-cache=true", "web"], [2, 4, 5]),
            (["bake", "--set=*.no-cache", "web"], [2, 4, 5]),
            (["bake", "--set=web.no-cache=false", "web"], []),
            (["bake", "--set=web.no-cache-filter=first", "web"], [2]),
            (["bake", "--set=web.args.no-cache=true", "web"], []),
        ],
    )
    def test_no_cache_in_every_form_that_the_client_takes(self, words, lines):
        text = "FROM python AS first\nRUN one\nFROM python\nRUN two\nRUN three\n"
        command = ("docker", "buildx", *words)
        earlier = build(text, command=("docker", "buildx", "bake", "web") if "bake" in words else ())
        found = explain(build(text, command=command), [earlier])
        assert [s.line for s in found.steps if s.causes and s.causes[0].kind == "no cache"] == lines

    @pytest.mark.parametrize("words", [["--target=a b,c=d"], ["--target", "a b,c=d"]])
    def test_the_builds_of_one_target_are_compared_in_either_form(self, words):
        other = build("FROM p\nRUN two\n", command=("docker", "buildx", "build", "."))
        same = build("FROM p\nRUN one\n", command=("docker", "buildx", "build", "--target=a b,c=d", "."))
        found = explain(build("FROM p\nRUN one\n", command=("docker", "buildx", "build", *words, ".")), [other, same])
        assert [c.kind for s in found.roots for c in s.causes] == ["record gone"]

    def test_an_instruction_is_new_moved_or_gone(self):
        new = explain(build("FROM p\nRUN zero\nRUN one\n"), [build("FROM p\nRUN one\n")])
        assert [c.kind for c in new.of("zero").causes] == ["instruction added"]
        gone = explain(build("FROM p\nRUN one\n"), [build("FROM p\nRUN zero\nRUN one\n")])
        assert [c.kind for c in gone.of("one").causes] == ["instruction removed"] and "RUN zero" in gone.of("one").why
        moved = explain(build("FROM p\nRUN one\nCOPY a /\n"), [build("FROM p\nCOPY a /\nRUN one\n")])
        assert "instruction moved" in {c.kind for s in moved.roots for c in s.causes}

    def test_a_failed_build_between_does_not_hide_the_cause(self):
        """Build 2 failed at `RUN two`, which runs in build 3 because of what build 2 changed above it."""
        first = build(self.TEXT)
        broken = build(self.TEXT.replace("one", "1"), "CACHED RAN FAILED", error="failed")
        fixed = build(self.TEXT.replace("one", "1"), "CACHED CACHED RAN")
        found = explain(fixed, [broken, first])
        step = found.of("RUN two")
        assert step.root and [c.kind for c in step.causes] == ["text changed"] and "(line 3)" in step.why

    def test_a_file_of_two_steps_is_told_once_of_the_lower(self):
        text = "FROM p\nCOPY a /\nRUN one\nCOPY a /b\n"
        first = build(text, contexts={"context": Snapshot({"a": file("1")})})
        after = {"contexts": {"context": Snapshot({"a": file("2")})}}
        broken = build(text, "RAN FAILED NOT_REACHED", error="failed", **after)
        step = explain(build(text, "CACHED RAN RAN", **after), [broken, first]).of("COPY a /b")
        assert step.why == "a changed; line 3 above ran again"

    def test_a_step_that_no_build_got_through(self):
        broken = build(self.TEXT, "RAN RAN FAILED", error="failed")
        found = explain(build(self.TEXT, "CACHED CACHED RAN"), [broken])
        assert [c.kind for c in found.of("RUN two").causes] == ["instruction added"]

    @pytest.mark.parametrize(
        ("before", "now", "states", "cause"),
        [
            (
                "one",
                "1",
                "RAN RAN RAN",
                ("text changed", "its text changed: one → 1 (no earlier build got through it)"),
            ),
            ("one", "1", "RAN FAILED NOT_REACHED", ("text changed", "its text changed: one → 1 (no earlier build got")),
            ("one", "one", "RAN RAN RAN", ("instruction added", "no earlier build got through it")),
        ],
    )
    def test_a_step_that_failed_before_says_what_changed_since(self, before, now, states, cause):
        failed = build(self.TEXT.replace("one", before), "RAN FAILED NOT_REACHED", error="failed")
        found = explain(build(self.TEXT.replace("one", now), states), [failed])
        assert (found.steps[2].causes[0].kind, found.steps[2].why[: len(cause[1])]) == cause

    def test_of_a_step_that_was_not_reached_nothing_changed_counts(self):
        failed = build(self.TEXT, "RAN FAILED NOT_REACHED", error="failed")
        found = explain(build(self.TEXT.replace("two", "2"), "CACHED RAN RAN"), [failed])
        assert found.of("RUN 2").why == "no earlier build got through it"

    def test_the_newest_build_in_which_it_failed_counts(self):
        newest = build(self.TEXT.replace("one", "2"), "FAILED NOT_REACHED NOT_REACHED", error="failed")
        failed = build(self.TEXT.replace("one", "1"), "RAN FAILED NOT_REACHED", error="failed")
        assert "1 → one" in explain(build(self.TEXT), [newest, failed]).of("RUN one").why

    @pytest.mark.parametrize(("moved", "kind"), [(False, "record gone"), (True, "unknown")])
    def test_the_image_of_a_failed_build_is_known_by_its_vertex_only(self, moved, kind):
        now = build(self.TEXT, "RAN RAN FAILED", error="failed")
        if moved:
            base, *steps = now.steps
            now = dataclasses.replace(now, steps=(dataclasses.replace(base, digest="another"), *steps))
        (cause,) = explain(now, [build(self.TEXT)]).of("COPY").causes
        assert cause.kind == kind and ("image python couldn't be compared" in cause.text) is moved

    def test_an_address_in_a_failed_build_is_unknown(self):
        text = "FROM p\nADD https://example.invalid/a /\nRUN one\n"
        found = explain(build(text, "RAN FAILED", error="failed"), [build(text)])
        assert [c.kind for c in found.of("ADD").causes] == ["unknown"]

    def test_a_named_context_is_no_image(self):
        text = "FROM p AS extra\nRUN one\nFROM p\nCOPY --from=extra a /\n"
        contexts = [{"context": Snapshot({}), "extra": Snapshot({"a": file(content)})} for content in "12"]
        now, before = (build(text, "CACHED RAN", contexts=found) for found in contexts)
        assert explain(now, [before]).of("COPY").why == "a in context extra changed"

    def test_what_was_not_reached_has_no_cause(self):
        found = explain(build(self.TEXT, "RAN FAILED NOT_REACHED"), [])
        assert [bool(s.causes) for s in found.steps] == [False, True, True, False]
        assert found.steps[-1].state == NOT_REACHED and found.steps[2].state == FAILED

    def test_a_hit_says_why_where_it_might_surprise(self):
        text = "FROM p AS s\nCOPY a /\nRUN one\nFROM p\nCOPY --from=s /a /\n"
        found = explain(build(text.replace("one", "1"), "CACHED RAN CACHED"), [build(text)])
        assert "the files taken from there are the same" in found.of("COPY --from").still_hit

    TAKES = "FROM p AS s\nCOPY a /\nRUN one\nFROM p\nCOPY --from=s /a /\nRUN two\nRUN three\n"

    @pytest.mark.parametrize(
        ("now", "earlier", "same"),
        [
            ("RAN RAN CACHED CACHED CACHED", ["RAN RAN RAN RAN RAN"], True),
            ("RAN RAN CACHED CACHED CACHED", ["RAN RAN CACHED CACHED CACHED", "RAN RAN RAN RAN RAN"], True),
            ("RAN RAN CACHED CACHED CACHED", ["RAN RAN CACHED CACHED CACHED"], False),  # of a build that isn't known
            ("RAN RAN CACHED CACHED CACHED", ["RAN RAN RAN RAN RAN", "RAN RAN RAN RAN RAN"], False),
            ("RAN RAN CACHED CACHED CACHED", ["RAN RAN RAN RAN RAN", "RAN RAN RAN FAILED NOT_REACHED"], True),
            ("RAN RAN CACHED RAN RAN", ["RAN RAN RAN RAN RAN", "RAN RAN RAN FAILED NOT_REACHED"], False),
            ("RAN RAN CACHED RAN RAN", ["RAN RAN RAN RAN RAN"], False),
        ],
    )
    def test_the_files_of_a_hit_are_the_same_only_if_that_is_known(self, now, earlier, same):
        builds = [build(self.TAKES, states, error="e" * ("FAILED" in states)) for states in earlier]
        found = explain(build(self.TAKES.replace("one", "1"), now), builds).of("COPY --from").still_hit
        expected = "the files taken from there are the same" if same else "from the last time or an earlier one"
        assert found.startswith("line 3 ran again, but") and expected in found

    def test_a_build_of_another_target_may_have_made_them_too(self):
        """Known builds of this target made them once, but one of another target may have made others since."""
        states, targets = "RAN RAN CACHED CACHED CACHED", [("docker", "build", f"--target={name}") for name in "ab"]
        earlier = [build(self.TAKES, command=targets[1]), build(self.TAKES, command=targets[0])]
        found = explain(build(self.TAKES.replace("one", "1"), states, command=targets[0]), earlier)
        assert "or an earlier one" in found.of("COPY --from").still_hit

    def test_a_hit_of_a_build_of_another_target_says_so(self):
        text, targets = "FROM p\nCOPY a /\n", [("docker", "build", f"--target={name}") for name in "ab"]
        contexts = [{"context": Snapshot({"a": file(content)})} for content in "12"]
        earlier = [
            build(text, command=targets[1], contexts=contexts[1]),
            build(text, command=targets[0], contexts=contexts[0]),
        ]
        found = explain(build(text, "CACHED", command=targets[0], contexts=contexts[1]), earlier)
        assert found.of("COPY").still_hit == "a changed, but the cache has it from a build of target b"

    def test_on_a_builder_that_others_use_they_may_be_theirs(self):
        now, before = (
            build(self.TAKES, states, machine="builder x (1)") for states in ("RAN RAN CACHED CACHED CACHED", "")
        )
        assert "or an earlier one" in explain(now, [before]).of("COPY --from").still_hit

    def test_every_kind_has_a_meaning(self):
        import inspect

        from layerlab.explaining import caches, comparison, deciding

        modules = (caches, differences, file_changes, comparison, deciding)
        source = "".join(map(inspect.getsource, modules))
        assert [kind for kind in KINDS if f'"{kind}"' not in source] == []


class TestRecord:
    STEP = StepCause(
        3, "s", "RUN", "RUN x", RAN, (Cause("text changed", "its text changed", (Evidence("i", "a", "b"),)),), True
    )
    FOUND = Explanation("a", "v", "the one before", (STEP, StepCause(4, "s", "RUN", "RUN y", CACHED)))

    def test_it_reads_as_text_frame_and_json(self):
        assert "▸" in str(self.FOUND) and "its text changed" in str(self.FOUND)
        assert list(self.FOUND.to_frame()["kind"]) == ["text changed", ""]
        assert self.FOUND.to_json()["steps"][0]["causes"][0]["evidence"] == [{"what": "i", "before": "a", "now": "b"}]
        assert "i: a → b" in self.FOUND.evidence()
        assert "<table>" in self.FOUND._repr_html_()

    def test_a_fragment_must_name_one_step(self):
        with pytest.raises(KeyError, match="2 steps"):
            self.FOUND.of("RUN")


class TestPlan:
    def test_the_environment_comes_from_env_arg_and_build_arguments(self):
        text = "ARG G=1\nFROM p AS s\nARG G\nARG A=2\nENV E=3 F='4 5'\nWORKDIR /w\nUSER me\nRUN x\nFROM s\nRUN y\n"
        operations = plan.operations(build(text, args={"A": "9"}))
        facts = operations[2].facts
        assert facts["env G"] == "1" and facts["env A"] == "9" and facts["env E"] == "3" and facts["env F"] == "4 5"
        assert facts["cwd"] == "/w" and facts["user"] == "me" and facts["command"] == "x"
        assert operations[4].base == 2 and operations[4].facts["env E"] == "3"

    def test_variables_in_variables_are_replaced(self):
        text = "FROM p\nARG A=1\nARG B=$A.0\nENV C=${B}-x D=${NONE:-d}\nRUN x\n"
        facts = plan.operations(build(text))[1].facts
        assert (facts["env B"], facts["env C"], facts["env D"]) == ("1.0", "1.0-x", "d")

    def test_a_variable_in_a_heredoc_counts(self):
        text = "FROM p\nARG A=1\nCOPY <<EOF /a\n$A\nEOF\n"
        assert plan.operations(build(text))[1].facts["env A"] == "1"

    def test_what_copies_and_mounts_read(self):
        text = "FROM p AS s\nRUN x\nFROM p\nCOPY --from=s --chmod=755 a b /c/\n"
        text += "RUN --mount=type=bind,source=d,target=/d y\nCOPY --link e /\n"
        operations = plan.operations(build(text))
        assert [r.of for r in operations[3].readings] == [1, 1] and operations[3].facts["option --chmod"] == "755"
        assert operations[4].readings == (Reading(CONTEXT, {"src": "/d"}, mounted=True),)
        assert operations[5].facts["link"] == "true" and operations[5].readings[0].of == CONTEXT

    @given(st.text(alphabet="FROMCPYUNADEVWK \n=$\\\"'<{}-./abc:", max_size=80))
    def test_any_text_can_be_read(self, text):
        plan.operations(build(f"FROM p\n{text}"))


class TestHits:
    """Steps above that hit, but were built with something else than in the build that's compared."""

    TEXT = "FROM p\nARG ID\nRUN one\nRUN two\nCOPY a /\n"

    def test_a_variable_that_several_have_is_told_once(self):
        found = explain(build(self.TEXT, "CACHED CACHED RAN", args={"ID": "2"}), [build(self.TEXT, args={"ID": "1"})])
        assert [c.text for c in found.of("COPY").causes] == ["ARG ID: 1 → 2 (line 3 and line 4)"]


class TestNewerEngines:
    """BuildKit 0.26 and later are said to have other keys. No rule that wasn't seen at work decides."""

    MOVED = "FROM p\nCOPY --exclude=zzz . /x\n"

    def test_a_move_that_the_key_should_not_see_is_unknown(self):
        folder = Entry("folder", 0o755, 0, "")
        before = {"context": Snapshot({"a": folder, "a/b": folder, "a/b/x": file("1")})}
        now = {"context": Snapshot({"a": folder, "a/b": folder, "a/x": file("1")})}
        found = explain(build(self.MOVED, contexts=now), [build(self.MOVED, contexts=before)])
        (cause,) = found.of("COPY").causes
        assert cause.kind == "unknown" and "a/x changed or moved" in cause.text
        assert "ruled out: the operation, the files it reads" in cause.text

    def test_a_hit_in_spite_of_another_exclude_is_unknown(self):
        found = explain(build(self.MOVED, "CACHED"), [build(self.MOVED.replace("zzz", "yyy"))])
        assert "why it's a hit all the same is unknown" in found.of("COPY").still_hit


class TestUnknown:
    """What couldn't be compared makes the answer unknown, also where a stage's files are taken."""

    TEXT = "FROM p AS s\nCOPY a /\nFROM p\nCOPY --from=s /a /\nRUN one\n"

    @pytest.mark.parametrize("states", ["CACHED RAN RAN", "CACHED CACHED RAN"])
    def test_a_context_that_is_not_known(self, states):
        found = explain(build(self.TEXT, states, contexts={}), [build(self.TEXT)])
        assert [c.kind for c in found.roots[0].causes] == ["unknown"]


class TestStages:
    """What a hit that takes files from a stage hands on to the steps below. `test_recorded_cases` has real builds of it."""

    TEXT = "FROM p AS s\nCOPY a /\nFROM p\nCOPY --from=s /a /\nRUN one\n"

    @staticmethod
    def found(states, now_layer="", before_layer=""):
        def made(text, states, layer):
            one = build(text, states)
            steps = [dataclasses.replace(step, digest=f"v{n}") for n, step in enumerate(one.steps)]
            layers = {"step3:0": [[{"digest": layer, "size": 1}]]} if layer else {}
            provenance = {
                "buildConfig": {"digestMapping": {"v3": "step3"}},
                "metadata": {"https://mobyproject.org/buildkit@v1#metadata": {"layers": layers}},
            }
            return dataclasses.replace(one, steps=tuple(steps), provenance=provenance)

        changed = TestStages.TEXT.replace("COPY a /\n", "COPY --chmod=1 a /\n")
        now = made(changed, states, now_layer)
        comparison = Comparison(now, made(TestStages.TEXT, "", before_layer))
        # The operations are read from the Dockerfiles: these builds have no definition in their provenance.
        comparison.__dict__["operations_now"] = plan.operations(now)
        comparison.__dict__["operations_before"] = plan.operations(comparison.before)
        return comparison.step(len(now.steps) - 1)

    def test_the_same_layer_hands_on_nothing(self):
        found = self.found("RAN CACHED RAN", "sha256:a", "sha256:a")
        assert found.nothing

    def test_another_layer_hands_on_the_stage(self):
        found = self.found("RAN CACHED RAN", "sha256:b", "sha256:a")
        assert found.above == [(1, 3)] and not found.doubtful

    def test_an_unknown_layer_is_a_doubt(self):
        found = self.found("RAN CACHED RAN")
        assert not found.above and found.doubtful == [3]

    def test_a_stage_that_hit_with_other_files_is_no_reason_below_the_same_layer(self):
        assert self.found("CACHED CACHED RAN", "sha256:a", "sha256:a").nothing
        assert self.found("CACHED CACHED RAN", "sha256:b", "sha256:a").inherited


def test_line_ends_only():
    unix, windows = Entry("file", 0o644, 2, "1"), Entry("file", 0o644, 3, "2", unix="1")
    reads = TestDifferences.READS
    for old, new, text in ((unix, windows, "LF → CRLF"), (windows, unix, "CRLF → LF")):
        causes, _ = file_changes.files(side({}, readings=reads, a=new), side({}, readings=reads, a=old), False)
        assert [c.text for c in causes] == [f"a changed in line ends only ({text})"]
    other = Entry("file", 0o644, 3, "3", unix="4")
    causes, _ = file_changes.files(side({}, readings=reads, a=other), side({}, readings=reads, a=unix), False)
    assert [c.text for c in causes] == ["a changed"]


@pytest.mark.parametrize(
    ("states", "earlier", "said"),
    [
        ("RAN FAILED", False, ["The first build of a v on this machine", "▸   line 3  FAILED  RUN two"]),
        ("RAN RAN", False, ["The first build of a v on this machine", "The build failed: failed to push"]),
        ("RAN RAN", True, ["The build failed: failed to push"]),
        ("CACHED CACHED", True, ["Every step was cached.", "The build failed: failed to push"]),
        ("NOT_REACHED NOT_REACHED", True, ["No step ran.", "The build failed: failed to push"]),
    ],
)
def test_every_failed_build_says_what_failed(states, earlier, said):
    text = "FROM p\nRUN one\nRUN two\n"
    error = "ERROR: target web: failed to solve: rpc error: code = Unknown desc = failed to push"
    found = explain(build(text, states, error=error), [build(text)] if earlier else [])
    lines = str(found).splitlines()
    assert all(any(line.startswith(part) for line in lines) for part in said), lines
    assert (found.failure == "") is ("FAILED" in states)
    assert [line for line in found.failed() if line not in lines] == []


def test_a_build_that_failed_before_its_first_step_says_how():
    found = explain(build("FROM p\nRUN one\n", "NOT_REACHED", error="x\nERROR: failed to build: no such thing\n"), [])
    assert str(found).startswith("No step ran.\nThe build failed: no such thing.")
    assert "no such thing" not in str(explain(build("FROM p\nRUN one\n", "FAILED", error="ERROR: no such thing"), []))
