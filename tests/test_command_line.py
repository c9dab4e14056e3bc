"""What a user types on a command line arrives as typed: spaces, equals signs and commas are part of a value."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from test_cli import BUILD, FakeMachine, machines  # noqa: F401 - a fixture

from layerlab.commands import jupyter
from layerlab.commands.main import main
from layerlab.commands.options import parsed_arguments
from layerlab.project.app import App
from layerlab.project.variant import Variant
from layerlab.record.build import Build
from layerlab.system import docker_words

ROOT = Path(__file__).resolve().parents[1]
COURSE = Path("/a course")

#: Values that a splitting reader would break.
AWKWARD = [
    "a b",
    "a=b",
    "a,b",
    " a  b ",
    "/a folder/with spaces",
    "k=v,w=x y",
    "--target=x",
    'say "hi"',
    "it's",
    "",
    "é=ü",
]
awkward = pytest.mark.parametrize("value", AWKWARD)


# -- commands that were given ------------------------------------------------------------------------------------------


@awkward
@pytest.mark.parametrize("name", ["--target", "--build-context", "--build-arg", "--set"])
def test_a_value_is_one_word_in_either_form(name, value):
    assert docker_words.values(["docker", f"{name}={value}", "."], name) == [value]
    assert docker_words.values(["docker", name, value, "."], name) == [value]


def test_options_are_told_apart_and_keep_their_order():
    words = ["build", "--build-context=libs=/a b", "--build-contexts=x", "--build-context", "more=/c,d", "."]
    assert docker_words.values(words, "--build-context") == ["libs=/a b", "more=/c,d"]
    assert docker_words.values(["--target"], "--target") == []


@awkward
def test_the_target_of_a_build_and_of_bake(value):
    assert docker_words.target(["build", f"--target={value}", "."]) == value
    assert docker_words.target(["build", "--target", value, "."]) == value
    assert docker_words.target(["bake", f"--set=web.target={value}", "web"]) == value
    assert docker_words.target(["bake", "--set", f"web.target={value}", "web"]) == value
    assert docker_words.target(["bake", f"--set=web.args.target={value}", "web"]) == ""


def test_the_last_target_counts():
    assert docker_words.target(["build", "--target=a", "--target", "b", "."]) == "b"


@pytest.mark.parametrize(
    ("words", "on"),
    [
        (["--no-cache"], True),
        (["--no-cache", "."], True),
        (["--no-cache=true"], True),
        (["--no-cache=1"], True),
        (["--no-cache=false"], False),
        (["--no-cache", "--no-cache=false"], False),
        (["--no-cache-filter=a"], False),
        (["--build-arg=X=--no-cache"], False),
    ],
)
def test_a_flag_takes_no_word_after_it(words, on):
    assert docker_words.switched_on(words, "--no-cache") is on


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ("id=a,src=/a folder/b", {"id": "a", "src": "/a folder/b"}),
        ("id=a,src=/x=y", {"id": "a", "src": "/x=y"}),
        ('id=a,"src=/one,two"', {"id": "a", "src": "/one,two"}),
        ('"src=/one,two",id=a', {"id": "a", "src": "/one,two"}),
        ("ID=a,env=B", {"id": "a", "env": "B"}),
    ],
)
def test_the_fields_of_a_secret(value, fields):
    for words in (["--secret", value], [f"--secret={value}"], [f"--set=web.secrets={value}"]):
        assert docker_words.secrets(words) == [fields]


# -- build arguments ---------------------------------------------------------------------------------------------------


@awkward
def test_a_build_argument_keeps_its_value(value):
    assert parsed_arguments((f"NAME={value}",)) == {"NAME": value}


def test_a_build_argument_without_a_value_is_the_environments(monkeypatch):
    monkeypatch.setenv("FROM_HERE", "a b,c=d")
    monkeypatch.delenv("NOT_HERE", raising=False)
    assert parsed_arguments(("FROM_HERE", "NOT_HERE", "EMPTY=")) == {"FROM_HERE": "a b,c=d", "EMPTY": ""}
    with pytest.raises(click.BadParameter, match="'=a b' isn't NAME=VALUE"):
        parsed_arguments(("=a b",))


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b", "a=b", "a,b", "my shop, v=2"])
def test_build_hands_every_option_on_whole(machines, tmp_path, name):  # noqa: F811
    folder = tmp_path / name
    folder.mkdir()
    (folder / name).write_text(BUILD.dockerfile)
    record = tmp_path / f"{name}.json"
    words = [
        "build",
        folder,
        "-f",
        name,
        "--target",
        name,
        "--build-arg",
        f"A={name}",
        "--service",
        name,
        "--output",
        record,
    ]
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert FakeMachine.calls == [(name, name, {"target": name, "args": {"A": name}, "service": name, "options": []})]
    assert Build.load(record) == BUILD
    for command in (["explain"], ["report", "--output", tmp_path / f"{name}.md"]):
        result = CliRunner().invoke(main, [str(word) for word in [*command, record, "--previous", record]])
        assert result.exit_code == 0, result.output
    assert (tmp_path / f"{name}.md").exists()


@awkward
def test_what_up_prints_for_a_shell_comes_back_whole(value):
    from layerlab.commands.machines import exports

    lines = exports({"VALUE": value, "GONE": ""})
    shell = subprocess.run(
        ["sh", "-c", f'{lines}\nprintf "%s|%s" "${{VALUE-}}" "${{GONE-unset}}"'],
        env={"GONE": "x"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shell.stdout == f"{value}|unset"


# -- make lab ----------------------------------------------------------------------------------------------------------


@awkward
def test_arguments_of_make_lab_stay_whole(value):
    given = ["--port", "8899", f"--ServerApp.root_dir={value}", "--IdentityProvider.token", value]
    command = jupyter.command(COURSE, given)
    assert command[-len(given) - 1 : -1] == given
    assert not [word for word in command if word == f"--ServerApp.root_dir={COURSE}"]


@pytest.mark.parametrize(
    "words", [["--ServerApp.root_dir", "/a b"], ["--notebook-dir", "/a b"], ["--notebook-dir=/a b"]]
)
def test_a_root_folder_of_the_persons_own_wins_in_either_form(words):
    assert f"--ServerApp.root_dir={COURSE}" not in jupyter.command(COURSE, words)


def test_make_hands_lab_args_to_the_shell_which_knows_quotes():
    line = next(
        line for line in (ROOT / "Makefile").read_text().splitlines() if "layerlab course start . -- $(" in line
    )
    words = line.strip().removeprefix("@").split(" ", 1)[1].replace("$(LAB_ARGS)", "--a='x y' \"--b=c,d e\"")
    shown = subprocess.run(
        ["sh", "-c", f'show() {{ for w; do printf "%s\\n" "$w"; done; }}; show {words}'],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert shown[-2:] == ["--a=x y", "--b=c,d e"]


# -- names made from the user's own names -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("before", "before"), ("My.Dockerfile", "my.dockerfile"), ("my app", "my-app"), ("a=b,c", "a-b-c"),
        (".hidden", "hidden"), ("-", "image"), ("prüfung", "pr-fung"), ("x" * 200, "x" * 128),
    ],
)  # fmt: skip
def test_a_tag_is_one_that_docker_takes(name, tag):
    assert Variant(name).tag == tag


@pytest.mark.parametrize(
    ("folder", "image"), [("my shop, v=2", "layerlab-my-shop--v-2"), ("café", "layerlab-caf"), ("日本", "layerlab-app")]
)
def test_an_image_name_is_one_that_docker_takes(tmp_path, monkeypatch, folder, image):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    (tmp_path / folder).mkdir()
    with App.from_path(tmp_path / folder) as app:
        assert app.image == image
