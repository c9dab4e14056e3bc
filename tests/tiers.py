"""Which tests run when: the fast tier that `make test` runs, and how the rest is shared between processes and computers.

Tests without an engine or a browser are all fast. Of the others, FAST lists a few that together prove the product on a real
engine: it's what a stranger, a contributor and a reviewer run. `make test-all` runs the fast tier first and then the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Folders whose tests need a real engine or a real browser.
REAL = {"engine", "browser"}

#: What the fast tier proves on a real engine: the promise, then its tests, named from `tests/` on. A name without
#: brackets stands for all of a test's parameters.
FAST: dict[str, tuple[str, ...]] = {
    "one case of each theme of the explainer": (
        "engine/test_cases.py::test_case[files: a file of both COPYs]",
        "engine/test_cases.py::test_case[instructions: COPY --chmod]",
        "engine/test_cases.py::test_case[environment: ARG default]",
        "engine/test_cases.py::test_case[mounts: a bind mount from a stage, the same bytes]",
        "engine/test_cases.py::test_case[stages: a file of one of two stages]",
        "engine/test_cases.py::test_case[machines: a failing step below an edit]",
        "engine/test_cases.py::test_case[reports: 83 two stages, one with other bytes]",
        "engine/test_cases.py::test_case[projects: one ARG of several names]",
        "engine/test_cases.py::test_case[failures: a step that failed, and its text]",
        "engine/test_cases.py::test_names_are_unique",
    ),
    "a machine is found again, reset, reclaimed, removed": (
        "engine/test_machine.py::test_another_process_finds_the_machine_by_name",
        "engine/test_machine.py::test_a_killed_engine_is_reclaimed_with_its_cache[dockerd]",
        "engine/test_machine.py::test_reset_makes_it_cold_and_keeps_the_base_images",
        "engine/test_machine.py::test_stop_leaves_nothing",
    ),
    "an app is edited and built, and the record is right": (
        "engine/test_build.py::test_steps_come_in_file_order_with_their_lines",
        "engine/test_build.py::test_bytes_and_seconds_are_measured",
        "engine/test_build.py::test_a_record_is_saved_and_loaded_back_equal",
        "engine/test_build.py::test_the_image_is_what_the_record_says",
        "engine/test_build.py::test_an_edit_runs_what_it_must",
        "engine/test_build.py::test_the_original_is_never_written_to",
    ),
    "a Compose file that reaches out is refused, and built once it's allowed": (
        "engine/test_reaching_out.py::test_what_lies_outside_is_refused_until_it_is_allowed[its context]",
        "engine/test_reaching_out.py::test_the_systems_own_files_are_refused",
        "engine/test_reaching_out.py::test_a_project_that_stays_at_home_is_never_asked",
    ),
    "compare measures": ("engine/test_move_base.py::test_compare_measures_it_and_puts_it_back",),
    "a record travels to another computer, and an export of the engine's is read": (
        "engine/test_travelling.py::test_a_job_keeps_its_record_and_the_next_one_is_compared_with_it",
        "engine/test_travelling.py::test_what_the_engine_exports_of_a_build_is_read_as_it_was_recorded",
    ),
    "a failing build": ("engine/test_build.py::test_a_build_that_fails_in_the_middle_stage_says_all",),
    "a killed build": (
        "engine/test_faults.py::test_the_client_is_killed_during_a_build",
        "engine/test_faults.py::test_the_kernel_is_killed_or_interrupted_during_a_build[4-2]",
    ),
    "one lab: the start fails, the solution passes, a wrong answer gets its hint": (
        "engine/test_lab_from_start.py",
        "engine/test_lab_07.py::test_the_solution_passes",
        "engine/test_lab_07.py::test_a_wrong_answer_gets_the_hint_that_fits[bytecode at the root only]",
    ),
    "notebooks 00 and 01 under nbval, and a Docker of somebody else stays as it was": (
        "engine/test_safety.py::test_notebooks_hold_and_leave_everything_of_the_persons_as_it_was[00]",
        "engine/test_safety.py::test_notebooks_hold_and_leave_everything_of_the_persons_as_it_was[01]",
        "engine/test_safety.py::test_nbval_can_fail",
        "engine/test_safety.py::test_every_notebook_is_in_one_part",
    ),
    "a build on somebody's own Docker leaves what their own command leaves": (
        "engine/test_safety.py::test_a_build_on_the_persons_builder_leaves_what_the_bare_command_leaves",
    ),
    "your own docker command, wrapped: what ran, and why": (
        "engine/test_run_commands.py::test_it_says_what_ran_and_why_by_target[build]",
    ),
    "one page in a real browser": (
        "browser/test_report_page.py::test_it_fits_the_screen[shop-360-light]",
        "browser/test_report_page.py::test_by_keyboard",
    ),
}
#: Modules that only `make nightly` runs, and the variable that has them run: how long each takes.
NIGHTLY = {"engine/test_soak.py": "LAYERLAB_SOAK"}
_FAST = frozenset(name for names in FAST.values() for name in names)

#: The notebooks are one test module and half of the time, so its tests may run side by side.
DIVIDED = "engine/test_safety.py"
#: Modules that build the same things and stay together: one finds in their machine's cache what the other has built.
TOGETHER = {"engine/test_lab_from_start.py": "engine/test_lab_07.py"}
#: Seconds that a module's tests take on 2 cores, if that's long. Processes start with the longest, and computers that share
#: the suite (`make test-all SHARD=1/3`) share these evenly. The notebooks' seconds are from their own last lines.
PART = "engine/test_safety.py::test_notebooks_hold_and_leave_everything_of_the_persons_as_it_was"
SECONDS: dict[str, float] = {
    f"{PART}[0]": 330, f"{PART}[1]": 330, f"{PART}[2]": 330, f"{PART}[3]": 330, f"{PART}[00]": 90, f"{PART}[01]": 390,
    "engine/test_app_semantic_search.py": 150, "engine/test_build.py": 140, "engine/test_projects.py": 140,
    "engine/test_unprivileged.py": 80, "engine/test_likeness.py": 110, "engine/test_action_engine.py": 120,
    "engine/test_cases.py": 300, "engine/test_lab_08.py": 90, "engine/test_lab_04.py": 150, "engine/test_machine.py": 90,
    "engine/test_holds.py": 90, "engine/test_two_runners.py": 200,
    "browser/test_saved_notebooks.py": 180, "browser/test_live.py": 80, "browser/test_jupyterlab.py": 90,
    "engine/test_lab_09.py": 80, "engine/test_lab_06.py": 80, "engine/test_app_venv_service.py": 80, "engine/test_fuzz.py": 80,
    "engine/test_app_agent_platform.py": 70, "engine/test_app_diet_planner.py": 70, "engine/test_capstone.py": 60,
    "engine/test_snapshot_engine.py": 60, "engine/test_clinic.py": 60, "engine/test_lab_01.py": 60,
    "engine/test_app_ten_hour_service.py": 50, "engine/test_container_engine.py": 50, "engine/test_lab_02.py": 50,
    "engine/test_confining.py": 60, "engine/test_listening.py": 110, "engine/test_package_mirror_engine.py": 150,
    "engine/test_builder.py": 150, "engine/test_contract_engine.py": 120,
    "engine/test_run_commands.py": 180,
}  # fmt: skip
#: Seconds for a module that isn't listed.
USUAL_SECONDS = 2.0


def named(nodeid: str) -> str:
    """Return a test's name from `tests/` on."""
    return nodeid.removeprefix("tests/")


def is_fast(name: str) -> bool:
    """Tell whether the test of that name is in the fast tier."""
    module = name.partition("::")[0]
    return module.partition("/")[0] not in REAL or bool({name, name.partition("[")[0], module} & _FAST)


def is_wanted(name: str, environment: Mapping[str, str]) -> bool:
    """Tell whether the test of that name runs: what's for the night only where its variable is set."""
    variable = NIGHTLY.get(name.partition("::")[0])
    return variable is None or variable in environment


def scope(name: str) -> str:
    """Return what stays together in one process on one computer: a module, whose tests share machines, images, a JupyterLab."""
    module = name.partition("::")[0]
    return name if module == DIVIDED else TOGETHER.get(module, module)


def seconds(scope: str) -> float:
    return SECONDS.get(scope, USUAL_SECONDS)


def shard(scopes: Iterable[str], part: int, parts: int) -> set[str]:
    """Return the scopes of part `part` (from 1) of `parts`: the longest go first, each to the part with the least so far."""
    loads = [0.0] * parts
    mine = set()
    for one in sorted(set(scopes), key=lambda s: (-seconds(s), s)):
        least = loads.index(min(loads))
        loads[least] += seconds(one)
        if least == part - 1:
            mine.add(one)
    return mine


def shard_of(text: str) -> tuple[int, int]:
    """Read "1/3" as (1, 3). Raises ValueError for anything else."""
    part, parts = (int(number) for number in text.split("/"))
    if not 1 <= part <= parts:
        raise ValueError(f"{text} isn't a part: write the first of three as 1/3")
    return part, parts
