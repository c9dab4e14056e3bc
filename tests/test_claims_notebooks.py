"""The notebooks that try the claims: each claim has its trial, the saved run agrees with the file, and no trial is a formality.

A trial that can't fail proves nothing. So each hearing is held again, without any build, over evidence that could be anything:
every circumstance must come out true in one such world and false in another. And for the trials that once couldn't fail, worlds
are made in which the claim is false, or the command did nothing.
"""

from __future__ import annotations

import ast
import builtins
import functools
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from layerlab.course import claims
from layerlab.course.claims import CONDITION, FAILS, HOLDS, OUTDATED, UNTRIED, Claim
from layerlab.course.court import Court

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "notebooks/claims.toml"
DOCKET = claims.read(FILE)
NOTEBOOKS = sorted(set(DOCKET.notebooks.values()))
CLAIMS = {c.id: c for c in DOCKET.claims}
#: How many cells a notebook may have.
MOST_CELLS = 60

each = pytest.mark.parametrize("notebook", NOTEBOOKS)


@functools.cache
def code(notebook: str) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(ROOT / "notebooks" / notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def hears(cell: nbformat.NotebookNode) -> bool:
    return bool(re.search(r"\b(hear|leave)\(", cell.source))


def spoken_of(cell: nbformat.NotebookNode) -> set[str]:
    """Find the claims that a cell hears or leaves."""
    words = {node.value for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Constant)}
    return words & set(CLAIMS) if hears(cell) else set()


def tried_in(notebook: str) -> list[Claim]:
    return [c for c in CLAIMS.values() if DOCKET.notebooks[c.experiment] == notebook]


def printed(notebook: str) -> str:
    return "".join(o.get("text", "") for cell in code(notebook) for o in cell.outputs)


# -- the notebooks and the file ----------------------------------------------------------------------------------------


def test_each_notebook_of_trials_is_named():
    assert {f"notebooks/{name}" for name in NOTEBOOKS} == {
        str(p.relative_to(ROOT)) for p in ROOT.glob("notebooks/10*.ipynb")
    }


@each
def test_every_claim_has_its_cell_and_no_cell_another(notebook):
    heard_in_cells = [name for cell in code(notebook) for name in sorted(spoken_of(cell))]
    assert sorted(heard_in_cells) == sorted(c.id for c in tried_in(notebook))


@each
def test_verdicts_of_the_saved_run_are_the_files(notebook):
    told = dict(re.findall(r"^[✓±✗†·] ([\w-]+): (.+)$", printed(notebook), re.MULTILINE))
    assert told == {c.id: c.verdict + (f"; its number: {c.number}" if c.number else "") for c in tried_in(notebook)}


@each
def test_cells_with_verdicts_are_checked(notebook):
    """Each run compares their outputs, so a build that overturns a verdict is noticed."""
    for cell in code(notebook):
        if spoken_of(cell):
            assert "nbval-check-output" in cell.metadata.get("tags", []), cell.source


@each
def test_claims_left_are_those_that_cannot_be_tried(notebook):
    calls = [node for cell in code(notebook) for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    left = {a.value for call in calls if getattr(call.func, "attr", "") == "leave" for a in call.args}
    assert left == {c.id for c in tried_in(notebook) if c.verdict == UNTRIED}


@each
def test_every_experiment_shows_its_claims_before_and_its_verdicts_after(notebook):
    source = "\n".join(cell.source for cell in code(notebook))
    for experiment in {c.experiment for c in tried_in(notebook)}:
        assert -1 < source.find(f'charges("{experiment}")') < source.find(f'.table("{experiment}")')


@each
def test_it_is_short_enough_to_read(notebook):
    assert len(nbformat.read(ROOT / "notebooks" / notebook, as_version=4).cells) <= MOST_CELLS


# -- no trial is a formality -------------------------------------------------------------------------------------------


class Anything:
    """Evidence that could be anything: an answer to every question, the same one for the same question in the same world."""

    def __init__(self, world: int, path: str) -> None:
        self.__dict__.update(_world=world, _path=path)

    def _chance(self, question: str) -> float:
        return random.Random(f"{self._world} {self._path} {question}").random()

    def _next(self, question: str) -> Anything:
        return Anything(self._world, f"{self._path} {question}")

    def __getattr__(self, name: str) -> Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._next(f".{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Anything:
        return self._next(f"({[*map(repr, args)]}, {kwargs})")

    def __getitem__(self, key: Any) -> Anything:
        return self._next(f"[{key!r}]")

    def __iter__(self) -> Iterator[Anything]:
        return iter([self._next("its item")])

    def __contains__(self, what: Any) -> bool:
        return self._chance(f"contains {what!r}") < 0.5

    def __bool__(self) -> bool:
        return self._chance("?") < 0.5

    def __len__(self) -> int:
        return int(10 * self._chance("length"))

    def __index__(self) -> int:
        return int(1000 * self._chance("number"))

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return f"<{self._path}>"

    def _compared(self, sign: str, other: Any) -> bool:
        return self._chance(f"{sign} {other!r}") < 0.5

    def __eq__(self, other: object) -> bool:
        return self._compared("==", other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return self._compared("<", other)

    def __gt__(self, other: Any) -> bool:
        return self._compared(">", other)

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def _sum(self, other: Any) -> Anything:
        return self._next(f"with {other!r}")

    __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = __truediv__ = __and__ = __rand__ = __or__ = _sum


class World(dict[str, Any]):
    """The names of a notebook: those that are given, and for any other name evidence that could be anything."""

    def __init__(self, number: int, **known: Any) -> None:
        super().__init__(known)
        self.number = number

    def __missing__(self, name: str) -> Anything:
        if hasattr(builtins, name):
            raise KeyError(name)
        return Anything(self.number, name)


def is_plain(statement: ast.stmt) -> bool:
    """Whether a statement only imports a module, defines a function, or gives a name to a literal."""
    if isinstance(statement, ast.FunctionDef | ast.Import):
        return True
    if not isinstance(statement, ast.Assign) or not all(isinstance(target, ast.Name) for target in statement.targets):
        return False
    try:
        return ast.literal_eval(statement.value) is not None
    except ValueError:
        return False


@functools.cache
def hearings(notebook: str) -> list[Any]:
    """Compile what a notebook's hearings need: its functions and literals, and then each cell that hears claims."""
    plain = [s for cell in code(notebook) if not hears(cell) for s in ast.parse(cell.source).body if is_plain(s)]
    parts = [ast.Module(plain, []), *(ast.parse(cell.source) for cell in code(notebook) if hears(cell))]
    return [compile(part, notebook, "exec") for part in parts]


def hold(parts: list[Any], world: World, hear: Any) -> None:
    """Hold hearings in a world. In some worlds a judge finds nothing to look at; then it hears nothing."""
    court = SimpleNamespace(hear=hear, leave=lambda *names: None)
    world |= {"hear": hear, "court": court, "trial": court}
    for part in parts:
        try:
            exec(part, world)
        except IndexError:
            continue


def outcomes(parts: list[Any]) -> dict[tuple[str, str], set[bool]]:
    """Hold hearings in a hundred worlds. Return by claim and circumstance whether it came true, didn't, or did both."""
    seen: dict[tuple[str, str], set[bool]] = defaultdict(set)

    def hear(name: str, *builds: Any, number: dict[str, bool] | None = None, **circumstances: Any) -> None:
        for what, came in {**circumstances, **{f"number: {n}": came for n, came in (number or {}).items()}}.items():
            seen[name, what].add(bool(came))

    for number in range(100):
        hold(parts, World(number), hear)
    return seen


@each
def test_every_circumstance_could_have_come_out_otherwise(notebook):
    seen = outcomes(hearings(notebook))
    assert {name for name, _ in seen} == {c.id for c in tried_in(notebook) if c.verdict != UNTRIED}
    assert {what: came for what, came in seen.items() if came != {True, False}} == {}


def test_a_formality_is_noticed():
    judge = """
hear("one", always=1 - 2 / 10 >= 0.8, never=cached(build, "pip") and 1 - 2 / 10 >= 0.9, truly=cached(build, "pip"))
hear("two", number=dict(always=True), truly="pip" in printed(build))
"""
    seen = outcomes([compile(judge, "judge", "exec")])
    assert {what for what, came in seen.items() if came != {True, False}} == {
        ("one", "always"), ("one", "never"), ("two", "number: always")
    }  # fmt: skip


def verdict_in(world: dict[str, Any], name: str) -> str:
    """Hold the hearing of one claim by the notebook's own judge, in a world where these names are known."""
    notebook = DOCKET.notebooks[CLAIMS[name].experiment]
    court = Court.open(FILE)

    def hear(heard: str, *builds: Any, **circumstances: Any) -> None:
        if heard == name:
            court.hear(heard, **circumstances)

    hold(hearings(notebook), World(1, **world), hear)
    return court.hearings[name].verdict


MOUNTS = {"pip", "locked", "shared"}


@pytest.mark.parametrize(
    ("name", "world", "verdict"),
    [
        ("diet-prune-days", {"with_the_size": MOUNTS, "by_age": MOUNTS}, FAILS),  # prune did nothing
        ("diet-prune-days", {"with_the_size": {"pip"}, "by_age": {"pip"}}, HOLDS),
        ("diet-prune-days", {"with_the_size": set(), "by_age": set()}, FAILS),  # prune deleted everything
        ("diet-prune-id", {"gone": "a", "before_id": {"a", "b"}, "after_id": {"a", "b"}}, FAILS),
        ("diet-prune-id", {"gone": "a", "before_id": {"a", "b"}, "after_id": {"b"}}, HOLDS),
        ("dev-volume", {"reloads": False, "plain": False, "numpy": "ModuleNotFoundError"}, FAILS),
        ("dev-volume", {"reloads": True, "plain": True, "numpy": ""}, HOLDS),
        ("buildkit-enable", {"unset": "failed: requires BuildKit"}, HOLDS),
        ("buildkit-enable", {"unset": "sha256:1"}, OUTDATED),
        ("diet-daemon-json", {"with_file": "failed: requires BuildKit"}, HOLDS),
        ("amas-cli-build", {"compose_unset": False, "compose_0": False}, HOLDS),
        ("amas-cli-build", {"compose_unset": True, "compose_0": True}, OUTDATED),
        ("venv-experimental", {"off_here": True, "unset": "failed: experimental"}, HOLDS),
        ("amas-logs", {"logs": ""}, FAILS),
        ("amas-logs", {"logs": "dd: No space left on device"}, HOLDS),
        ("prune-all", {"all_gone": False, "left": {"a"}}, FAILS),  # prune did nothing
        ("amas-clean-cache", {"no_mounts": False, "left": {"a"}}, FAILS),
        ("fast-corrupted", {"broken": SimpleNamespace(error=""), "still_broken": SimpleNamespace(error=""),
                            "repaired": SimpleNamespace(error="")}, CONDITION),  # nothing was damaged
        ("diet-lock", {"locked": "idna==3.10\n", "ranges": "idna==3.10\n", "once": "a", "twice": "a b"}, FAILS),
        ("venv-size", {"answers": [True, False]}, HOLDS),  # the smaller image doesn't answer
    ],
)  # fmt: skip
def test_a_judge_says_so_where_the_claim_is_false_or_nothing_happened(name, world, verdict, capsys):
    assert verdict_in(world, name) == verdict
