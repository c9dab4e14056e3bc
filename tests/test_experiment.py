"""compare: what's prepared before each build, with a machine and an app that only write down their calls."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest

from layerlab import App, Build, compare
from layerlab.errors import AppError
from layerlab.machine.machine_like import Preparation
from layerlab.record.states import RAN
from layerlab.record.step import Phase, Step

STEP = Step(1, 1, "stage-0", "RUN", "RUN true", RAN, 0.0, 1.5, 10, 20, "", "sha256:1", ())
BUILD = Build(
    app="shop", variant="", edit="", machine="fake", command=(), dockerfile="", started_at="", seconds=2.0,
    steps=(STEP, dataclasses.replace(STEP, line=2, size_bytes=None)),
    phases=(Phase("export", "exporting", 1.5, 0.4, 0),), context_bytes=7, image="shop", image_bytes=30, warnings=(),
    trace="", provenance={},
)  # fmt: skip


class FakeMachine:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.free = True

    @contextlib.contextmanager
    def alone(self):
        self.free = False
        yield
        self.free = True

    def reset(self) -> None:
        assert not self.free
        self.done.append("reset")

    def move_base(self) -> None:
        self.done.append("move")

    def restore_bases(self) -> None:
        assert not self.free
        self.done.append("restore")

    label = "fake"

    @property
    def preparations(self) -> dict[str, Preparation]:
        return {"cold": Preparation(self.reset), "base": Preparation(self.move_base, self.restore_bases)}

    def build(self, app, variant: str, view: str, say) -> Build:
        assert not self.free
        self.done.append(f"build {variant}")
        return dataclasses.replace(BUILD, variant=variant)


class NotingApp(App):
    """An app whose edits a machine writes down, among its builds."""

    machine: FakeMachine

    def edit(self, kind: str) -> str:
        self.machine.done.append(kind)
        return super().edit(kind)


@pytest.fixture
def app(machine, tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    project = tmp_path / "shop"
    project.mkdir()
    for name in ("slow", "good"):
        (project / f"{name}.Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    (project / "main.py").write_text("")
    manifest = "\n".join(f'[variants.{name}]\ndockerfile = "{name}.Dockerfile"' for name in ("slow", "good", "gone"))
    (project / "layerlab.toml").write_text(manifest)
    with NotingApp.from_path(project) as app:
        app.machine = machine
        yield app


@pytest.fixture
def machine():
    return FakeMachine()


def test_each_build_has_its_right_preparation(machine, app):
    compare(machine, app, ["slow"], ["code", "cold"], repeats=2)
    assert machine.done == ["reset", "build slow", "code", "build slow"] * 2
    assert machine.free


def test_an_edit_comes_on_top_of_a_build_of_the_same_variant(machine, app):
    compare(machine, app, ["slow", "good"], ["none", "code"], repeats=1)
    assert machine.done == [
        "build slow", "none", "build slow", "code", "build slow",
        "build good", "none", "build good", "code", "build good",
    ]  # fmt: skip


def test_a_base_that_moved_is_put_back_whatever_happens(machine, app):
    compare(machine, app, ["slow"], ["base"], repeats=1)
    assert machine.done == ["build slow", "move", "build slow", "restore"]
    machine.build = lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        compare(machine, app, ["slow"], ["base"], repeats=1)
    assert machine.done[-1] == "restore"


def test_one_row_a_build_and_step(machine, app):
    frame = compare(machine, app, ["slow", "good"], ["cold", "none"], repeats=3)
    assert len(frame) == 2 * 2 * 3 * 2
    assert frame.build.nunique() == 12
    assert set(frame.groupby(["variant", "edit"]).repeat.nunique()) == {3}
    row = frame.iloc[0]
    assert (row.wall_seconds, row.export_seconds, row.context_bytes, row.build_downloaded_bytes) == (2.0, 0.4, 7, 40)
    assert (row.line, row.state, row.seconds, row.size_bytes) == (1, RAN, 1.5, 10)


@pytest.mark.parametrize(
    ("variants", "edits", "repeats"),
    [
        (["missing"], ["cold"], 1), (["slow", "gone"], ["cold"], 1), (["slow"], ["magic"], 1), (["slow"], ["cold"], 0),
        (["slow"], ["cold", "weights"], 1), (["slow"], ["dependency"], 1), ([], ["cold"], 1), (["slow"], [], 1),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_before_anything_is_built(machine, app, variants, edits, repeats):
    with pytest.raises(AppError):
        compare(machine, app, variants, edits, repeats)
    assert machine.done == []


def test_a_builder_of_the_users_is_neither_emptied_nor_given_another_base(machine, app):
    class Theirs(FakeMachine):
        label, preparations = "builder ci (0123abcd)", {}

    theirs = Theirs()
    app.machine = theirs
    for edits in (["cold", "none"], ["base"]):
        with pytest.raises(AppError, match=rf"{edits[0]} can't be measured on builder ci"):
            compare(theirs, app, ["slow"], edits, repeats=1)
    assert theirs.done == []
    compare(theirs, app, ["slow"], ["code"], repeats=1)
    assert theirs.done == ["build slow", "code", "build slow"]


def test_the_sample_app_knows_its_own_variants(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path))
    with App("radiology_api") as app:
        assert [app.variant(name).dockerfile for name in app.variants] == [
            f"{name}.Dockerfile" for name in app.variants
        ]
