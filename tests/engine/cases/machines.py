"""What happens to the cache, and to builds: --no-cache, pruned, reset, moved, failed, Compose."""

from .scene import Case, built, docker, dockerfile, move_base, nothing, plain, remove, replace, reset, write

ONE = plain("""
    FROM python:3.11-slim
    WORKDIR /CASE
    COPY main.py .
    RUN echo one
    """)
TWO = plain("""
    FROM python:3.11-slim AS make
    WORKDIR /CASE
    RUN echo one > made
    FROM python:3.11-slim AS app
    WORKDIR /CASE/2
    COPY --from=make /CASE/made .
    """)
COMPOSE = plain("""
    services:
      web:
        build:
          context: .
          args:
            VERSION: "1"
        environment:
          LEVEL: info
    """)
ARG = ONE.replace("WORKDIR", "ARG VERSION\nWORKDIR")
SERVICE = {"dockerfile": "compose.yaml", "service": "web"}
FILES = {"main.py": "print(1)\n"}


def one(name: str, *edits, states: str, text: str = ONE, **more) -> Case:
    return Case(name, text, edits, states, **{"files": FILES, **more})


def service(name: str, *edits, states: str, **more) -> Case:
    """The same by Compose, with an argument above."""
    return one(name, *edits, states=states, text=ARG, first=SERVICE, then=SERVICE,
               **{"files": {**FILES, "compose.yaml": COMPOSE}, **more})  # fmt: skip


CASES = (
    # -- the cache ---------------------------------------------------------------------------------------------------
    # It is for RUN, COPY and ADD; a WORKDIR hits all the same.
    one("--no-cache", nothing, states="CACHED RAN RAN", then={"options": ["--no-cache"]},
        roots=((3, "no cache", ""), (4, "no cache", ""))),
    one("--no-cache and an edit", write("main.py", "print(2)\n"), states="CACHED RAN RAN",
        then={"options": ["--no-cache"]}, roots=((3, "no cache", ""), (4, "no cache", ""))),
    one("--no-cache in between", built(options=["--no-cache"]), states="CACHED CACHED CACHED"),
    # The stage's RUN runs again and makes the same bytes.
    one("--no-cache-filter", nothing, text=TWO, states="CACHED RAN CACHED CACHED",
        then={"options": ["--no-cache-filter=make"]}, roots=((3, "no cache", ""),)),
    one("--no-cache-filter of the last stage", nothing, text=TWO, states="CACHED CACHED CACHED RAN",
        then={"options": ["--no-cache-filter=app"]}, roots=((6, "no cache", ""),)),
    one("the cache pruned", docker("builder", "prune", "--all", "--force"), states="RAN RAN RAN", alone=True,
        roots=((2, "record gone", ""), (3, "record gone", ""), (4, "record gone", ""))),
    one("the cache pruned and an edit", docker("builder", "prune", "--all", "--force"),
        write("main.py", "print(2)\n"), states="RAN RAN RAN", alone=True,
        roots=((2, "record gone", ""), (3, "file changed", "main.py"))),
    # A reset machine is a new one.
    one("the machine reset", reset, states="RAN RAN RAN", alone=True,
        roots=((2, "first build", ""), (3, "first build", ""), (4, "first build", ""))),
    one("another machine", nothing, states="RAN RAN RAN", alone=True, then={"elsewhere": True},
        roots=((2, "first build", ""), (3, "first build", ""), (4, "first build", ""))),
    one("another machine in between", built(elsewhere=True), write("main.py", "print(2)\n"), alone=True,
        states="CACHED RAN RAN", roots=((3, "file changed", "main.py"),)),
    one("the base moved on the machine", move_base("RUN echo CASE > /moved"), states="RAN RAN RAN", alone=True,
        roots=((2, "base moved", "python:3.11-slim"),)),
    # -- ways to build that change nothing ---------------------------------------------------------------------------
    one("another output", nothing, states="CACHED CACHED CACHED", then={"options": ["--output=type=image"]}),
    one("another name of the image", nothing, states="CACHED CACHED CACHED", then={"options": ["--tag=CASE:more"]}),
    one("a label of the build", nothing, states="CACHED CACHED CACHED", then={"options": ["--label=a=b"]}),
    one("another Dockerfile that says the same", nothing, states="CACHED CACHED CACHED",
        files={**FILES, "other.Dockerfile": ONE}, then={"dockerfile": "other.Dockerfile"}),
    # Each Dockerfile is compared with its own last build.
    one("another Dockerfile in between", built(dockerfile="other.Dockerfile"), write("main.py", "print(2)\n"),
        states="CACHED RAN RAN", files={**FILES, "other.Dockerfile": ONE.replace("echo one", "echo two")},
        roots=((3, "file changed", "main.py"),)),
    # -- builds that fail --------------------------------------------------------------------------------------------
    # The newest success that reached the step says what changed since.
    one("a failure in between, mended", replace("echo one", "false"), built(fails=True), replace("false", "echo two"),
        states="CACHED CACHED RAN", roots=((4, "text changed", "two"),)),
    one("a failure in between, taken back", replace("echo one", "false"), built(fails=True),
        replace("false", "echo one"), states="CACHED CACHED CACHED"),
    # What the failed build did above the failure is in the cache.
    one("a failure below an edit, mended", write("main.py", "print(2)\n"), replace("echo one", "false"),
        built(fails=True), replace("false", "echo one"), states="CACHED CACHED RAN",
        roots=((4, "file changed", "main.py"),)),
    one("a failing step", replace("echo one", "false"), states="CACHED CACHED FAILED", fails="exit code: 1",
        roots=((4, "text changed", "false"),)),
    one("a failing step below an edit", replace("echo one", "echo one && grep 1 main.py"),
        write("main.py", "print(2)\n"), states="CACHED RAN FAILED", fails="exit code: 1",
        roots=((3, "file changed", "main.py"), (4, "text changed", "grep"))),
    one("a step below a failure", replace("echo one", "false"), text=ONE + "RUN echo two\n",
        states="CACHED CACHED FAILED NOT_REACHED", fails="exit code: 1", roots=((4, "text changed", "false"),)),
    # A step that fails leaves nothing in the cache.
    one("the same failure again", replace("echo one", "false"), built(fails=True), states="CACHED CACHED FAILED",
        fails="exit code: 1", roots=((4, "text changed", "false"),)),
    one("a file that is missing", remove("main.py"), states="CACHED FAILED NOT_REACHED", fails="main.py",
        roots=((3, "file removed", "main.py"),)),
    # -- Compose -----------------------------------------------------------------------------------------------------
    service("Compose, nothing changed", nothing, states="CACHED CACHED CACHED"),
    service("Compose, a build argument", replace('"1"', '"2"', "compose.yaml"), states="CACHED CACHED RAN",
            roots=((5, "argument changed", "VERSION"),)),
    # The variables of the container, not of the build.
    service("Compose, an environment", replace("info", "debug", "compose.yaml"), states="CACHED CACHED CACHED"),
    service("Compose, a file", write("main.py", "print(2)\n"), states="CACHED RAN RAN",
            roots=((4, "file changed", "main.py"),)),
    service("Compose, another Dockerfile", replace("context: .", "context: .\n      dockerfile: other.Dockerfile",
            "compose.yaml"), states="CACHED CACHED RAN", roots=((5, "text changed", "two"),),
            files={**FILES, "compose.yaml": COMPOSE, "other.Dockerfile": ARG.replace("echo one", "echo two")}),
    one("Compose in place of a build", nothing, text=ARG, states="CACHED CACHED CACHED", then=SERVICE,
        first={"args": {"VERSION": "1"}}, files={**FILES, "compose.yaml": COMPOSE}),
    one("a Dockerfile that cannot be read", dockerfile("FROM python:3.11-slim\nWORKDIR /CASE\nRUM echo one\n"),
        states="", fails="unknown instruction"),
)  # fmt: skip
