"""`layerlab.toml`: what may be in it, and errors that name line and key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab import App
from layerlab.errors import AppError
from layerlab.project.course_files import sample_apps
from layerlab.project.manifest import faults, line_of, read_manifest, schema

DOCS = Path(__file__).parents[1] / "docs" / "layerlab-toml.md"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "name = 3\n",
            "line 1: name isn't a key that LayerLab knows; there are: app, variants, edits, measure, contract, prepare, ",
        ),
        ("\n[app]\nimage = 'a'\nname = 3\n", "line 4: app.name must be a string"),
        ("app = 3\n", "line 1: app must be a table"),
        ("[app]\nname = ''\n", "line 2: app.name is empty"),
        (
            "[variants.fast]\ndockerfle = 'a'\n",
            "line 2: variants.fast.dockerfle isn't a key that LayerLab knows; there are: doc",
        ),
        ("[variants.'a b']\ntarget = 'a'\n", "line 1: variants.a b needs one of: dockerfile, compose, service"),
        ("[variants]\nfast = {dockerfile = 'a', args = {A = 1}}\n", "line 2: variants.fast.args.A must be a string"),
        ("[variants.fast]\ndockerfile = 'a'\nargs.A = true\n", "line 3: variants.fast.args.A must be a string"),
        (
            "[variants.fast]\ndockerfile = '../a'\n",
            "line 2: variants.fast.dockerfile must be a path inside the project",
        ),
        (
            "[variants.fast]\ndockerfile = '/etc/a'\n",
            "line 2: variants.fast.dockerfile must be a path inside the project",
        ),
        ("[prepare]\ncommand = ['a']\n", "line 1: prepare has no outputs"),
        ("[prepare]\ncommand = 'a'\noutputs = ['b']\n", "line 2: prepare.command must be an array"),
        ("[prepare]\ncommand = []\noutputs = ['b']\n", "line 2: prepare.command is empty"),
        ("[prepare]\ncommand = [\n 'a',\n]\noutputs = ['b', 3]\n", "line 5: prepare.outputs must be a string"),
        (
            "[run]\nport = 70000\nhealth = '/'\n[run.request]\nmethod='GET'\npath='/'\n",
            "line 2: run.port must be from 1 to 65535",
        ),
        (
            "[run]\nport = true\nhealth = '/'\n[run.request]\nmethod='GET'\npath='/'\n",
            "line 2: run.port must be a whole number",
        ),
        ("[edits]\ndependencies = 'a'\n", "line 2: edits.dependencies must be an array"),
        ("[[variants]]\ndockerfile = 'a'\n", "line 1: variants must be a table"),
        (
            "[contract.codes]\n",
            "line 1: contract.codes isn't a key that LayerLab knows; there are: cold, unchanged, code,",
        ),
        ("[contract.any]\nmax_image_mb = -0.5\n", "line 2: contract.any.max_image_mb must be 0 or more"),
        ("[contract.any]\nmax_image_mb = '5'\n", "line 2: contract.any.max_image_mb must be a number"),
        ("[contract.any]\nmax_image_mb = true\n", "line 2: contract.any.max_image_mb must be a number"),
        ("[contract.code.max_seconds]\nrepeats = 3\n", "line 1: contract.code.max_seconds needs one of: warn, fail"),
    ],
)
def test_an_error_names_the_line_and_the_key(tmp_path, text, says):
    file = tmp_path / "layerlab.toml"
    file.write_text(text)
    with pytest.raises(AppError) as error:
        read_manifest(file)
    assert error.value.message.startswith(f"{file}, {says}")
    for make in (App.at, App.from_path):
        with pytest.raises(AppError, match=re.escape(says[:30])):
            make(tmp_path)


def test_a_project_without_one_says_nothing(tmp_path):
    assert read_manifest(tmp_path / "layerlab.toml") == {}


def test_the_apps_manifests_are_right():
    found = [read_manifest(file) for file in sample_apps().glob("*/layerlab.toml")]
    assert len(found) == 7 and all(found)
    for said in found:
        jsonschema.validate(said, schema())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(schema())


def keys_of(rules, prefix=()):
    for key, of in rules.get("properties", {}).items():
        yield (*prefix, key)
        yield from keys_of(of, (*prefix, key))
    if isinstance(rules.get("additionalProperties"), dict):
        yield from keys_of(rules["additionalProperties"], prefix)


def test_the_page_in_the_docs_has_every_key():
    page = DOCS.read_text()
    assert [
        key for *_, key in keys_of(schema()) if f"`{key}`" not in page and not re.search(rf"\[[\w.]*{key}", page)
    ] == []


VALUES = st.recursive(
    st.sampled_from(["", "a", "../a", "/a", "a/../b", 0, 1, 70000, True, 1.5]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*{key[-1] for key in keys_of(schema())}, "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*schema()["properties"], "x"]), VALUES, max_size=3))
def test_what_we_refuse_is_what_json_schema_refuses(said):
    assert bool([*faults(said, schema())]) != jsonschema.Draft202012Validator(schema()).is_valid(said)


WORDS = st.sampled_from(["a", "b", "a-b", "a b", "c.d"])


@given(st.dictionaries(WORDS, st.dictionaries(WORDS, st.integers(0, 9), min_size=1), min_size=1), st.booleans())
def test_the_line_of_a_key_is_where_it_is_set(tables, dotted):
    lines, places = ["# a = 1"], {}
    for table, settings in tables.items():
        if not dotted:
            lines.append(f"  [{json.dumps(table)}]  # a table")
        for key, value in settings.items():
            lines.append(
                f"{json.dumps(table)} . {json.dumps(key)}={value}" if dotted else f"{json.dumps(key)} = {value}"
            )
            places[table, key] = len(lines)
    for keys, line in places.items():
        assert line_of("\n".join(lines), keys) == line
        assert line_of("\n".join(lines), (*keys, "inside")) == line
