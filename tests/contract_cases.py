"""A project with a contract, and changes to its files: some break a clause, some are harmless.

Its steps are quick, because what counts are their states: they print what a real project would install.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

DOCKERFILE = """\
FROM python:3.11-slim AS builder
RUN echo apt-get install gcc
ENV VENV=/venv
COPY requirements.txt /
RUN --mount=type=cache,target=/root/.cache/pip echo pip install -r requirements.txt && mkdir /venv && cp /requirements.txt /venv

FROM python:3.11-slim
WORKDIR /app
COPY --link --from=builder /venv /venv
COPY --link models/ /models/
COPY . .
ARG GIT_SHA=none
LABEL revision=$GIT_SHA
CMD ["python", "main.py"]
"""
IGNORE = ".git\nnotes\ntests\nlayerlab.toml\n*Dockerfile\n.dockerignore\n"
CONTRACT = """\
[measure]
commit_args = ["GIT_SHA"]

[contract.code]
cached = ["RUN *apt-get install*", "RUN --mount=type=cache*pip install*", "COPY *--from=* /venv", "COPY *models/*"]
max_steps_run = 1

[contract.dependency]
cached = ["RUN *apt-get install*", "COPY *models/*"]

[contract.context]
max_steps_run = 0

[contract.any]
max_context_mb = 0.1
"""
FILES = {
    "Dockerfile": DOCKERFILE,
    ".dockerignore": IGNORE,
    "layerlab.toml": CONTRACT,
    "main.py": "print('shop')\n",
    "requirements.txt": "fastapi==0.115.0\n",
    "models/weights.bin": "weights\n" * 1000,
    "tests/test_main.py": "assert True\n",
    ".git/objects/pack": "packed\n" * 100_000,
}


@dataclasses.dataclass(frozen=True)
class Mutation:
    """A change to the project.

    Attributes:
        name: what it is.
        changes: in each file, the text that is replaced → the new text.
        broken: the clauses that it breaks, as they're printed; () for a harmless one.
        cause: what the first of them must be blamed on.
        line: the line that it must point at; 0 if it doesn't matter.
        unknown: the clauses of those that --fast can't tell.
    """

    name: str
    changes: Mapping[str, Mapping[str, str]] = dataclasses.field(hash=False)
    broken: tuple[str, ...] = ()
    cause: str = ""
    line: int = 0
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def dockerfile(old: str, new: str) -> dict[str, dict[str, str]]:
    return {"Dockerfile": {old: new}}


PIP, APT, VENV, MODELS = (
    "code: cached RUN --mount=type=cache*pip install*",
    "code: cached RUN *apt-get install*",
    "code: cached COPY *--from=* /venv",
    "code: cached COPY *models/*",
)
STEPS, NOTES, CONTEXT = "code: max_steps_run 1", "context: max_steps_run 0", "any: max_context_mb 0.1 MB"
LATER_APT, LATER_MODELS = "dependency: cached RUN *apt-get install*", "dependency: cached COPY *models/*"
COPY_CODE, COPY_MODELS, COPY_VENV = (
    "COPY . .\n",
    "COPY --link models/ /models/\n",
    "COPY --link --from=builder /venv /venv\n",
)

SYSTEM, COPY_REQUIREMENTS, SHIPPED = (
    "RUN echo apt-get install gcc\n",
    "COPY requirements.txt /\n",
    "\nFROM python:3.11-slim\n",
)

BREAKING = (
    Mutation(
        "all is copied before the install",
        dockerfile("COPY requirements.txt /", "COPY . /"),
        (PIP, STEPS), "`COPY . /` in line 4 precedes it: main.py changed", 4, (VENV,),
    ),
    Mutation(
        "the code is copied too early as well",
        dockerfile("COPY requirements.txt /", "COPY main.py requirements.txt /"),
        (PIP, STEPS), "`COPY main.py requirements.txt /` in line 4 precedes it: main.py changed", 4, (VENV,),
    ),
    Mutation(
        "a wildcard takes the code, too",
        dockerfile("COPY requirements.txt /", "COPY *.* /"),
        (PIP, STEPS), "`COPY *.* /` in line 4 precedes it: main.py changed", 4, (VENV,),
    ),
    Mutation(
        "the context is mounted where it installs",
        dockerfile("RUN --mount=type=cache", "RUN --mount=type=bind,target=/src --mount=type=cache"),
        (PIP, STEPS), "no instruction of the build matches", 0, (VENV,),
    ),
    Mutation(
        "the context is mounted second",
        dockerfile(" echo pip install", " --mount=type=bind,target=/src echo pip install"),
        (PIP, STEPS), "main.py changed", 5, (VENV,),
    ),
    Mutation(
        "the code is copied above the system packages",
        dockerfile("RUN echo apt-get", "COPY main.py /\nRUN echo apt-get"),
        (APT, PIP, STEPS), "`COPY main.py /` in line 2 precedes it: main.py changed", 2, (VENV,),
    ),
    Mutation(
        "an ARG on top",
        dockerfile("RUN echo apt-get", "ARG GIT_SHA\nRUN echo apt-get"),
        (APT, PIP, STEPS, LATER_APT), "`ARG GIT_SHA` in line 2 precedes it", 2, (VENV,),
    ),
    Mutation(
        "an ARG above the install",
        dockerfile("ENV VENV=/venv", "ARG GIT_SHA"),
        (PIP, STEPS), "`ARG GIT_SHA` in line 3 precedes it", 3, (VENV,),
    ),
    Mutation(
        "an ENV that takes the ARG",
        dockerfile("ENV VENV=/venv", "ARG GIT_SHA\nENV VERSION=$GIT_SHA"),
        (PIP, STEPS), "in line 3 precedes it", 3, (VENV,),
    ),
    Mutation(
        "a global ARG",
        {"Dockerfile": {"FROM python:3.11-slim AS builder\n": "ARG GIT_SHA\nFROM python:3.11-slim AS builder\nARG GIT_SHA\n"}},
        (APT, PIP, STEPS, LATER_APT), "`ARG GIT_SHA` in line 3 precedes it", 3, (VENV,),
    ),
    Mutation(
        "a folder named after the commit",
        dockerfile("WORKDIR /app", "ARG GIT_SHA\nWORKDIR /app-$GIT_SHA"),
        (STEPS,), "ARG GIT_SHA", 0,
    ),
    Mutation(
        "the cache mount is dropped",
        dockerfile("--mount=type=cache,target=/root/.cache/pip ", ""),
        (PIP,), "it was changed or removed", 0,
    ),
    Mutation(
        "another tool installs",
        dockerfile("echo pip install", "echo uv sync"),
        (PIP,), "it was changed or removed", 0,
    ),
    Mutation(
        "an ignore rule is deleted",
        {".dockerignore": {"notes\n": ""}},
        (NOTES, CONTEXT), "`COPY . .` in line 11: notes/", 11,
    ),
    Mutation(
        "an ignored folder is let in again",
        {".dockerignore": {"notes\n": "notes\n!notes\n"}},
        (NOTES, CONTEXT), "`COPY . .` in line 11: notes/", 11,
    ),
    Mutation(
        "Git's folder isn't ignored",
        {".dockerignore": {".git\n": ""}},
        (CONTEXT,), "largest: .git (0.7 MB)", 0,
    ),
    Mutation(
        "the models are copied after the code",
        {"Dockerfile": {COPY_MODELS: "", COPY_CODE: f"{COPY_CODE}COPY models/ /models/\n"}},
        (MODELS, STEPS, LATER_MODELS), "`COPY . .` in line 10 precedes it: main.py changed", 10,
    ),
    Mutation(
        "the models are no longer linked",
        dockerfile(COPY_MODELS, "COPY models/ /models/\n"),
        (LATER_MODELS,), "precedes it", 0, (LATER_MODELS,),
    ),
    Mutation(
        "the environment is copied after the code",
        {"Dockerfile": {COPY_VENV: "", COPY_CODE: f"{COPY_CODE}COPY --from=builder /venv /venv\n"}},
        (VENV, STEPS), "`COPY . .` in line 10 precedes it: main.py changed", 10,
    ),
    Mutation(
        "the system packages come after the requirements",
        {"Dockerfile": {SYSTEM: "", COPY_REQUIREMENTS: f"{COPY_REQUIREMENTS}{SYSTEM}"}},
        (LATER_APT,), "`COPY requirements.txt /` in line 3 precedes it: requirements.txt changed", 3,
    ),
    Mutation(
        "a chown of everything",
        dockerfile(COPY_CODE, f"{COPY_CODE}RUN chown -R 1000 /app\n"),
        (STEPS,), "`COPY . .` in line 11: main.py changed", 11,
    ),
    Mutation(
        "the code goes through the builder",
        {"Dockerfile": {SHIPPED: f"COPY . /src/\n{SHIPPED}", COPY_CODE: "COPY --from=builder /src /app\n"}},
        (STEPS,), "`COPY . /src/` in line 6: main.py changed", 6,
    ),
)  # fmt: skip

HARMLESS = (
    Mutation("a comment", dockerfile("WORKDIR /app", "# where the code is\nWORKDIR /app")),
    Mutation("empty lines", dockerfile("COPY requirements", "\n\nCOPY requirements")),
    Mutation("a label at the end", dockerfile("CMD", 'LABEL team="shop"\nCMD')),
    Mutation("another command", dockerfile('["python", "main.py"]', '["python", "-O", "main.py"]')),
    Mutation("spaces", dockerfile("COPY requirements.txt /", "COPY   requirements.txt   /")),
    Mutation("small letters", dockerfile("RUN echo apt-get", "run echo apt-get")),
    Mutation("a stage is renamed", {"Dockerfile": {"AS builder": "AS packages", "--from=builder": "--from=packages"}}),
    Mutation("a port", dockerfile("CMD", "EXPOSE 8000\nCMD")),
    Mutation("a stage that nothing needs", dockerfile(SHIPPED, f"\nFROM builder AS unused\nRUN echo unused\n{SHIPPED}")),
    Mutation("one more ignore rule, and a comment", {".dockerignore": {"notes\n": "# what we write down\nnotes\n**/*.pyc\n"}}),
    Mutation("line ends of the ignore file", {".dockerignore": {"notes\n": "notes\r\n"}}),
)  # fmt: skip


def write(folder: Path, mutation: Mutation | None = None) -> Path:
    """Write the project, as a mutation leaves it, and return its folder."""
    for name, text in FILES.items():
        for old, new in (mutation.changes.get(name, {}) if mutation else {}).items():
            assert old in text, f"{mutation}: {name} has no {old!r}"
            text = text.replace(old, new)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, newline="")
    return folder
