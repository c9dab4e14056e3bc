"""The examples in the docs work. Python runs or, if it needs an engine, names what exists; commands and their options exist."""

from __future__ import annotations

import ast
import builtins
import inspect
import itertools
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from test_docs import MARKDOWN, ROOT, VARIABLES, found
from test_report import recorded

import layerlab
from layerlab.commands.main import main

#: The line before an example that can't run without a Docker engine.
NEEDS_AN_ENGINE = "<!-- needs an engine -->"
FENCE = re.compile(r"(?P<before>^[^\n]*\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(*languages: str) -> list[tuple[Path, str, bool]]:
    """Return every example in these languages: its page, its text, and whether it needs an engine."""
    fences = [(page, fence) for page in MARKDOWN for fence in FENCE.finditer(page.read_text(encoding="utf-8"))]
    return [
        (page, fence["text"], (fence["before"] or "").strip() == NEEDS_AN_ENGINE)
        for page, fence in fences
        if fence["language"] in languages
    ]


def pages(needs_an_engine: bool) -> dict[str, str]:
    """Return the Python examples of each page, one after the other."""
    texts: dict[str, str] = {}
    for page, text, needs_one in examples("python"):
        if needs_one == needs_an_engine:
            name = page.relative_to(ROOT).as_posix()
            texts[name] = texts.get(name, "") + text
    return texts


@pytest.mark.parametrize("page", pages(needs_an_engine=False))
def test_python_runs(page, tmp_path, monkeypatch):
    """The records that examples load are there, as `layerlab build --output` saves them."""
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    recorded("first_build").save("before.json")
    recorded("code_edit").save("after.json")
    exec(compile(pages(needs_an_engine=False)[page], page, "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", pages(needs_an_engine=True))
def test_python_that_needs_an_engine_names_what_exists(page):
    assert mistakes(pages(needs_an_engine=True)[page]) == []


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("machine.bild(app, 'before')", "machine.bild"),
        ("machine.build(app)", "machine.build: missing a required argument: 'variant'"),
        ("machine.build(app, 'before', stage='x')", "machine.build: got an unexpected keyword argument 'stage'"),
        ("timelines(build)", "timelines"),
        ("machine.build(app, 'before').stepz", "machine.build(app, 'before').stepz"),
        ("from layerlab import Engine", "layerlab.Engine"),
    ],
)
def test_a_wrong_example_is_found(line, mistake):
    good = (
        "from layerlab import App, Machine\nmachine, app = Machine.start(), App('x')\nbuild = machine.build(app, 'x')\n"
    )
    assert mistakes(good) == []
    assert mistakes(good + line) == [mistake]


class Names(ast.NodeVisitor):
    """What an example's names mean, as far as imports and annotations tell, and what's wrong with their use."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.wrong: list[str] = []

    def meaning(self, node: ast.expr) -> Any:
        """Return the class of a value, or the function itself; None if that's unknown."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Attribute) and (owner := self.meaning(node.value)) is not None:
            return getattr(owner, node.attr, None)
        if isinstance(node, ast.Call) and (called := self.meaning(node.func)) is not None:
            return (
                called if inspect.isclass(called) else VARIABLES.get(str(inspect.signature(called).return_annotation))
            )
        return None

    def bind(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Tuple):
            values = value.elts if isinstance(value, ast.Tuple) else [None] * len(target.elts)
            for one, its in zip(target.elts, values, strict=True):
                self.bind(one, its)
        elif isinstance(target, ast.Name):
            self.known[target.id] = self.meaning(value) if value else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for name in node.names:
            try:
                self.known[name.name] = found(f"{node.module}.{name.name}")
            except (ImportError, AttributeError):
                self.wrong.append(f"{node.module}.{name.name}")

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.bind(target, node.value)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars:
                self.bind(item.optional_vars, item.context_expr)
        for statement in node.body:
            self.visit(statement)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id not in self.known and not hasattr(builtins, node.id):
            self.wrong.append(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        owner = self.meaning(node.value)
        if (
            owner is not None
            and not hasattr(owner, node.attr)
            and node.attr not in getattr(owner, "__annotations__", {})
        ):
            self.wrong.append(ast.unparse(node))

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = self.meaning(node.func)
        if called is None or any(isinstance(argument, ast.Starred) for argument in node.args):
            return
        itself = [None] if is_method(called, node.func) else []
        try:
            inspect.signature(called).bind(*itself, *node.args, **{word.arg: word.value for word in node.keywords})
        except TypeError as error:
            self.wrong.append(f"{ast.unparse(node.func)}: {error}")


def is_method(called: Callable[..., Any], written: ast.expr) -> bool:
    """Tell whether a function was taken from a class, for a value of it: `self` is missing from the arguments."""
    return (
        isinstance(written, ast.Attribute)
        and inspect.isfunction(called)
        and "self" in inspect.signature(called).parameters
    )


def mistakes(code: str) -> list[str]:
    """Return what's wrong with an example, without running it. Raises SyntaxError."""
    names = Names()
    names.visit(ast.parse(code))
    return names.wrong


def commands() -> list[tuple[str, str]]:
    """Return every `layerlab` and `make` command in an example, with its page."""
    told = re.compile(r"(?<![\w./'-])(?:layerlab|make) [a-z][^\n|&>;#`)]*")
    shells = [(page, text) for page, text, _ in examples("bash", "console", "sh", "yaml")]
    return sorted({(str(page.relative_to(ROOT)), line.strip()) for page, text in shells for line in told.findall(text)})


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_and_their_options_exist(page, line):
    program, *words = shlex.split(line)
    words = list(itertools.takewhile("--".__ne__, words))  # what follows is another program's
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert [word for word in words if "=" not in word and not re.search(rf"^{word}:", makefile, re.MULTILINE)] == []
        return
    command: click.Command = main
    while words and isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    assert {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)} <= options


def test_there_are_examples():
    assert len(pages(needs_an_engine=False)) >= 1 and len(pages(needs_an_engine=True)) >= 4 and len(commands()) > 15


def test_the_pages_of_the_api_show_every_public_name():
    for page, module in (("api.md", layerlab), ("api-course.md", layerlab.course)):
        shown = re.findall(
            rf"^::: {re.escape(module.__name__)}\.(\w+)$", (ROOT / "docs" / page).read_text(), re.MULTILINE
        )
        assert sorted(shown) == sorted(module.__all__)
