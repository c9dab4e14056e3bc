"""The suite is divided as tests/tiers.py says: into tiers, between processes, between computers."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import tiers

HERE = Path(__file__).parent
MODULES = ("test_docker_words.py", "test_home.py", "test_own_workflow.py")


def test_a_module_stays_in_one_process():
    """Otherwise every fixture of a module is made twice, and tests that share a page don't find it."""
    command = ["-m", "pytest", "--verbose", "--numprocesses=2", "--no-loadscope-reorder"]
    done = subprocess.run(
        [sys.executable, *command, *(HERE / name for name in MODULES)], capture_output=True, text=True, cwd=HERE.parent
    )
    assert done.returncode == 0, done.stdout
    ran = defaultdict(set)
    for process, module in re.findall(r"^\[(gw\d)\].* tests/(\w+\.py)::", done.stdout, re.MULTILINE):
        ran[module].add(process)
    assert set(ran) == set(MODULES)
    assert {len(processes) for processes in ran.values()} == {1}, ran
    assert len(set.union(*ran.values())) == 2


# -- the tiers ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fast() -> set[str]:
    """Collect the fast tests that need an engine or a browser, named from `tests/` on."""
    command = [
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-m",
        "fast",
        "-p",
        "no:cacheprovider",
        "tests/engine",
        "tests/browser",
    ]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=HERE.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return set(re.findall(r"^tests/(\S+::.*)$", done.stdout, re.MULTILINE))


def test_every_fast_test_exists(fast):
    listed = [name for names in tiers.FAST.values() for name in names]
    assert [name for name in listed if not any(f"{test}[".startswith((f"{name}[", f"{name}::")) for test in fast)] == []


def test_the_fast_tier_has_a_case_of_each_theme_of_the_explainer(fast):
    themes = {path.stem for path in (HERE / "engine" / "cases").glob("*.py")} - {
        "__init__",
        "scene",
        "checking",
        "recording",
    }
    assert set(re.findall(r"test_cases\.py::test_case\[(\w+):", "\n".join(fast))) == themes


@pytest.mark.parametrize(
    "part",
    [
        "test_machine.py", "test_build.py", "test_compare", "_fails_in_the_middle", "killed_or_interrupted", "_client_is_killed",
        "starting_point_fails", "lab_07.py::test_the_solution_passes", "gets_the_hint", "as_it_was[00]", "as_it_was[01]",
        "nbval_can_fail",
        "browser/",
    ],
)  # fmt: skip
def test_the_fast_tier_proves_the_product(fast, part):
    """The tests that a stranger, a contributor and a reviewer run must not lose any of these by accident."""
    assert [name for name in fast if part in name]


def test_tests_without_an_engine_are_all_fast_and_nearly_all_others_are_not(fast):
    assert tiers.is_fast("test_trace.py::TestReading::test_a_step[1]")
    assert not tiers.is_fast("engine/test_fuzz.py::test_every_step_is_explained_as_the_engine_decided")
    assert 20 < len(fast) < 60, "it must stay a matter of minutes"


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_computers_that_share_the_suite_leave_out_and_repeat_nothing(parts):
    scopes = {*tiers.SECONDS, *(f"test_{number}.py" for number in range(40))}
    shares = [tiers.shard(scopes, part, parts) for part in range(1, parts + 1)]
    assert set.union(*shares) == scopes and sum(map(len, shares)) == len(scopes)
    loads = [sum(map(tiers.seconds, share)) for share in shares]
    assert max(loads) - min(loads) <= max(map(tiers.seconds, scopes))


def test_a_share_is_written_as_in_the_makefile():
    assert tiers.shard_of("2/3") == (2, 3)
    for wrong in ("0/3", "4/3", "3"):
        with pytest.raises(ValueError):
            tiers.shard_of(wrong)


def test_ctrl_c_reaches_tests_that_run_in_the_background():
    """A shell's background job ignores it, as does all that it starts: tests that interrupt a build would wait in vain."""
    code = "import signal, subprocess, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.exit(subprocess.call(sys.argv[1:]))"
    probe = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"{Path(__file__)}::test_a_child_can_be_interrupted",
    ]
    done = subprocess.run([sys.executable, "-c", code, *probe], capture_output=True, text=True, cwd=HERE.parent)
    assert done.returncode == 0, done.stdout


def test_a_child_can_be_interrupted():
    child = subprocess.Popen([sys.executable, "-c", "print('up', flush=True)\nimport time\ntime.sleep(60)"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert child.stdout.readline() == "up\n"
    child.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in child.communicate(timeout=60)[1]
