"""doctor and the messages it knows.

The messages are complete and real, printed by Docker 28 (and its classic builder), BuildKit with containerd 2.1, pip 23
and curl, each after we made its fault on purpose. Those marked "quoted" are from other people's reports, because we didn't
have that version, system or server. Hosts of registries are replaced by registry.example.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layerlab import App
from layerlab.diagnosing import checks, computer, doctor, findings
from layerlab.diagnosing.doctor import Report
from layerlab.diagnosing.findings import Finding, Output
from layerlab.system.faults import FAULTS, recognise

MESSAGES = [
    ("no-daemon", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"),
    ("no-daemon", "ERROR: Cannot connect to the Docker daemon at unix:///nope/d.sock. Is the docker daemon running?"),
    ("no-daemon", "Cannot connect to the Docker daemon at tcp://127.0.0.1:9. Is the docker daemon running?"),
    (
        "no-daemon",
        'error during connect: Get "http://nowhere.invalid:2376/v1.51/containers/json": dial tcp: lookup nowhere.invalid '
        "on 10.255.255.53:53: no such host",
    ),
    (  # quoted: Docker 29
        "no-daemon",
        "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the "
        "daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
    ),
    (  # quoted: Docker Desktop 29 on Windows
        "no-daemon",
        "failed to connect to the docker API at npipe:////./pipe/dockerDesktopLinuxEngine; check if the path is correct "
        "and if the daemon is running: open //./pipe/dockerDesktopLinuxEngine: The system cannot find the file specified.",
    ),
    (
        "permission",
        "permission denied while trying to connect to the Docker daemon socket at unix:///tmp/lldp/s.sock: Get "
        '"http://%2Ftmp%2Flldp%2Fs.sock/v1.51/containers/json": dial unix /tmp/lldp/s.sock: connect: permission denied',
    ),
    (  # quoted: Docker 20
        "permission",
        "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "
        '"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/info": dial unix /var/run/docker.sock: connect: permission denied',
    ),
    # quoted: Docker 29
    ("permission", "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock"),
    ("no-buildx", "docker: unknown command: docker buildx\n\nRun 'docker --help' for more information"),
    # quoted: Docker 20 to 27
    ("no-buildx", "docker: 'buildx' is not a docker command.\nSee 'docker --help'"),
    (
        "no-buildx",
        "unknown flag: --progress\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information",
    ),
    (
        "no-buildx",
        "ERROR: BuildKit is enabled but the buildx component is missing or broken.\n"
        "       Install the buildx component to build images with BuildKit:\n       https://docs.docker.com/go/buildx/",
    ),
    (
        "no-buildx",
        "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.\n"
        "            Install the buildx component to build images with BuildKit:\n"
        "            https://docs.docker.com/go/buildx/\n\n"
        "Sending build context to Docker daemon  2.048kB\nStep 1/2 : FROM layerlab-standin/python:3.11-slim\n"
        " ---> c3aebb24d519\nStep 2/2 : RUN --mount=type=cache,target=/x true\n"
        "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images "
        "with BuildKit enabled",
    ),
    (
        "buildkit-off",
        "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.\n"
        "            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0\n"
        "            environment-variable.\n\n"
        "Sending build context to Docker daemon  2.048kB\nStep 1/2 : FROM layerlab-standin/python:3.11-slim\n"
        " ---> c3aebb24d519\nStep 2/2 : RUN --mount=type=cache,target=/x true\n"
        "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images "
        "with BuildKit enabled",
    ),
    (
        "buildkit-off",
        "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.\n"
        "            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0\n"
        "            environment-variable.\n\n"
        "unknown flag: --progress\n\nUsage:  docker build [OPTIONS] PATH | URL | -\n\n"
        "Run 'docker build --help' for more information",
    ),
    (
        "buildkit-off",
        "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images "
        "with BuildKit enabled",
    ),
    ("no-compose", "docker: unknown command: docker compose\n\nRun 'docker --help' for more information"),
    (
        "rate-limit",
        "ERROR: unexpected status from HEAD request to http://127.0.0.1:5987/v2/limited/x/manifests/1: "
        "429 Too Many Requests",
    ),
    (  # quoted
        "rate-limit",
        "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit. "
        "https://www.docker.com/increase-rate-limit",
    ),
    (  # quoted
        "rate-limit",
        "failed to copy: httpReadSeeker: failed open: unexpected status code https://registry.example/v2/library/python/"
        "manifests/sha256:a773107406cd3dc167cca6f91c82c2c5587ac6e84e240baa6dfc8599cd849d5e: 429 Too Many Requests - "
        "Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. "
        "https://www.docker.com/increase-rate-limit",
    ),
    (
        "no-host",
        'Error response from daemon: failed to resolve reference "registry.example/library/python:3.12-slim": failed to do '
        'request: Head "https://registry.example/v2/library/python/manifests/3.12-slim": dial tcp: lookup '
        "registry.example on 10.255.255.53:53: no such host",
    ),
    (
        "no-host",
        "nh.Dockerfile:1\n--------------------\n   1 | >>> FROM nohub.invalid/python:3\n   2 |     \n--------------------\n"
        "ERROR: failed to build: failed to solve: nohub.invalid/python:3: failed to resolve source metadata for "
        'nohub.invalid/python:3: failed to do request: Head "https://nohub.invalid/v2/python/manifests/3": dial tcp: '
        "lookup nohub.invalid on 10.255.255.53:53: no such host",
    ),
    ("no-host", "[Errno -2] Name or service not known"),
    (
        "no-answer",
        'Error response from daemon: failed to resolve reference "127.0.0.1:9/x:latest": failed to do request: Head '
        '"https://127.0.0.1:9/v2/x/manifests/latest": dial tcp 127.0.0.1:9: connect: connection refused',
    ),
    (
        "no-space",
        "#3 [internal] load build context\n#3 transferring context: 31.17MB 0.1s done\n#3 ERROR: write /data/containerd/"
        "daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/3/fs/blob: no space left on device\n------\n"
        " > [internal] load build context:\n------\nERROR: failed to build: failed to solve: ResourceExhausted: write "
        "/data/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/3/fs/blob: no space left on device",
    ),
    (
        "no-space",
        "Error response from daemon: write /data/containerd/daemon/io.containerd.metadata.v1.bolt/meta.db: "
        "no space left on device",
    ),
    ("no-instructions", "ERROR: failed to build: failed to solve: the Dockerfile cannot be empty"),
    ("no-instructions", "ERROR: failed to build: failed to solve: file with no instructions"),
    ("no-stage", "ERROR: failed to build: failed to solve: no build stage in current context"),
    ("long-line", "ERROR: failed to build: failed to solve: dockerfile line greater than max allowed size of 65535"),
    ("long-command", "exec /bin/sh: argument list too long\n"),
    ("no-daemon", "('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))"),
    ("cut-off", "failed to compute cache key: short read: expected 67114596 bytes but got 29174664: unexpected EOF"),
    ("gone", "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))"),
    (
        "frontend",
        "Dockerfile:2\n--------------------\n   2 | >>> COPY --parents ./s/*/r.txt /app/\n--------------------\n"
        "ERROR: failed to build: failed to solve: dockerfile parse error on line 2: unknown flag: --parents",
    ),
    (
        "not-utf-8",
        "ERROR: failed to build: failed to solve: Internal: rpc error: code = Internal desc = grpc: failed to unmarshal the "
        "received message: string field contains invalid UTF-8",
    ),
    ("no-space", "0.112 OSError: [Errno 28] No space left on device"),
    ("no-space", "0.117 head: error writing 'standard output': No space left on device"),
    (
        "certificate",
        'Error response from daemon: failed to resolve reference "192.0.2.2:5988/a/x:1": failed to do request: Head '
        '"https://192.0.2.2:5988/v2/a/x/manifests/1": tls: failed to verify certificate: x509: certificate is valid for '
        "10.213.0.1, 127.0.0.1, not 192.0.2.2",
    ),
    (
        "certificate",
        'error during connect: Get "https://127.0.0.1:5988/v1.51/containers/json": tls: failed to verify certificate: '
        "x509: certificate signed by unknown authority",
    ),
    (
        "certificate",
        "Could not fetch URL https://127.0.0.1:5988/simple/nosuchthing/: There was a problem confirming the ssl "
        "certificate: HTTPSConnectionPool(host='127.0.0.1', port=5988): Max retries exceeded with url: "
        "/simple/nosuchthing/ (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] "
        "certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)'))) - skipping\n"
        "ERROR: Could not find a version that satisfies the requirement nosuchthing (from versions: none)\n"
        "ERROR: No matching distribution found for nosuchthing",
    ),
    (
        "certificate",
        "curl: (60) SSL certificate problem: unable to get local issuer certificate\n"
        "More details here: https://curl.se/docs/sslcerts.html",
    ),
    (
        "no-upstream",
        "WARNING: Skipping page http://10.214.255.254/simple/apple/ because the GET request got Content-Type: text/plain; "
        "error=\"LayerLab's package mirror can't reach 127.0.0.1:45271\". The only supported Content-Types are "
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html, and text/html\n"
        "#8 1.21 ERROR: Could not find a version that satisfies the requirement apple (from versions: none)\n"
        "#8 1.21 ERROR: No matching distribution found for apple",
    ),
    (
        "no-index",
        "#5 0.772 ERROR: Could not find a version that satisfies the requirement sampleproject (from versions: none)\n"
        "#5 0.772 ERROR: No matching distribution found for sampleproject\n"
        '#5 ERROR: process "/bin/sh -c pip install --retries 0 sampleproject" did not complete successfully: exit code: 1',
    ),
    (
        "architecture",
        "------\n > [3/3] RUN /a:\n0.096 /bin/sh: 1: /a: Exec format error\n------\narch2.Dockerfile:3\n"
        'ERROR: failed to build: failed to solve: process "/bin/sh -c /a" did not complete successfully: exit code: 126',
    ),
    (
        "architecture",
        ' - InvalidBaseImagePlatform: Base image layerlab-standin/python:3.11-slim was pulled with platform "linux/amd64", '
        'expected "linux/arm64" for current build (line 1)',
    ),
    (  # quoted
        "architecture",
        "WARNING: The requested image's platform (linux/amd64) does not match the detected host platform (linux/arm64/v8) "
        "and no specific platform was requested",
    ),
    (  # quoted
        "architecture",
        "Error response from daemon: no matching manifest for linux/arm64/v8 in the manifest list entries",
    ),
    # quoted
    ("architecture", "exec /usr/local/bin/python: exec format error"),
    ("processes", "greedy.sh: 1: Cannot fork"),  # Debian's sh
    ("processes", "bash: fork: retry: Resource temporarily unavailable"),
    (
        "processes",
        'File "greedy.py", line 3, in <module>\n    os.fork()\nBlockingIOError: [Errno 11] Resource temporarily unavailable',
    ),
    ("processes", "RuntimeError: can't start new thread"),
    (
        "processes",
        "OpenBLAS blas_thread_init: pthread_create failed for thread 3 of 64: Resource temporarily unavailable",
    ),
    ("processes", "Error: spawn /usr/local/bin/node EAGAIN"),  # quoted, as is the one before
    # quoted
    ("killed", 'process "/bin/sh -c pip install torch" did not complete successfully: exit code: 137'),
    (  # quoted
        "not-found",
        "Error response from daemon: pull access denied for nosuch/thing, repository does not exist or may require "
        "'docker login': denied: requested access to the resource is denied",
    ),
]


@pytest.mark.parametrize(("key", "message"), MESSAGES)
def test_a_real_message_is_recognised(key, message):
    assert recognise(message).key == key


@pytest.mark.parametrize(
    "message",
    [
        "",
        "process \"/bin/sh -c false\" did not complete successfully: exit code: 1",
        "ModuleNotFoundError: No module named 'fastapi'",
        "fcntl.flock(file, fcntl.LOCK_NB)\nBlockingIOError: [Errno 11] Resource temporarily unavailable",
        'dockerfile parse error on line 3: unknown instruction: COPPY (did you mean COPY?)',
        'failed to compute cache key: failed to calculate checksum of ref abc: "/nosuch": not found',
    ],
)  # fmt: skip
def test_a_projects_own_fault_is_none_of_ours(message):
    assert recognise(message) is None


@pytest.mark.parametrize(
    "beginning", ["failed to fetch: ", "was pulled with platform ", "no matching manifest for ", "a"]
)
def test_faults_are_looked_for_in_time_proportional_to_the_message(beginning):
    began = time.process_time()
    assert recognise(beginning * (500_000 // len(beginning))) is None
    assert time.process_time() - began < 3


def test_every_fault_has_a_message_here():
    assert {f.key for f in FAULTS} == {key for key, _ in MESSAGES}


def test_every_fault_says_what_mends_it():
    for fault in FAULTS:
        assert fault.what
        assert fault.remedy
        re.compile(fault.pattern)


# -- judging -----------------------------------------------------------------------------------------------------------

NO_DAEMON, NO_PERMISSION = MESSAGES[0][1], next(m for k, m in MESSAGES if k == "permission")


def test_engine_that_answers_is_fine():
    assert checks.judge_engine(Output("28.5.2\n"), can_run_own=False).ok is True


@pytest.mark.parametrize(
    ("message", "mend"), [(NO_DAEMON, "systemctl start docker"), (NO_PERMISSION, "usermod -aG docker")]
)
def test_engine_that_does_not_answer_is_mended(message, mend):
    finding = checks.judge_engine(Output(message, failed=True), can_run_own=False)
    assert finding.ok is False
    assert mend in finding.remedy


def test_no_engine_is_needed_where_layerlab_runs_its_own():
    for answer, installed in ((Output(NO_DAEMON, failed=True), True), (Output("", failed=True), False)):
        finding = checks.judge_engine(answer, can_run_own=True, installed=installed)
        assert finding.ok is True
        assert "you don't need one" in finding.what
        assert not finding.remedy


def test_no_docker_command_at_all():
    finding = checks.judge_engine(Output("", failed=True), can_run_own=False, installed=False)
    assert finding.ok is False
    assert "install Docker" in finding.remedy


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("github.com/docker/buildx 0.29.1+ds1 0.29.1-1\n", True),
        ("github.com/docker/buildx v0.17.1 257815a6fbaee88976808020bf04274388275ae8\n", True),
        ("github.com/docker/buildx v0.0.0+unknown \n", True),
        ("github.com/docker/buildx v0.9.1 ed00243a0ce2a0aee75311b06e32d33b44729689\n", False),
        ("github.com/docker/buildx v0.16.2 34c195271a3f8dc64814db71438dc50dd41d7e3e\n", False),
    ],
)
def test_buildx_must_be_new_enough(text, ok):
    assert checks.judge_buildx(Output(text), False, "0.17").ok is ok


def test_missing_plugins():
    missing = Output("docker: unknown command: docker buildx\n\nRun 'docker --help' for more information", failed=True)
    finding = checks.judge_buildx(missing, False, "0.17")
    assert finding.ok is False
    assert "docker-buildx" in finding.remedy
    assert checks.judge_buildx(missing, True, "0.17").ok is None  # fetched with the engine
    missing = Output("docker: unknown command: docker compose\n\nRun 'docker --help' for more information", failed=True)
    assert "docker-compose" in checks.judge_compose(missing, False).remedy
    assert checks.judge_compose(Output("Docker Compose version 2.40.3-3\n"), False).what == "2.40.3-3"


@pytest.mark.parametrize(("value", "ok"), [("", True), ("1", True), ("0", False), ("false", False), ("auto", True)])
def test_buildkit_switched_off(value, ok):
    finding = checks.judge_buildkit({"DOCKER_BUILDKIT": value})
    assert finding.ok is ok
    assert ("unset DOCKER_BUILDKIT" in finding.remedy) is not ok


def test_the_environment_of_the_person_counts_not_the_machines(monkeypatch):
    monkeypatch.setenv("LAYERLAB_PERSON", json.dumps({"DOCKER_BUILDKIT": "0", "PATH": ""}))
    monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
    assert checks.look_at_buildkit().ok is False


def test_disk_cpu_memory():
    assert [computer.judge_disk("/data", free, 100e9).ok for free in (1e9, 5e9, 50e9)] == [False, None, True]
    assert "docker system df" in computer.judge_disk("/data", 1e9, 100e9).remedy
    assert [computer.judge_cpu(n, load).ok for n, load in ((1, 0.1), (4, 0.1), (4, 9.0))] == [None, True, None]
    assert [computer.judge_memory(free, 8e9).ok for free in (0.1e9, 1e9, 4e9)] == [False, None, True]


def test_architecture():
    assert computer.judge_architecture("x86_64", "amd64", "").ok is True
    assert computer.judge_architecture("arm64", "arm64", "linux/arm64").ok is True
    assert computer.judge_architecture("x86_64", "", "").ok is True
    assert computer.judge_architecture("x86_64", "arm64", "").ok is None
    assert "unset DOCKER_DEFAULT_PLATFORM" in computer.judge_architecture("aarch64", "arm64", "linux/amd64").remedy
    assert computer.judge_architecture("riscv64", "riscv64", "").ok is None


def test_network():
    assert computer.judge_network("registry.example", "").ok is True
    assert computer.judge_network("", "").ok is None
    assert computer.judge_network("registry.example", "[Errno -2] Name or service not known").ok is False
    assert computer.judge_network("registry.example", "something new").remedy


def test_a_hub_out_of_reach_is_no_fault_where_there_are_stand_ins():
    unreachable = Output(next(m for k, m in MESSAGES if k == "no-host"), failed=True)
    assert computer.judge_hub(Output("Name: …"), standins=False).ok is True
    finding = computer.judge_hub(unreachable, standins=True)
    assert (finding.ok, finding.remedy) == (None, "")
    assert "using stand-ins" in finding.what
    assert computer.judge_hub(unreachable, standins=False).ok is False


@pytest.mark.parametrize(("key", "mend"), [("rate-limit", "docker login"), ("certificate", "update-ca-certificates")])
def test_a_hub_that_refuses_can_be_mended(key, mend):
    refusal = Output(next(m for k, m in MESSAGES if k == key), failed=True)
    assert mend in computer.judge_hub(refusal, standins=True).remedy


def test_index():
    assert computer.judge_index(Output("pip (26.0)"), "https://registry.example/simple").ok is True
    silent = Output("ERROR: No matching distribution found for pip", failed=True)
    finding = computer.judge_index(silent, "https://me:secret@registry.example/simple")
    assert finding.ok is False
    assert "secret" not in finding.what + finding.remedy
    assert computer.judge_index(Output("python: No module named pip", failed=True), "").ok is None
    untrusted = Output("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", failed=True)
    assert "global.cert" in computer.judge_index(untrusted, "").remedy


def test_certificates():
    assert computer.judge_certificates("/ca.crt", {}, [], []).ok is True
    assert "2 of your own" in computer.judge_certificates("/ca.crt", {}, [], ["a.crt", "b.crt"]).what
    assert "unset PIP_CERT" in computer.judge_certificates("/ca.crt", {"PIP_CERT": "/gone"}, ["PIP_CERT"], []).remedy
    assert computer.judge_certificates("", {}, [], []).ok is False


def test_machines_and_who_uses_them(tmp_path):
    assert checks.judge_machines({}, {}, {}, {}).ok is True
    machines = {"laptop": ("process", True), "ci": ("process", False)}
    finding = checks.judge_machines(machines, {"laptop": "process 41 (layerlab build)"}, {"machine-ci": [42]}, {})
    assert finding.ok is None
    assert "laptop (process, running, in use by process 41 (layerlab build))" in finding.what
    assert "machine-ci held by process 42" in finding.what
    assert "layerlab up ci" in finding.remedy
    finding = checks.judge_machines({"laptop": ("process", True)}, {}, {}, {"laptop": ["processes", "memory"]})
    assert (finding.ok, "all of the computer's processes and memory" in finding.what) == (None, True)
    assert checks.judge_machines({"laptop": ("process", True)}, {}, {}, {"laptop": []}).ok is True
    lock = tmp_path / "layerlab-use-laptop.lock"
    lock.touch()
    inode = lock.stat().st_ino
    locks = (
        f"1: FLOCK  ADVISORY  WRITE 42 fe:00:{inode} 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 43 fe:00:{inode} 0 EOF\n"
        "2: POSIX  ADVISORY  READ  44 fe:00:1 0 EOF\n"
    )
    assert checks.holders(tmp_path, locks) == {"use-laptop": [42]}


def test_leftovers():
    assert checks.judge_leftovers([], []).ok is True
    assert "layerlab clean" in checks.judge_leftovers(["laptop"], []).remedy
    assert "next App" in checks.judge_leftovers([], ["shop-1234"]).remedy


# -- the report --------------------------------------------------------------------------------------------------------

REPORT = Report((
    Finding("engine", True, "28.5.2 answers"),
    Finding("hub", None, "no hub: using stand-ins"),
    Finding("BuildKit", False, "DOCKER_BUILDKIT=0 switches it off", "`unset DOCKER_BUILDKIT`"),
))  # fmt: skip


def test_report_as_text():
    assert str(REPORT) == repr(REPORT) == "\n".join([
        "fine   engine    28.5.2 answers",
        "note   hub       no hub: using stand-ins",
        "WRONG  BuildKit  DOCKER_BUILDKIT=0 switches it off",
        "                 → `unset DOCKER_BUILDKIT`",
        "1 to fix.",
    ])  # fmt: skip


def test_report_as_json():
    assert not REPORT.ok
    assert Report(REPORT.findings[:2]).ok
    data = json.loads(REPORT.to_json())
    assert (data["ok"], data["findings"][2]["remedy"]) == (False, "`unset DOCKER_BUILDKIT`")


def test_a_check_that_breaks_hides_no_other(monkeypatch):
    def look_at_broken() -> Finding:
        raise RuntimeError("boom")

    monkeypatch.setattr(doctor, "CHECKS", (look_at_broken, lambda: Finding("other", True, "fine")))
    broken, other = doctor.doctor().findings
    assert (broken.name, broken.ok, other.ok) == ("broken", None, True)
    assert "boom" in broken.what


def test_doctor_looks_at_all_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    report = doctor.doctor()
    assert [f.name for f in report.findings] == [
        "engine", "buildx", "compose", "BuildKit", "disk", "CPU", "memory", "architecture", "network", "hub",
        "package index", "certificates", "machines", "leftovers",
    ]  # fmt: skip
    assert "could not be checked" not in str(report)


def test_looking_leaves_nothing_in_the_users_docker_folder(monkeypatch):
    """`docker buildx imagetools inspect` made ~/.docker/buildx."""
    folders = []

    def asked(command, environment):
        folders.append(Path(environment["BUILDX_CONFIG"]))
        assert folders[-1].is_dir()
        return findings.Output("")

    monkeypatch.setattr(findings, "ask", asked)
    findings.ask_plugin("buildx", "imagetools", "inspect", "python:3.11-slim")
    assert folders and not folders[0].exists()


def test_a_scratch_copy_whose_process_was_killed_is_a_leftover(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    project = tmp_path / "shop"
    project.mkdir()
    code = f"import os; from layerlab import App; App.from_path({str(project)!r}); os._exit(9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    (left,) = (tmp_path / "home" / "apps").glob("*/")
    finding = checks.look_at_leftovers()
    assert finding.ok is not True and left.name in finding.what
    with App.from_path(project):  # the next App removes it, and one in use isn't a leftover
        assert checks.look_at_leftovers().what == "none"
