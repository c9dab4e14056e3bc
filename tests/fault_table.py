"""Every fault and hostile input that the suite tries, and the test that shows what happens. A cause counts once, however many
parameters it's tried with; tests/test_faults_listed.py checks that the tests exist.

Tests of `engine/` that are named here also count what they leave on the computer (engine/conftest.py, `nothing_is_left`).
"""

from __future__ import annotations

_FAULTS, _MACHINE, _CLI = "engine/test_faults.py", "engine/test_machine.py", "test_cli.py"
_HOMES, _PROJECTS = "engine/test_refused_homes.py", "engine/test_hostile_projects.py"
_WHY, _ODD = (
    f"{_PROJECTS}::test_a_project_that_cannot_be_built_is_told_why",
    f"{_PROJECTS}::test_an_odd_project_is_built",
)
_RECORDS = "test_hostile_records.py::test_a_tampered_record_is_refused_with_file_and_place"
_APP, _REFUSALS, _STATE = "test_app.py", "test_refusals.py", "test_state_files.py"
_SAVED = "test_saved.py::test_a_record_that_cannot_be_used_is_named_and_skipped"
_EXPORTED = "test_dockerbuild.py::test_a_bad_file_is_refused_by_name"
_NO_FILE = f"{_REFUSALS}::test_a_dockerfile_that_is_no_file_is_named"

#: By theme: the cause, and the test, named from `tests/` on; a name without brackets stands for all its parameters.
FAULTS: dict[str, dict[str, str]] = {
    "killed or interrupted": {
        "the engine is killed during a build": f"{_FAULTS}::test_the_engine_is_killed_during_a_build",
        "the docker client is killed": f"{_FAULTS}::test_the_client_is_killed_during_a_build",
        "the kernel is killed": f"{_FAULTS}::test_the_kernel_is_killed_or_interrupted_during_a_build[3-9]",
        "the kernel gets Ctrl-C": f"{_FAULTS}::test_the_kernel_is_killed_or_interrupted_during_a_build[4-2]",
        "the kernel is terminated": f"{_FAULTS}::test_the_kernel_is_killed_or_interrupted_during_a_build[5-15]",
        "Stop is pressed in a notebook": f"{_FAULTS}::test_stop_in_a_notebook_cancels_the_build",
        "`layerlab build` is interrupted": "engine/test_cli_engine.py::test_an_interrupted_build_leaves_nothing_behind",
        "dockerd is killed between builds": f"{_MACHINE}::test_a_killed_engine_is_reclaimed_with_its_cache",
        "a dead machine is reset": f"{_MACHINE}::test_reset_of_a_dead_machine_makes_a_new_one",
        "a dead machine is removed": f"{_MACHINE}::test_stop_of_a_machine_whose_engine_was_killed_leaves_nothing",
        "deleting old data is interrupted": f"{_MACHINE}::test_old_data_whose_deletion_was_interrupted_goes_at_the_next_start",
        "a set-up is interrupted": f"{_MACHINE}::test_an_interrupted_set_up_is_repaired_by_the_next_start",
        "a start is interrupted": f"{_MACHINE}::test_an_interrupted_start_is_repaired_by_the_next",
        "a process dies with its copy": f"{_APP}::test_the_copy_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not",
        "a signal comes during a snapshot": "test_beside.py::test_a_signal_ends_a_process_that_takes_a_snapshot",
    },
    "no room": {
        "the machine's disk is full": f"{_FAULTS}::test_the_disk_is_full",
        "no room for a scratch copy": f"{_HOMES}::test_a_home_without_room_for_a_scratch_copy",
        "no room to fetch an engine": f"{_HOMES}::test_a_home_without_room_to_fetch_an_engine",
        "no room for an engine": f"{_HOMES}::test_a_home_without_room_for_an_engine",
        "no inodes": f"{_HOMES}::test_a_home_without_inodes",
        "no room for a record": f"{_HOMES}::test_a_record_that_has_no_room",
        "a full disk behind standard output": f"{_REFUSALS}::test_a_full_disk_behind_standard_output_is_said",
    },
    "no right, or not what it should be": {
        "a read-only home": f"{_HOMES}::test_a_read_only_home",
        "a home of somebody else": f"{_HOMES}::test_a_home_of_somebody_else",
        "the same in a notebook": f"{_HOMES}::test_a_notebook_in_a_home_of_somebody_else",
        "an environment of root's": f"{_HOMES}::test_an_environment_of_somebody_else",
        "a virtual environment of root's": f"{_HOMES}::test_a_virtual_environment_of_somebody_else",
        "a home that is a file": f"{_REFUSALS}::test_a_home_that_is_a_file_is_said_in_two_lines",
        "a home with a name in Latin-1": f"{_REFUSALS}::test_a_home_whose_name_no_engine_can_be_told",
        "a project with a name in Latin-1": f"{_REFUSALS}::test_a_project_whose_name_is_in_latin_1_has_a_history",
        "a home that holds somebody's files": f"{_CLI}::test_clean_deletes_nothing_in_a_folder_that_is_not_layerlabs",
        "links in the home that lead out": f"{_CLI}::test_clean_follows_no_links",
        "something in the home that can't be deleted": f"{_CLI}::test_clean_says_what_it_could_not_remove_and_goes_on",
        "a project that is `/` or in /proc": f"{_APP}::test_a_folder_of_the_systems_is_refused",
        "a project around LayerLab's home": f"{_APP}::test_a_project_around_layerlabs_home_is_copied_without_it",
        "a reader that leaves": f"{_REFUSALS}::test_a_reader_that_leaves_is_no_error",
        "a terminal without the characters": f"{_REFUSALS}::test_a_terminal_without_the_characters_gets_their_numbers",
        "a bug in LayerLab": f"{_REFUSALS}::test_a_bug_is_one_line_and_how_to_report_it",
    },
    "no engine, no network, somebody else": {
        "no engine can run here": f"{_FAULTS}::test_no_engine_can_be_had",
        "an engine that nobody knows": f"{_FAULTS}::test_an_unknown_engine_is_refused",
        "a socket that refuses": f"{_FAULTS}::test_a_docker_that_refuses_is_said_at_once",
        "an engine that doesn't start": f"{_MACHINE}::test_an_engine_that_cannot_start_says_why_and_leaves_nothing",
        "no package index": f"{_FAULTS}::test_no_index_answers",
        "a registry that is gone": "engine/test_registry.py::test_a_registry_that_is_gone_costs_the_cache_and_not_the_build",
        "apt is locked by somebody": f"{_FAULTS}::test_somebody_installs_a_package_while_the_engine_is_fetched",
        "two builds at once": f"{_FAULTS}::test_two_layerlabs_build_on_one_machine_at_once",
        "two processes start one machine": f"{_MACHINE}::test_two_processes_that_start_a_machine_at_once_get_the_same",
        "a machine that somebody holds": "test_holding.py::test_whoever_waits_is_told_for_whom_and_goes_on_when_that_ends",
        "whoever holds a machine is killed": "test_holding.py::test_a_killed_holder_lets_go",
        "a machine is taken away": "test_holding.py::test_a_machine_that_was_taken_away_says_so_until_it_is_started_again",
        "too many machines": "test_holding.py::test_the_number_of_machines_has_a_limit",
        "a firewall out of reach": f"{_MACHINE}::test_where_rules_cannot_be_removed_it_says_so_and_the_next_time_removes_them",
        "a bridge that was lost": f"{_MACHINE}::test_rules_of_a_lost_bridge_do_not_take_anothers_network",
    },
    "damaged state": {
        "machine.json": f"{_STATE}::test_a_machine_whose_file_is_damaged_is_shown_and_can_be_removed",
        "contexts.json": f"{_STATE}::test_damaged_contexts_are_asked_for_again",
        "a build in the history": f"{_STATE}::test_a_damaged_build_is_left_out_of_the_history",
        "registry.json": f"{_STATE}::test_a_damaged_registry_is_not_there",
        "the score": f"{_STATE}::test_a_damaged_score_is_a_message",
        "a write that is cut short": f"{_STATE}::test_a_write_that_fails_leaves_the_old_text_and_nothing_else",
        "the marker of a working copy": "test_working_copy.py::test_a_broken_marker_loses_nothing",
        "the files of a machine are gone": "engine/test_cli_engine.py::test_a_machine_whose_records_are_lost_is_removed",
    },
    "hostile records": {
        "text for a number": f"{_RECORDS}[text for seconds]",
        "an unknown state": f"{_RECORDS}[an unknown state]",
        "NaN": f"{_RECORDS}[NaN]",
        "infinity": f"{_RECORDS}[a number that overflows]",
        "negative times": f"{_RECORDS}[negative seconds]",
        "huge numbers": f"{_RECORDS}[a huge number]",
        "a step without a field": f"{_RECORDS}[a step without a field]",
        "a field nobody knows": f"{_RECORDS}[a field nobody knows]",
        "a hostile context": f"{_RECORDS}[an entry with huge bits]",
        "provenance of another shape": f"{_RECORDS}[provenance of another shape]",
        "operations in a circle": "test_hostile_records.py::test_operations_in_a_circle_are_refused",
        "another format": f"{_RECORDS}[another format]",
        "a truncated record": f"{_RECORDS}[truncated]",
        "a million brackets": f"{_RECORDS}[a million brackets]",
        "a folder or bytes for a record": "test_hostile_records.py::test_a_file_that_cannot_be_a_record_is_named",
        "any other value, anywhere": "test_hostile_records.py::test_whatever_is_changed_it_is_refused_or_can_be_read",
    },
    "hostile records that travelled": {
        "a kept record cut off": f"{_SAVED}[cut off]",
        "a kept record that is a bomb": f"{_SAVED}[a bomb]",
        "a kept record of another layout": f"{_SAVED}[another layout]",
        "a kept record with a wrong type": f"{_SAVED}[a build with a wrong type]",
        "a pipe for a kept record": "test_saved.py::test_what_is_no_file_is_skipped[a pipe]",
        "a kept snapshot that's damaged or gone": "test_saved.py::test_without_a_context_the_files_cannot_be_compared",
        "a kept snapshot named like a path": "test_saved.py::test_a_context_named_like_a_path_is_not_followed",
        "several jobs that write at once": (
            "test_saved.py::test_several_jobs_write_at_once_and_a_reader_never_sees_half_a_file"
        ),
        "a folder for records that can't be written": "test_saved.py::test_a_folder_that_cannot_be_written_is_named",
        "an export cut off": f"{_EXPORTED}[cut off]",
        "an export that is a bomb": f"{_EXPORTED}[a bomb]",
        "an export with a hole of a terabyte": "test_dockerbuild.py::test_a_sparse_file_takes_no_memory",
        "an export whose blobs are paths": f"{_EXPORTED}[a blob named like a path]",
        "an export with a link": f"{_EXPORTED}[a blob that's a link]",
        "an export with other content": f"{_EXPORTED}[a blob with other content]",
        "an export of an image": f"{_EXPORTED}[an image]",
        "an export whose events are cut off": f"{_EXPORTED}[an event cut off]",
        "an export with any other byte": "test_dockerbuild.py::test_whatever_bytes_are_changed_it_is_refused_or_can_be_read",
        "an export with any other event": "test_dockerbuild.py::test_whatever_an_event_says_it_is_refused_or_can_be_read",
    },
    "hostile projects": {
        "an empty Dockerfile": f"{_WHY}[an empty Dockerfile]",
        "a Dockerfile without FROM": f"{_WHY}[a Dockerfile without FROM]",
        "a binary Dockerfile": f"{_WHY}[a binary Dockerfile]",
        "a Dockerfile in Latin-1": f"{_WHY}[a Dockerfile in Latin-1]",
        "a zero byte in a Dockerfile": f"{_WHY}[a zero byte in a Dockerfile]",
        "a line of 100 kB": f"{_WHY}[a line of 100 kB]",
        "a command of 200 kB": f"{_WHY}[a command of 200 kB]",
        "a file name in Latin-1": f"{_WHY}[a file name in Latin-1]",
        "COPY of nothing": f"{_WHY}[COPY of nothing]",
        "COPY from outside": f"{_WHY}[COPY from outside]",
        "COPY through a link that leads out": f"{_WHY}[COPY through a link that leads out]",
        "COPY of an ignored file": f"{_WHY}[COPY of an ignored file]",
        "COPY from a stage that lacks it": f"{_WHY}[COPY from a stage that lacks it]",
        "an ignore rule that is no pattern": f"{_WHY}[an ignore rule that is no pattern]",
        "an ignore file of bytes": f"{_WHY}[an ignore file of bytes]",
        "an ignore file that is a pipe": f"{_REFUSALS}::test_an_ignore_file_that_is_no_file_is_not_read",
        "a Dockerfile of 10 MB": f"{_ODD}[a Dockerfile of 10 MB]",
        "sockets and pipes among the files": f"{_ODD}[a socket and a pipe among the files]",
        "names with quotes and newlines": f"{_ODD}[names with spaces, quotes and newlines]",
        "a failing step of 10,000 lines": f"{_PROJECTS}::test_a_step_of_10000_lines_shows_both_ends_and_says_where_the_whole_is",
        "a Dockerfile that is a folder": f"{_NO_FILE}[folder]",
        "a Dockerfile that is a pipe": f"{_NO_FILE}[pipe]",
        "a Dockerfile that is a socket": f"{_NO_FILE}[socket]",
        "a Dockerfile that is a link to nothing": f"{_NO_FILE}[link to nothing]",
        "a Dockerfile that links to outside": f"{_NO_FILE}[link to outside]",
        "a Dockerfile that links to itself": f"{_NO_FILE}[link to itself]",
        "a manifest of bytes": f"{_REFUSALS}::test_a_broken_manifest_is_named_with_the_key[not UTF-8]",
        "a manifest that is no TOML": f"{_REFUSALS}::test_a_broken_manifest_is_named_with_the_key[not TOML]",
        "a manifest of another shape": f"{_REFUSALS}::test_a_broken_manifest_is_named_with_the_key[a table that is a list]",
        "generated files through a link": f"{_APP}::test_generated_files_are_not_written_through_a_link_out_of_the_copy",
        "a path too long to copy": f"{_REFUSALS}::test_a_path_too_long_is_said_in_two_lines",
    },
}  # fmt: skip

#: The tests, without their parameters.
TESTS = frozenset(test.partition("[")[0] for faults in FAULTS.values() for test in faults.values())
