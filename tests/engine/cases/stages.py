"""Several stages, other images, named contexts."""

from .scene import Case, built, dockerfile, image, nothing, plain, replace, write

TWO = plain("""
    FROM python:3.11-slim AS make
    WORKDIR /CASE
    COPY main.py .
    RUN wc -l main.py > made
    FROM python:3.11-slim
    WORKDIR /CASE/2
    COPY --from=make /CASE/made .
    RUN echo done
    """)
UNUSED = plain("""
    FROM python:3.11-slim AS unused
    RUN echo one
    FROM python:3.11-slim
    WORKDIR /CASE
    RUN echo done
    """)
TARGETS = plain("""
    FROM python:3.11-slim AS base
    WORKDIR /CASE
    RUN echo base
    FROM base AS test
    COPY test.py .
    RUN echo test
    FROM base AS app
    COPY main.py .
    RUN echo app
    """)
FILES = {"main.py": "print(1)\n", "test.py": "test\n", "notes.md": "# Notes\n"}
EXTRA = {"options": ["--build-context=extra=OUTSIDE/extra"]}


def two(name: str, *edits, states: str, text: str = TWO, **more) -> Case:
    """Lines 1-4 make a file of how many lines main.py has; 5-8 take it."""
    return Case(name, text, edits, states, **{"files": FILES, **more})


CASES = (
    # -- COPY --from a stage -----------------------------------------------------------------------------------------
    # Content-based, so a hit although its parent ran again.
    two("a stage's output with the same bytes", write("main.py", "print(2)\n"),
        states="CACHED RAN RAN CACHED CACHED CACHED", roots=((3, "file changed", "main.py"),),
        still=((7, "line 4 ran again, but the files taken from there are the same"),)),
    two("a stage's output with other bytes", write("main.py", "print(1)\nprint(2)\n"),
        states="CACHED RAN RAN CACHED RAN RAN", roots=((3, "file changed", "main.py"),)),
    two("a file of a stage that is not taken", dockerfile(TWO.replace("> made", "> made; echo two > other")),
        states="CACHED CACHED RAN CACHED CACHED CACHED", text=TWO.replace("> made", "> made; echo one > other"),
        roots=((4, "text changed", "two"),)),
    two("another file of a stage", replace("/CASE/made", "/CASE/main.py"),
        states="CACHED CACHED CACHED CACHED RAN RAN", roots=((7, "text changed", "main.py"),)),
    two("COPY --from by number", replace("--from=make", "--from=0"), states="CACHED CACHED CACHED CACHED CACHED CACHED"),
    two("COPY --from another stage", replace("--from=make", "--from=other"), text=plain("""
        FROM python:3.11-slim AS make
        WORKDIR /CASE
        RUN echo one > made
        FROM python:3.11-slim AS other
        WORKDIR /CASE
        RUN echo two > made
        FROM python:3.11-slim
        WORKDIR /CASE/2
        COPY --from=make /CASE/made .
        """), states="CACHED RAN CACHED RAN", roots=((6, "first build", "stage other"),)),
    # -- names, order, what is used ----------------------------------------------------------------------------------
    two("a stage renamed", dockerfile(TWO.replace("make", "build")),
        states="CACHED CACHED CACHED CACHED CACHED CACHED"),
    two("the last stage named", replace("FROM python:3.11-slim\n", "FROM python:3.11-slim AS app\n"),
        states="CACHED CACHED CACHED CACHED CACHED CACHED"),
    two("a stage that is not used", replace("echo one", "echo two"), text=UNUSED, states="CACHED CACHED"),
    two("a stage that is not used, removed", dockerfile("FROM" + UNUSED.split("FROM")[2]), text=UNUSED,
        states="CACHED CACHED"),
    two("a stage added above", dockerfile("FROM python:3.11-slim AS first\nWORKDIR /first\n" + TWO),
        states="CACHED CACHED CACHED CACHED CACHED CACHED"),
    two("a stage split in two", dockerfile(TWO.replace("RUN wc", "FROM make AS more\nRUN wc").replace(
        "from=make", "from=more")), states="CACHED CACHED CACHED CACHED CACHED CACHED"),
    # -- FROM a stage ------------------------------------------------------------------------------------------------
    two("the stage below FROM", replace("echo base", "echo 1"), text=TARGETS, states="CACHED RAN RAN RAN",
        roots=((3, "text changed", "base → 1"),)),
    two("a file of one of two stages", write("main.py", "print(2)\n"), text=TARGETS, states="CACHED CACHED RAN RAN",
        roots=((8, "file changed", "main.py"),)),
    two("a file of the stage that is not built", write("test.py", "more\n"), text=TARGETS,
        states="CACHED CACHED CACHED CACHED"),
    two("a target", write("test.py", "more\n"), text=TARGETS, states="CACHED CACHED RAN RAN", first={"target": "test"},
        then={"target": "test"}, roots=((5, "file changed", "test.py"),)),
    # Nothing of that stage was ever built.
    two("another target", nothing, text=TARGETS, states="CACHED CACHED RAN RAN", first={"target": "test"},
        then={"target": "app"}, roots=((8, "first build", "stage app"), (9, "first build", "stage app"))),
    # The stage is compared with the build that reached it last, not with the last build.
    two("another target in between", built(target="test"), write("main.py", "print(2)\n"), text=TARGETS,
        states="CACHED CACHED RAN RAN", first={"target": "app"}, then={"target": "app"},
        roots=((8, "file changed", "main.py"),)),
    # -- other images ------------------------------------------------------------------------------------------------
    two("the base moved", image("CASE-base", "two"), given=(image("CASE-base", "one"),), text="""
        FROM CASE-base
        WORKDIR /CASE
        COPY main.py .
        RUN echo one
        """, states="RAN RAN RAN", roots=((2, "base moved", "base"),)),
    two("the base moved, under COPY --link", image("CASE-base", "two"), given=(image("CASE-base", "one"),), text="""
        FROM CASE-base
        COPY --link main.py /CASE/
        RUN echo one
        """, states="CACHED RAN", roots=((3, "base moved", "base"),)),
    two("the base of one stage moved", image("CASE-base", "two"), given=(image("CASE-base", "one"),),
        text=TWO.replace("python:3.11-slim AS", "CASE-base AS"), states="RAN RAN RAN CACHED CACHED CACHED",
        roots=((2, "base moved", "base"),)),
    two("another base", replace("CASE-base:1", "CASE-base:2"),
        given=(image("CASE-base:1", "one"), image("CASE-base:2", "two")), text="FROM CASE-base:1\nWORKDIR /CASE\nRUN echo one\n",
        states="RAN RAN", roots=((2, "base changed", "base:2"),)),
    two("another tag of the same base", replace("CASE-base:1", "CASE-base:2"),
        given=(image("CASE-base:1", "one"), image("CASE-base:2", "one")), text="FROM CASE-base:1\nWORKDIR /CASE\nRUN echo one\n",
        states="CACHED CACHED"),
    two("the image that COPY --from names moved", image("CASE-tools", "two"), given=(image("CASE-tools", "one"),), text="""
        FROM python:3.11-slim
        WORKDIR /CASE
        COPY --from=CASE-tools /note .
        RUN echo one
        """, states="CACHED RAN RAN", roots=((3, "source changed", "tools"),)),
    two("a file of that image that is not taken", image("CASE-tools", "two"), given=(image("CASE-tools", "one"),), text="""
        FROM python:3.11-slim
        WORKDIR /CASE
        COPY --from=CASE-tools /etc/hostname .
        RUN echo one
        """, states="CACHED CACHED CACHED", still=((3, "the files taken from there are the same"),)),
    two("the same, and a RUN below", image("CASE-tools", "two"), replace("echo one", "echo two"), text="""
        FROM python:3.11-slim
        WORKDIR /CASE
        COPY --from=CASE-tools /etc/hostname .
        RUN echo one
        """, given=(image("CASE-tools", "one"),), states="CACHED CACHED RAN", roots=((4, "text changed", "two"),)),
    # -- named contexts ----------------------------------------------------------------------------------------------
    two("a file of a named context", write("OUTSIDE/extra/a.txt", "two"), given=(write("OUTSIDE/extra/a.txt", "one"),),
        text="FROM python:3.11-slim\nWORKDIR /CASE\nCOPY --from=extra a.txt .\nRUN echo one\n", first=EXTRA, then=EXTRA,
        states="CACHED RAN RAN", roots=((3, "file changed", "a.txt"),)),
    two("a file of a named context that is not copied", write("OUTSIDE/extra/b.txt", "two"),
        given=(write("OUTSIDE/extra/a.txt", "one"), write("OUTSIDE/extra/b.txt", "one")),
        text="FROM python:3.11-slim\nWORKDIR /CASE\nCOPY --from=extra a.txt .\nRUN echo one\n", first=EXTRA, then=EXTRA,
        states="CACHED CACHED CACHED"),
    two("a file of a named context under a bind mount", write("OUTSIDE/extra/a.txt", "two"),
        given=(write("OUTSIDE/extra/a.txt", "one"),),
        text="FROM python:3.11-slim\nWORKDIR /CASE\nRUN --mount=from=extra,target=/extra echo one\n", first=EXTRA,
        then=EXTRA, states="CACHED RAN", roots=((3, "file changed", "a.txt"),)),
    two("a named context in place of a stage", nothing, given=(write("OUTSIDE/extra/CASE/made", "two"),),
        text=TWO.replace("AS make", "AS extra").replace("from=make", "from=extra"), then=EXTRA,
        states="CACHED RAN RAN", roots=((7, "option changed", "extra"),)),
)  # fmt: skip
