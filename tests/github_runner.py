"""A stand-in for GitHub's runner: it runs a composite action's steps as the runner does, with stand-ins for the actions they use.

How the runner behaves is in its sources (github.com/actions/runner): a `bash` step is a file that `bash --noprofile --norc -e
-o pipefail` reads (ScriptHandlerHelpers.cs), a step without `if` runs only while nothing failed, and what a step writes to the
files in GITHUB_OUTPUT and GITHUB_ENV is there for the steps below it. Expressions are those that an action of ours may use:
names, texts, comparisons, `&&`, `||`, `!` and the functions of a step's state; anything else is an error.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

#: How long a step may take, seconds.
PATIENCE = 600.0
#: One token of an expression: a text, a name, a function's call, an operator, a bracket.
TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<call>[a-z]+)\(\)|(?P<name>[a-z_][\w.-]*)|(?P<operator>==|!=|&&|\|\||!|\(|\)))",
    re.IGNORECASE,
)
PYTHON = {"&&": " and ", "||": " or ", "!": " not "}


@dataclasses.dataclass
class Caches:
    """GitHub's cache of a repository: entries that never change, each in the branch that saved it.

    A job finds those of its own branch, then those of the default branch: by the whole key, then the newest by each prefix.
    """

    folder: Path
    default: str = "refs/heads/main"
    entries: list[tuple[str, str, Path]] = dataclasses.field(default_factory=list)

    def restore(self, runner: Runner, path: str, key: str, **more: str) -> dict[str, str]:
        wanted = [key, *more.get("restore-keys", "").split()]
        for ref in dict.fromkeys((runner.github["ref"], self.default)):
            for prefix in wanted:
                for of, saved, where in reversed(self.entries):
                    if of == ref and (saved == key or (prefix != key and saved.startswith(prefix))):
                        shutil.copytree(where, path, dirs_exist_ok=True)
                        return {"cache-hit": str(saved == key).lower(), "cache-matched-key": saved}
        return {"cache-hit": ""}

    def save(self, runner: Runner, path: str, key: str) -> dict[str, str]:
        assert "," not in key and len(key) <= 512, key  # what GitHub refuses
        if Path(path).exists() and (runner.github["ref"], key) not in [entry[:2] for entry in self.entries]:
            where = shutil.copytree(path, self.folder / str(len(self.entries)))
            self.entries.append((runner.github["ref"], key, where))
        return {}


@dataclasses.dataclass
class Runner:
    """One job on a fresh runner.

    Attributes:
        workspace: the checked-out repository.
        temp: the job's folder for temporary files.
        github: the `github` context; variables such as GITHUB_REF follow it.
        caches: the repository's.
        variables: what else a step has in its environment.
        artifacts: what was uploaded, by name.
        summary: what the steps wrote to the job's summary.
        printed: what each step printed, by its id or name.
    """

    workspace: Path
    temp: Path
    github: dict[str, str]
    caches: Caches
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    artifacts: dict[str, Path] = dataclasses.field(default_factory=dict)
    summary: str = ""
    printed: dict[str, str] = dataclasses.field(default_factory=dict)

    def run(self, action: Path, **inputs: str) -> Result:
        """Run a composite action with these inputs, _ in their names for -."""
        metadata = yaml.safe_load((action / "action.yml").read_text(encoding="utf-8"))
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= metadata["inputs"].keys(), "an unknown input"
        missing = [name for name, told in metadata["inputs"].items() if told.get("required") and name not in given]
        assert not missing, missing
        context = Context(self, {"inputs": given, "steps": {}, "github": {**self.github, "action_path": str(action)}})
        defaults = context.all_filled({name: told.get("default", "") for name, told in metadata["inputs"].items()})
        context.values["inputs"] = defaults | given
        exit_code = 0
        for number, step in enumerate(metadata["runs"]["steps"]):
            name = step.get("id") or step.get("name") or str(number)
            if not context.applies(step.get("if", "success()")):
                context.steps[name] = {"outcome": "skipped", "outputs": {}}
                continue
            code, outputs = self._step(step, name, context)
            context.steps[name] = {"outcome": "failure" if code else "success", "outputs": outputs}
            if code and step.get("continue-on-error") is not True:
                context.failed, exit_code = True, exit_code or code
        told = metadata.get("outputs", {})
        return Result(exit_code, {name: context.filled(one["value"]) for name, one in told.items()}, context.steps)

    def _step(self, step: Mapping[str, Any], name: str, context: Context) -> tuple[int, dict[str, str]]:
        if "uses" in step:
            return 0, self._use(step["uses"].partition("@")[0], context.all_filled(step.get("with", {})))
        files = {key: self.temp / f"_{key}_{name}" for key in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        script = self.temp / f"_{name}.sh"
        script.write_text(context.filled(step["run"]))
        assert step["shell"] == "bash"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=self.workspace / context.filled(step.get("working-directory", "")),
            env={**os.environ, **self.variables, **self.known(context), **context.all_filled(step.get("env", {})),
                 **{key: str(file) for key, file in files.items()}},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PATIENCE,
        )  # fmt: skip
        self.printed[name] = done.stdout
        self.variables |= pairs(files["GITHUB_ENV"].read_text())
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        return done.returncode, pairs(files["GITHUB_OUTPUT"].read_text())

    def known(self, context: Context) -> dict[str, str]:
        """Return the variables that the runner itself sets."""
        told = {f"GITHUB_{name.upper()}": value for name, value in context.values["github"].items()}
        return {"CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_OS": "Linux", "RUNNER_TEMP": str(self.temp), **told}

    def _use(self, action: str, given: dict[str, str]) -> dict[str, str]:
        use: dict[str, Callable[[], dict[str, str]]] = {
            "actions/cache/restore": lambda: self.caches.restore(self, **given),
            "actions/cache/save": lambda: self.caches.save(self, **given),
            "actions/upload-artifact": lambda: self._upload(**given),
        }
        return use[action]()

    def _upload(self, name: str, path: str, **more: str) -> dict[str, str]:
        assert not re.search(r'["<>:|*?\r\n\\/]', name), "GitHub refuses that name"
        if Path(path).exists():
            self.artifacts[name] = Path(path)
        return {}


@dataclasses.dataclass
class Context:
    """What expressions see, and whether a step has failed."""

    runner: Runner
    values: dict[str, Any]
    failed: bool = False

    @property
    def steps(self) -> dict[str, Any]:
        return self.values["steps"]

    def all_filled(self, texts: Mapping[str, Any]) -> dict[str, str]:
        return {name: self.filled(str(text)) for name, text in texts.items()}

    def filled(self, text: str) -> str:
        """Replace each ${{ … }} in a text, which is what makes one in a script dangerous."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: self._text(self.value(found[1])), text, flags=re.DOTALL)

    def applies(self, condition: object) -> bool:
        """Tell whether a step runs. A condition that doesn't ask for the steps' state also means success()."""
        text = str(condition).strip().removeprefix("${{").removesuffix("}}")
        asks = re.search(r"\b(?:always|success|failure|cancelled)\(\)", text)
        return bool(self.value(text)) and (bool(asks) or not self.failed)

    def value(self, expression: str) -> Any:
        functions = {"always": True, "success": not self.failed, "failure": self.failed, "cancelled": False}
        parts: list[str] = []
        values: list[Any] = []
        rest = expression.strip()
        while rest:
            found = TOKEN.match(rest)
            assert found, f"not an expression that this stand-in knows: {expression}"
            rest = rest[found.end() :].lstrip()
            if found["operator"]:
                parts.append(PYTHON.get(found["operator"], found["operator"]))
                continue
            if found["text"]:
                values.append(found["text"][1:-1].replace("''", "'"))
            else:
                values.append(functions[found["call"]] if found["call"] else self._named(found["name"]))
            parts.append(f" values[{len(values) - 1}] ")
        return eval("".join(parts), {"__builtins__": {}}, {"values": values})

    def _named(self, name: str) -> Any:
        at: Any = {**self.values, "runner": {"os": "Linux", "temp": str(self.runner.temp)}}
        for key in name.split("."):
            at = at.get(key, "") if isinstance(at, dict) else ""
        return at

    @staticmethod
    def _text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)


@dataclasses.dataclass(frozen=True)
class Result:
    """How an action ended: the first failed step's exit code, the action's outputs, and each step's outcome and outputs."""

    exit_code: int
    outputs: dict[str, str]
    steps: dict[str, Any]


def pairs(text: str) -> dict[str, str]:
    """Read a file of NAME=VALUE lines, or NAME<<END, lines, END, as the runner does (FileCommandManager.cs)."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, sign, value = re.fullmatch(r"(.*?)(<<|=)(.*)", line).groups()  # the runner fails on any other line, too
        if sign == "<<":
            value = "\n".join(itertools.takewhile(value.__ne__, lines))
        found[name] = value
    return found
