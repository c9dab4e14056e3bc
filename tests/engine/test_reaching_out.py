"""A Compose or bake file that reaches beyond its project is refused before anything is built, and built once it's allowed."""

from __future__ import annotations

import secrets

import pytest

from layerlab import App, BuildFailed
from layerlab.engines.network import bridge_name
from layerlab.project.permissions import PermissionNeeded
from layerlab.system.home import machine_dir
from layerlab.texts.secrets import HIDDEN

QUIET = {"view": "none"}
READS_ALL = "FROM python:3.11-slim\nCOPY . /all\nRUN cat /all/treasure.txt\n"
READS_SECRET = """FROM python:3.11-slim
ARG NEW
RUN --mount=type=secret,id=treasure cat /run/secrets/treasure
"""
READS_SHARED = """FROM python:3.11-slim
RUN --mount=from=shared,target=/shared cat /shared/treasure.txt
"""


@pytest.fixture
def treasure():
    """What no record may hold, other in each test."""
    return f"treasure-{secrets.token_hex(8)}"


@pytest.fixture
def project(tmp_path, treasure):
    """A git checkout, with a link that leads out, beside a folder with something to steal."""
    folder, theirs = tmp_path / "project", tmp_path / "theirs"
    (folder / "service").mkdir(parents=True)
    (folder / ".git").mkdir()
    theirs.mkdir()
    (theirs / "treasure.txt").write_text(treasure)
    (theirs / "other.yaml").write_text("services: {web: {build: {context: .}}}\n")
    (theirs / "Dockerfile").write_text(READS_ALL)
    (folder / "link").symlink_to(theirs)
    return folder


def attempt(machine, project, text, dockerfile=READS_ALL, file="compose.yaml", options=()):
    (project / file).write_text(text)
    (project / "Dockerfile").write_text(dockerfile)
    with App.at(project) as app:
        new = {"NEW": secrets.token_hex(4)}  # a secret isn't in the cache key
        return machine.build(app, file, service="web", args=new, options=options, **QUIET)


def logs(build) -> str:
    return "".join(step.log for step in build.steps)


def records(machine) -> str:
    """All that a machine remembers of its builds, as text."""
    return "".join(path.read_text() for path in (machine_dir(machine.name) / "history").rglob("*.json"))


def service(fields: str, rest: str = "") -> str:
    return f"services: {{web: {{build: {{context: ., {fields}}}}}}}\n{rest}\n"


#: A Compose file, a Dockerfile, and what has to be allowed; THEIRS is the folder beside the project.
CASES = {
    "its context": (
        "services: {web: {build: {context: ../theirs, dockerfile: ../project/Dockerfile}}}",
        READS_ALL,
        "fs.read=THEIRS",
    ),
    "a link as its context": ("services: {web: {build: {context: link}}}", READS_ALL, "fs.read=THEIRS"),
    "an additional context": (service("additional_contexts: {shared: ../theirs}"), READS_SHARED, "fs.read=THEIRS"),
    "a link as an additional context": (service("additional_contexts: {shared: link}"), READS_SHARED, "fs.read=THEIRS"),
    "a secret's file": (
        service("secrets: [treasure]", "secrets: {treasure: {file: ../theirs/treasure.txt}}"),
        READS_SECRET,
        "fs.read=THEIRS/treasure.txt",
    ),
    "a link as a secret's file": (
        service("secrets: [treasure]", "secrets: {treasure: {file: link/treasure.txt}}"),
        READS_SECRET,
        "fs.read=THEIRS/treasure.txt",
    ),
    "a service of a file outside": (
        "services: {web: {extends: {file: ../theirs/other.yaml, service: web}}}",
        READS_ALL,
        "fs.read=THEIRS",
    ),
    "an included file outside": (
        "include: [../theirs/other.yaml]",
        READS_ALL,
        "fs.read=THEIRS",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_lies_outside_is_refused_until_it_is_allowed(machine, project, treasure, name):
    text, dockerfile, flag = CASES[name]
    flag = "--allow=" + flag.replace("THEIRS", str(project.parent / "theirs"))
    with pytest.raises(PermissionNeeded) as refused:
        attempt(machine, project, text, dockerfile)
    assert refused.value.remedy == f"if you trust it, add: {flag}"
    assert treasure not in records(machine) + str(refused.value)
    build = attempt(machine, project, text, dockerfile, options=[flag])
    assert (HIDDEN if "secret" in name else treasure) in logs(build)
    assert "secret" not in name or treasure not in build.trace + records(machine)


def test_the_systems_own_files_are_refused(machine, project):
    text = "services: {web: {build: {context: /etc, dockerfile_inline: 'FROM scratch\nCOPY shadow /'}}}"
    with pytest.raises(PermissionNeeded, match=r"--allow=fs\.read=/etc"):
        attempt(machine, project, text)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("compose.yaml", service("network: host")),
        ("docker-bake.hcl", 'target "web" {\n  context = "."\n  network = "host"\n}\n'),
        (
            "docker-bake.json",
            '{"target": {"web": {"context": ".", "entitlements": ["network.host"], "network": "host"}}}',
        ),
    ],
)
def test_the_computers_network_is_refused_until_it_is_allowed(machine, project, file, text):
    own = "FROM python:3.11-slim\nARG NEW\nRUN ls /sys/class/net\n"
    with pytest.raises(PermissionNeeded, match=r"--allow=network\.host"):
        attempt(machine, project, text, own, file)
    build = attempt(machine, project, text, own, file, ["--allow", "network.host"])
    assert bridge_name(machine.name) in logs(build)  # the machine's, which only the host has


def test_privileged_steps_are_refused(machine, project):
    with pytest.raises(PermissionNeeded, match=r"--allow=security\.insecure"):
        attempt(machine, project, service("privileged: true"), "FROM python:3.11-slim\nRUN true\n")


def test_bake_is_asked_the_same(machine, project, treasure):
    theirs = project.parent / "theirs"
    text = 'target "web" {\n  context = "."\n  contexts = { shared = "../theirs" }\n}\n'
    with pytest.raises(PermissionNeeded, match=f"--allow=fs.read={theirs}"):
        attempt(machine, project, text, READS_SHARED, "docker-bake.hcl")
    build = attempt(machine, project, text, READS_SHARED, "docker-bake.hcl", [f"--allow=fs.read={theirs}"])
    assert treasure in logs(build)


def test_a_dockerfile_that_is_a_link_is_not_read(machine, project, treasure):
    (project / "Dockerfile").symlink_to("link/treasure.txt")
    with App.at(project) as app, pytest.raises(PermissionNeeded, match=r"--allow=fs\.read=\S+/theirs/treasure\.txt"):
        machine.build(app, "Dockerfile", **QUIET)
    assert treasure not in records(machine)


def test_variables_are_not_read_from_outside(machine, project, treasure):
    (project.parent / "theirs" / "variables").write_text(f"TREASURE={treasure}\n")
    (project / ".env").symlink_to("../theirs/variables")
    text = service('args: {FOUND: "${TREASURE}"}')
    with pytest.raises(PermissionNeeded, match=r"--allow=fs\.read=\S+/theirs/variables"):
        attempt(machine, project, text)
    assert treasure not in records(machine)


def test_a_dockerfile_may_not_take_what_its_plan_was_not_given(machine, project):
    """BuildKit itself refuses what no plan asked for."""
    with pytest.raises(BuildFailed, match=r"network\.host"):
        attempt(machine, project, service("network: default"), "FROM python:3.11-slim\nRUN --network=host true\n")


def test_a_project_that_stays_at_home_is_never_asked(machine, project):
    """In a git checkout, a service may use what's beside it: a context above, shared code, a secret, a cache."""
    (project / "shared").mkdir()
    (project / "shared" / "treasure.txt").write_text("shared by us\n")
    (project / "token.txt").write_text("our own\n")
    (project / "service" / "inner").symlink_to("../shared")
    (project / "service" / "compose.yaml").write_text(
        "services:\n  web:\n    build:\n      context: ..\n      dockerfile: service/Dockerfile\n"
        "      additional_contexts: {shared: ./inner}\n      secrets: [treasure]\n"
        "secrets:\n  treasure: {file: ../token.txt}\n"
    )
    (project / "service" / "Dockerfile").write_text(
        READS_SHARED + "RUN --mount=type=secret,id=treasure cat /run/secrets/treasure\nCOPY shared /shared\n"
    )
    with App.at(project / "service") as app:
        build = machine.build(app, "", service="web", **QUIET)
    assert [step.log.strip() for step in build.steps if step.instruction == "RUN"] == ["shared by us", HIDDEN]
    assert build.contexts["context"].entries.keys() >= {"token.txt", "service/Dockerfile"}


def test_an_option_is_the_users_own_wish(machine, project, treasure):
    (project / "Dockerfile").write_text(READS_SHARED + READS_SECRET.partition("\n")[2])
    theirs = project.parent / "theirs"
    options = [f"--build-context=shared={theirs}", f"--secret=id=treasure,src={theirs}/treasure.txt", "--allow=fs=*"]
    with App.at(project) as app:
        build = machine.build(app, "Dockerfile", args={"NEW": treasure}, options=options, **QUIET)
    assert [HIDDEN in step.log for step in build.steps if step.instruction == "RUN"] == [True, True]
