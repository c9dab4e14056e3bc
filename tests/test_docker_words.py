"""The options of a docker command: values with spaces, equals signs and commas, in both spellings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.system import docker_words

NAMES = ("--build-context", "--build-arg", "--target", "--set", "--metadata-file", "--output")
#: Anything that a user can type, except what docker itself would take for an option.
VALUES = st.text(st.characters(exclude_categories=("Cs",)), max_size=30).filter(lambda v: not v.startswith("-"))
KEYS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="="), min_size=1, max_size=20).filter(
    lambda k: not k.startswith("-")
)


@st.composite
def commands(draw) -> tuple[list[tuple[str, str]], list[str]]:
    """Draw options with their values, and the words that give them, among other words."""
    given = draw(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8))
    words: list[str] = ["docker", "buildx", "build"]
    for name, value in given:
        words += draw(st.sampled_from(([], ["--no-cache"], ["--tag", "shop:1"], ["--pull=true"])))
        words += draw(st.sampled_from(([f"{name}={value}"], [name, value])))
    return given, [*words, "."]


@given(commands())
def test_each_value_is_read_back_whole_and_in_order(command):
    said, words = command
    for name in NAMES:
        assert docker_words.values(words, name) == [value for other, value in said if other == name]


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.booleans())
def test_pairs_are_split_at_the_first_equals_sign_alone(told, apart):
    words: list[str] = []
    for key, value in told.items():
        words += ["--build-arg", f"{key}={value}"] if apart else [f"--build-arg={key}={value}"]
    assert docker_words.pairs(words, "--build-arg") == told


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_what_is_set_for_bake_is_read_back(told):
    words = docker_words.settings("api", {f"args.{key}": value for key, value in told.items()})
    found = docker_words.pairs(words, "--set")
    assert found == {f"api.args.{key}": value for key, value in told.items()}
    assert docker_words.target(words) == ""


@pytest.mark.parametrize(
    ("words", "target"),
    [
        ([], ""),
        (["--target=tests"], "tests"),
        (["--target", "tests", "."], "tests"),
        (["--target=a", "--target", "b"], "b"),
        (["--target"], ""),
        (["--set=api.target=tests"], "tests"),
        (["--set", "api.target=tests"], "tests"),
        (["--set=*.target=tests"], "tests"),
        (["--set=api.args.NOTE=see x.target=y, z"], ""),
        (["--set=api.args.target=y"], ""),
        (["--build-arg=NOTE=--target=x"], ""),
        (["--build-arg", "NOTE=--target=x"], ""),
    ],
)
def test_the_target_that_a_command_names(words, target):
    assert docker_words.target(words) == target


def test_an_argument_without_a_value_is_none():
    assert docker_words.pairs(["--build-arg", "TOKEN", "--build-arg=EMPTY="], "--build-arg") == {
        "TOKEN": None, "EMPTY": "",
    }  # fmt: skip
