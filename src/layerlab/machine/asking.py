"""Check that an image still works: start it, wait until it's healthy, send one real request, and remove it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import docker

from ..errors import AppError
from ..system.home import LABEL, home_id
from ..texts.masker import Masker
from ..texts.plain import plain

if TYPE_CHECKING:
    from docker.models.containers import Container

    from ..project.app import App
    from .machine_like import MachineLike


#: How long an app may take until its health check answers, in seconds.
HEALTHY_SECONDS = 60.0
#: How long a command in an image may run, in seconds.
RUN_SECONDS = 60.0
#: Asks from inside the container, so that no port needs to be published and it works for every engine, wherever it runs.
#: Prints the status code, a space and the body.
_ASK = """
import json, sys, urllib.error, urllib.request
url, method, data = json.loads(sys.argv[1])
request = urllib.request.Request(url, data and data.encode(), {"Content-Type": "application/json"}, method=method)
try:
    answer = urllib.request.urlopen(request, timeout=30)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answers of a started image.

    Attributes:
        healthy: whether its health check answered with status 200.
        correct: whether the real request got status 200 and the text that the app's manifest expects.
        health: body of the health check's answer.
        text: body of the request's answer.
        log: the container's output; if it didn't become healthy, the reason is here.
        found: the texts from `look_for` that are in the image's files.
        why: if it didn't become healthy: what was waited for, and what came instead.
    """

    healthy: bool
    correct: bool
    health: str
    text: str
    log: str
    found: tuple[str, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        if not self.healthy:
            tail = "\n".join(plain(Masker().text(self.log)).strip().splitlines()[-8:])
            why = f"it did not become healthy{self.why and f': {self.why}'}"
            return f"{why}; the end of its log:\n{tail}" if tail else f"{why}; its log is empty"
        return plain(f"healthy: {self.health}\nanswer{'' if self.correct else ' (not as expected)'}: {self.text[:300]}")


@dataclasses.dataclass(frozen=True)
class Ran:
    """The result of a command in a container.

    Attributes:
        exit_code: as in a shell, 126 or 127 if the command can't be run or isn't in the image.
        output: standard output and standard error.
    """

    exit_code: int
    output: str


def run_in(machine: MachineLike, image: str, command: Sequence[str]) -> Ran:
    """Run one command in a container of `image` on `machine`, as the image's user; then remove the container."""
    with contextlib.closing(machine.client()) as engine:
        container = engine.containers.create(
            image, list(command[1:]), entrypoint=list(command[:1]), labels={LABEL: home_id()}
        )
        try:
            container.start()
            code = container.wait(timeout=RUN_SECONDS)["StatusCode"]
            return Ran(code, container.logs().decode("utf-8", "replace"))
        except docker.errors.APIError as error:  # such as a command that is not in the image
            return Ran(127, str(error.explanation or error))
        finally:
            container.remove(force=True, v=True)


def ask(machine: MachineLike, app: App, image: str, look_for: tuple[str, ...] = ()) -> Answer:
    """Start `image` on `machine`, send the requests that the app's manifest has under [run], and remove the container.

    Raises AppError if the manifest has no [run]. A container that doesn't start is an answer, not an error.
    """
    run: Mapping[str, Any] = app.run
    if not run:
        raise AppError(
            f"the manifest of {app.name} doesn't say how to ask it",
            "add [run] with port, health and request to layerlab.toml",
        )
    request, base = run["request"], f"http://127.0.0.1:{run['port']}"
    with contextlib.closing(machine.client()) as engine:
        container = engine.containers.create(image, detach=True, init=True, labels={LABEL: home_id()})
        try:
            container.start()
            status, health, why = _wait_until_healthy(container, base + run["health"])
            text, correct = "", False
            found: tuple[str, ...] = ()
            if status == 200:
                body = json.dumps(request["json"]) if "json" in request else None
                code, text = _ask(container, base + request["path"], request["method"], body)
                correct = code == 200 and request.get("expect", "") in text
                found = tuple(t for t in look_for if container.exec_run(["grep", "-rqF", t, "."]).exit_code == 0)
            log = container.logs().decode("utf-8", "replace")
            return Answer(status == 200, correct, health, text, log, found, why)
        except docker.errors.APIError as error:  # such as a command that is not in the image
            return Answer(False, False, "", "", str(error.explanation or error))
        finally:
            container.remove(force=True, v=True)


def _wait_until_healthy(container: Container, url: str) -> tuple[int, str, str]:
    """Return the health check's status and body; status 0 and the reason if it never was 200."""
    deadline = time.monotonic() + HEALTHY_SECONDS
    status = 0
    while time.monotonic() < deadline:
        status, body = _ask(container, url, "GET", None)
        if status == 200:
            return status, body, ""
        container.reload()
        if container.status != "running":
            return 0, "", f"it ended (exit code {container.attrs['State']['ExitCode']}) before {url} in it answered"
        time.sleep(0.1)
    last = f"the last answer had status {status}" if status else "nothing answered"
    return 0, "", f"{url} in it was asked for {HEALTHY_SECONDS:.0f} s, and {last}"


def _ask(container: Container, url: str, method: str, data: str | None) -> tuple[int, str]:
    try:
        done = container.exec_run(["python3", "-c", _ASK, json.dumps([url, method, data])], demux=True)
    except docker.errors.APIError:  # the container has ended
        return 0, ""
    output, errors = cast("tuple[bytes | None, bytes | None]", done.output)  # because of demux
    if done.exit_code:
        return 0, (errors or b"").decode("utf-8", "replace")
    status, _, body = (output or b"").decode("utf-8", "replace").strip().partition(" ")
    return int(status), body
