"""Which steps will run, reasoned without building: held to what real builds did, and to the rules for what stages hand on."""

from __future__ import annotations

import gzip
import json

import pytest
from cases.recording import RECORDED, drafted, file_of

from layerlab.explaining.reasoning import UNKNOWN, reasoned
from layerlab.measuring.situations import reason, subject
from layerlab.project.app import App
from layerlab.record.build import Build
from layerlab.record.states import CACHED, RAN

#: Recorded builds in which something else than the project's files and arguments changed, or whose cache held more than the
#: build before: none of this is reasoned.
OUTSIDE = {
    "35 --no-cache", "41 the cache pruned", "44 a step that fails once", "68 an address with other content", "70 the base moved",
    "a file that a step above read, among others", "an image's bytes of a build that failed",
    "a stage's bytes of a build of another target",
}  # fmt: skip


def recorded(case):
    told = json.loads(gzip.decompress(file_of(case).read_bytes()))
    return [Build.from_json(one) for one in told["builds"]]


CASES = [case for case in RECORDED if case.name not in OUTSIDE]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reasoning_never_contradicts_a_real_build(case):
    build, *earlier = recorded(case)
    if not earlier or build.error or earlier[0].error:
        return
    found = reasoned(drafted(build), drafted(earlier[0]), opaque={"lower"})
    for real, step in zip(build.steps, found.steps, strict=True):
        if real.instruction != "FROM" and real.line:
            assert step.state in (real.state, UNKNOWN), real


def test_reasoning_decides_nearly_always():
    states = []
    for case in CASES:
        build, *earlier = recorded(case)
        if earlier and not build.error and not earlier[0].error:
            found = reasoned(drafted(build), drafted(earlier[0]))
            states += [step.state for step in found.steps if step.instruction != "FROM" and step.line]
    assert len(states) > 150
    assert states.count(UNKNOWN) <= len(states) / 10


def states(tmp_path, dockerfile, situation="code", **files):
    """Return the states after an edit, without FROM, as letters."""
    texts = {
        "Dockerfile": dockerfile,
        "app/main.py": "a",
        "requirements.txt": "b",
        ".dockerignore": "Dockerfile\n",
        **files,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with App.at(tmp_path) as app:
        (found,) = reason(subject(app), [situation])
    return "".join({RAN: "r", CACHED: "c", UNKNOWN: "u"}[step.state] for step in found.build.steps)


BUILDER = (
    "FROM scratch AS build\nWORKDIR /src\nCOPY requirements.txt .\nRUN install -r requirements.txt\nCOPY app app\n"
)


@pytest.mark.parametrize(
    ("rest", "last"),
    [
        ("COPY --from=build /src /src", "r"),
        ("COPY --from=build /src/app /app", "r"),
        ("COPY --from=build /src/app/main.py /", "r"),
        ("COPY --from=build /src/requirements.txt /", "c"),
        ("COPY --from=build /venv /venv", "c"),
        ("COPY --from=build /src/*/main.py /", "u"),
        ("COPY --from=build / /", "r"),
        ("COPY --link --from=build /venv /venv\nRUN echo", "cc"),
        ("RUN --mount=type=bind,from=build,source=/src,target=/m cp -r /m /out", "r"),
        ("RUN --mount=type=bind,from=build,source=/venv,target=/m cp -r /m /out", "c"),
    ],
)
def test_what_a_stage_hands_on_is_followed_file_by_file(rest, last, tmp_path):
    assert states(tmp_path, f"{BUILDER}FROM scratch\n{rest}\n") == f"cccr{last}"


def test_after_a_run_nobody_knows_what_a_stage_hands_on(tmp_path):
    assert states(tmp_path, f"{BUILDER}RUN compile\nFROM scratch\nCOPY --from=build /src /src\n") == "cccrru"


def test_what_a_later_copy_put_there_is_known_again(tmp_path):
    text = f"{BUILDER}RUN compile\nCOPY app /app\nFROM scratch\nCOPY --from=build /app /app\n"
    assert states(tmp_path, text) == "cccrrrr"


def test_a_file_copied_to_what_may_be_a_folder_or_not_is_unknown_below_it(tmp_path):
    text = "FROM scratch AS build\nWORKDIR /src\nCOPY app/main.py /out\nFROM scratch\nCOPY --from=build {} /\n"
    assert states(tmp_path, text.format("/out")) == "crr"
    assert states(tmp_path, text.format("/out/main.py")) == "cru"
    assert states(tmp_path, text.format("/out/other.py")) == "crc"


def test_a_relative_target_in_a_folder_that_the_base_image_may_set_is_unknown(tmp_path):
    text = "FROM python AS build\nCOPY app app\nFROM scratch\nCOPY --from=build /app /app\n"
    assert states(tmp_path, text) == "ru"


@pytest.mark.parametrize(
    ("flags", "second"),
    [
        ("--link", "c"),
        ("--link --chown=1000:1000", "c"),
        ("--link --chmod=644", "r"),
        ("", "r"),
    ],
)
def test_only_what_buildkit_links_stays_cached_below_a_step_that_runs(flags, second, tmp_path):
    assert states(tmp_path, f"FROM scratch\nCOPY app app\nCOPY {flags} requirements.txt /\n") == f"r{second}"


def test_what_builds_on_a_linked_copy_runs_if_a_step_below_that_runs(tmp_path):
    assert states(tmp_path, "FROM scratch\nCOPY app app\nCOPY --link requirements.txt /\nRUN echo\n") == "rcr"


def test_an_excluded_file_changes_nothing(tmp_path):
    assert states(tmp_path, "FROM scratch\nCOPY --exclude=app/main.py . /\nCOPY app /app\n") == "cr"


def test_nothing_changed(tmp_path):
    assert states(tmp_path, f"{BUILDER}RUN compile\n", "unchanged") == "ccccc"
