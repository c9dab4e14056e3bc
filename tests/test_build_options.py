"""The options of `docker buildx build`, said to bake: bake itself is asked what it made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab import App
from layerlab.machine.building import command_for
from layerlab.machine.plans import changed
from layerlab.machine.resolving import resolve
from layerlab.project.plan import Plan
from layerlab.system import docker_words
from layerlab.system.build_options import NOT_SET, OPTIONS, for_bake


@pytest.fixture
def app(tmp_path, lab_home, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(lab_home))  # where the docker command is
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")  # no engine is asked
    (tmp_path / "token").write_text("x")
    (tmp_path / "Dockerfile").write_text("FROM scratch AS a\nFROM scratch AS b\n")
    (tmp_path / "docker-bake.hcl").write_text('target "web" {\n  no-cache-filter = ["a"]\n}\n')
    with App.at(tmp_path) as app:
        yield app


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--secret=id=a,src=token", "--secret", "id=HOME"], "secret", [{"id": "a", "src": "token"}, {"id": "HOME"}]),
        (["--build-context", "b=docker-image://a/b:1"], "contexts", {"b": "docker-image://a/b:1"}),
        (["--no-cache"], "no-cache", True),
        (["--no-cache-filter=b", "--no-cache-filter=c"], "no-cache-filter", ["b", "c"]),
        ([], "no-cache-filter", ["a"]),
        (["--pull"], "pull", True),
        (["--cache-from=a/b", "--cache-from=type=local,src=x"], "cache-from",
         [{"type": "registry", "ref": "a/b"}, {"type": "local", "src": "x"}]),
        (["--cache-to=type=inline"], "cache-to", [{"type": "inline"}]),
        (["--platform=linux/amd64", "--platform=linux/arm64"], "platforms", ["linux/amd64", "linux/arm64"]),
        (["--add-host=a:1.2.3.4", "--add-host", "b=::1"], "extra-hosts", {"a": "1.2.3.4", "b": "::1"}),
        (["--network=none", "--network", "host"], "network", "host"),
        (["--label=a.b=c=d"], "labels", {"a.b": "c=d"}),
        (["--tag=a/b:1", "--tag", "c"], "tags", ["a/b:1", "c"]),
        (["--load"], "output", [{"type": "docker"}]),
        (["--output=type=cacheonly"], "output", [{"type": "cacheonly"}]),
        (["--target=a"], "target", "a"),
    ],
)  # fmt: skip
def test_bake_is_told_what_a_build_is_told(app, words, field, value):
    found = resolve(app, "docker-bake.hcl", service="web", options=words)
    command = command_for(found, {})
    assert command[-1] == "web"
    told = changed(app, Plan.read(found.plan), "web", command[command.index("--file=-") + 1 : -1])
    assert told.targets["web"][field] == value


@pytest.mark.parametrize("field", NOT_SET)
def test_bake_loses_what_it_cannot_set(app, field):
    """Once this fails, bake can, and build_options.NOT_SET isn't needed any more."""
    plan = Plan({"web": {"no-cache-filter": ["a"], "network": "none"}})
    assert not changed(app, plan, "web", [f"--set=web.{field}=b"]).targets["web"].get(field)


def test_a_failed_build_s_record_tells_that_nothing_came_from_the_cache(app):
    (app.path / "docker-bake.hcl").write_text('target "web" {\n  no-cache = true\n}\n')
    command = command_for(resolve(app, "docker-bake.hcl", service="web"), {})
    assert docker_words.set_by_bake(command, "no-cache") == ["true"]


@given(st.lists(st.tuples(st.sampled_from(OPTIONS), st.text("ab=:,/", min_size=1, max_size=6), st.booleans())))
def test_no_word_is_lost(given_options):
    words = []
    for option, value, apart in given_options:
        words += [option.name] if option.flag else [option.name, value] if apart else [f"{option.name}={value}"]
    left, fields = for_bake("web", words)
    kept = [option for option, _, _ in given_options if not option.field]
    assert len([word for word in left if word.startswith("--set=web.")]) + sum(map(len, fields.values())) == len(
        given_options
    ) - len(kept)
