"""The GitHub Action: what GitHub requires of its file, what it pins, and what it makes of hostile input; no engine needed."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from github_runner import Caches, Context, Runner, pairs
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
ACTION = ROOT / "action"
METADATA = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
STEPS = METADATA["runs"]["steps"]
split = runpy.run_path(str(ACTION / "words.py"))["split"]
CI_PAGE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
ID = r"^[_a-zA-Z][a-zA-Z0-9_-]*$"


def strict(required: list[str], /, **properties: object) -> dict:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


#: What a composite action's file may hold, as the runner reads it (github.com/actions/runner, action_yaml.json), without the keys
#: that it passes over unread.
COMMON = {
    "name": TEXT,
    "id": {"type": "string", "pattern": ID},
    "if": TEXT,
    "env": TEXTS,
}
SCHEMA = strict(
    ["name", "description", "inputs", "outputs", "runs"],
    name=TEXT,
    description=TEXT,
    inputs={
        "patternProperties": {
            ID: strict(
                ["description", "required"], description=TEXT, required={"type": "boolean"}, default={"type": "string"}
            )
        },
        "additionalProperties": False,
    },
    outputs={
        "patternProperties": {ID: strict(["description", "value"], description=TEXT, value=TEXT)},
        "additionalProperties": False,
    },
    runs=strict(
        ["using", "steps"],
        using={"const": "composite"},
        steps={
            "type": "array",
            "items": {
                "oneOf": [
                    strict(
                        ["run", "shell"], **COMMON, run=TEXT, shell={"const": "bash"}, **{"working-directory": TEXT}
                    ),
                    strict(["uses"], **COMMON, uses=TEXT, **{"with": {"type": "object"}}),
                ]
            },
        },
    ),
)


def expressions(data: object) -> list[str]:
    """Every expression in the action's file: those in ${{ }}, and conditions."""
    if isinstance(data, dict):
        own = [data["if"]] if isinstance(data.get("if"), str) else []
        return own + [found for value in data.values() for found in expressions(value)]
    if isinstance(data, list):
        return [found for value in data for found in expressions(value)]
    return re.findall(r"\$\{\{(.*?)\}\}", data) if isinstance(data, str) else []


# -- its file ----------------------------------------------------------------------------------------------------------


def test_its_file_is_as_github_requires():
    jsonschema.validate(METADATA, SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"runs": {"using": "composite", "steps": [{"run": "true"}]}},
        {"runs": {"using": "node24", "main": "index.js"}},
        {"inputs": {"a b": {"description": "x", "required": True}}},
        {"outputs": {"x": {"description": "x"}}},
    ],
)
def test_the_schema_can_fail(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**METADATA, **wrong}, SCHEMA)


def test_names_in_its_expressions_exist():
    ids = [step["id"] for step in STEPS if "id" in step]
    assert len(ids) == len(set(ids))
    named = {name for text in expressions(METADATA) for name in re.findall(r"\b[a-z_]+(?:\.[\w-]+)+", text)}
    known = {f"inputs.{name}" for name in METADATA["inputs"]} | {"github.job", "github.run_id", "github.run_attempt"}
    scripts = {step["id"]: script(step).read_text() for step in STEPS if "run" in step}
    known |= {f"steps.{key}.outcome" for key in ids}
    known |= {f"steps.{key}.outputs.{name}" for key in ids for name in re.findall(r'echo "([a-z-]+)=', scripts[key])}
    assert named and named - known == set()


def test_each_variable_that_a_script_reads_is_given_to_it():
    for step in STEPS:
        if "run" in step:
            text = script(step).read_text() + (ACTION / "words.py").read_text() * (
                "words.py" in script(step).read_text()
            )
            read = set(re.findall(r"\b(LAYERLAB(?:_[A-Z]+)?)\b", text))
            assert read == set(step["env"]), step["id"]


def script(step: dict) -> Path:
    """The file that a step runs: a step holds no script of its own, so nothing can be put into one."""
    found = re.fullmatch(r'bash "\$GITHUB_ACTION_PATH/([a-z]+\.sh)"', step["run"])
    assert found, step["run"]
    return ACTION / found[1]


def test_no_expression_is_part_of_a_script():
    assert [step["id"] for step in STEPS if "run" in step] == ["prepare", "build", "report"]
    for step in STEPS:
        if "run" in step:
            assert "${{" not in step["run"] + script(step).read_text()


def test_the_two_halves_of_the_cache_action_are_of_one_version():
    """That actions are pinned, tests/test_own_workflow.py checks."""
    assert (
        len({step["uses"].partition("@")[2] for step in STEPS if step.get("uses", "").startswith("actions/cache/")})
        == 1
    )


def test_two_builds_that_github_may_confuse_have_keys_that_it_cannot():
    """`restore-keys` are prefixes: what ends a name must not be part of any name."""
    (restore,) = [step["with"] for step in STEPS if "cache/restore@" in step.get("uses", "")]
    assert restore["restore-keys"] == "layerlab/${{ steps.prepare.outputs.name }}/"
    assert restore["key"].startswith(restore["restore-keys"])


# -- its scripts -------------------------------------------------------------------------------------------------------


def prepared(
    tmp_path: Path, name: str = "app", annotate: str = "true", installed: str = "true"
) -> subprocess.CompletedProcess:
    """Run the action's first script. The program `true` stands for LayerLab."""
    (tmp_path / "output").touch()
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", ACTION / "prepare.sh"],
        env={"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_OUTPUT": str(tmp_path / "output"),
             "GITHUB_ACTION_PATH": str(ACTION), "LAYERLAB_NAME": name, "LAYERLAB_ANNOTATE": annotate,
             "LAYERLAB_INSTALLED": installed},
        capture_output=True, text=True,
    )  # fmt: skip


def test_good_inputs_pass_and_the_steps_below_are_told_where_things_are(tmp_path):
    done = prepared(tmp_path, "api-3.12_x")
    assert done.returncode == 0, done.stderr
    told = pairs((tmp_path / "output").read_text())
    assert told["name"] == "api-3.12_x" and told["layerlab"] == "true"
    assert all(Path(told[name]).is_dir() for name in ("records", "reports"))


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "..", "a,b", "é", "$(touch x)", "a\nlayerlab=/bin/sh", "a" * 101, ".x", "-rf"]
)
def test_a_name_that_is_none_is_refused(tmp_path, name):
    done = prepared(tmp_path, name)
    assert (done.returncode, (tmp_path / "output").read_text()) == (2, "")
    assert re.fullmatch(r"::error title=LayerLab::The input name may .*\n", done.stdout)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["output"]


@pytest.mark.parametrize("annotate", ["", "yes", "True", "true\nx=1"])
def test_annotate_is_true_or_false(tmp_path, annotate):
    assert prepared(tmp_path, annotate=annotate).returncode == 2


#: Prints the words it got, each on a line of its own, as Python writes them.
SHOW = [sys.executable, "-c", "import sys; print(*map(repr, sys.argv[1:]), sep='\\n')"]


def words(command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, ACTION / "words.py", *SHOW, "run", "--"],
        env={**os.environ, "LAYERLAB_COMMAND": command}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("docker build .", ["docker", "build", "."]),
        ("docker build \\\n  --tag app \\\n  .\n", ["docker", "build", "--tag", "app", "."]),
        (
            "docker build --build-arg 'TITLE=two words' \"my app\"",
            ["docker", "build", "--build-arg", "TITLE=two words", "my app"],
        ),
        ("docker build --label a=#1 .", ["docker", "build", "--label", "a=#1", "."]),
        ("docker build -t app:$(touch${IFS}broken) .", ["docker", "build", "-t", "app:$(touch${IFS}broken)", "."]),
        (
            "docker build -t app:`id` . ; touch broken",
            ["docker", "build", "-t", "app:`id`", ".", ";", "touch", "broken"],
        ),
        ("docker build -t $HOME/* . > /etc/x", ["docker", "build", "-t", "$HOME/*", ".", ">", "/etc/x"]),
        ("docker build '' .", ["docker", "build", "", "."]),
    ],
)
def test_a_command_is_split_as_a_shell_does_and_nothing_in_it_is_run(command, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = words(command)
    assert done.returncode == 0, done.stderr
    assert [eval(line) for line in done.stdout.splitlines()] == ["run", "--", *expected]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["", "  \n ", "docker build 'x", "docker build x\\"])
def test_a_command_that_is_none_is_an_error(command):
    done = words(command)
    assert done.returncode == 1 and done.stderr.startswith("::error title=LayerLab::The input command ")


PIECES = ["a", " ", "'", '"', "\\a", "\\\\", "\\\n", "\\'", '\\"', "é"]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_words_are_those_of_a_shell(text):
    """Of what has a meaning only in how a command is split."""
    shell = subprocess.run(["bash", "-c", f"printf '%s\\0' docker {text}"], capture_output=True, text=True)
    if shell.returncode:
        with pytest.raises(ValueError):
            split(f"docker {text}")
    else:
        assert split(f"docker {text}") == shell.stdout.split("\0")[:-1]


# -- the stand-in of GitHub's runner ------------------------------------------------------------------------------------


def runner(tmp_path: Path, ref: str = "refs/heads/main", caches: Caches | None = None) -> Runner:
    (tmp_path / "caches").mkdir(exist_ok=True)
    return Runner(tmp_path, tmp_path, {"ref": ref}, caches or Caches(tmp_path / "caches"))


@pytest.mark.parametrize(
    ("condition", "failed", "runs"),
    [
        ("success()", True, False),
        ("inputs.a == 'x'", False, True),
        ("inputs.a == 'x'", True, False),
        ("always() && inputs.a != ''", True, True),
        ("always() && steps.none.outputs.b != ''", False, False),
        ("failure() || inputs.a == 'y'", False, False),
        ("${{ !inputs.none }}", False, True),
    ],
)
def test_it_decides_which_steps_run(tmp_path, condition, failed, runs):
    context = Context(runner(tmp_path), {"inputs": {"a": "x"}, "steps": {}, "github": {}}, failed)
    assert context.applies(condition) is runs


def test_it_finds_a_branchs_own_cache_then_the_default_branchs_and_never_another_ones(tmp_path):
    main, topic, other = (runner(tmp_path, f"refs/heads/{name}") for name in ("main", "topic", "other"))
    topic.caches = other.caches = main.caches
    found = tmp_path / "found"

    def saved(job: Runner, key: str) -> None:
        (tmp_path / "what").mkdir(exist_ok=True)
        (tmp_path / "what/key").write_text(key)
        job.caches.save(job, str(tmp_path / "what"), key)

    def restored(job: Runner) -> str:
        job.caches.restore(job, str(found), "a/9", **{"restore-keys": "a/"})
        return (found / "key").read_text() if found.exists() else ""

    assert restored(topic) == ""
    saved(other, "a/1")
    assert restored(topic) == ""
    saved(main, "a/2")
    saved(main, "b/3")
    assert (restored(topic), restored(other)) == ("a/2", "a/1")
    saved(topic, "a/3")
    saved(main, "a/4")
    assert (restored(topic), restored(main)) == ("a/3", "a/4")
    saved(main, "a/2")  # an entry never changes
    assert restored(main) == "a/4"


def test_it_reads_outputs_as_the_runner_does():
    assert pairs("a=1\nb<<END\nx=2\ny\nEND\nc=\n") == {"a": "1", "b": "x=2\ny", "c": ""}


# -- the page that shows it -----------------------------------------------------------------------------------------------


def test_the_example_workflow_uses_inputs_that_exist_and_what_we_pin():
    (workflow,) = (
        text for text in re.findall(r"^```yaml\n(.*?)^```$", CI_PAGE, re.MULTILINE | re.DOTALL) if "jobs:" in text
    )
    steps = yaml.safe_load(workflow)["jobs"]["image"]["steps"]
    (ours,) = (step["with"] for step in steps if step["uses"].startswith("OWNER/layerlab/action@"))
    assert set(ours) <= set(METADATA["inputs"])
    assert {name for name, told in METADATA["inputs"].items() if told["required"]} <= set(ours)
    pinned = re.findall(r"uses: (\S+@[0-9a-f]{40} # v[\d.]+)$", workflow, re.MULTILINE)
    assert len(pinned) == len(steps) - 1
    known = "\n".join(path.read_text() for path in ROOT.glob(".github/workflows/*.yml"))
    assert all(line in known for line in pinned if line.startswith("actions/"))


def test_the_page_describes_every_input_and_output():
    rows = re.findall(r"^\| `([a-z-]+)` \|", CI_PAGE.partition("### Inputs")[2].partition("###")[0], re.MULTILINE)
    assert rows == list(METADATA["inputs"])
    assert all(f"`{name}`" in CI_PAGE for name in METADATA["outputs"])
