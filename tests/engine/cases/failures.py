"""Builds that failed before the last one: what they left in the cache, and what a step that failed says when it runs again."""

from .reports import EXPORTED, SHARED, case
from .scene import append, built, docker, image, image_of, nothing, replace, serve, write

#: A RUN that fails once and has the same key then.
ONCE = "RUN --mount=type=cache,id=CASE,target=/c test -f /c/ok || { touch /c/ok; exit 1; }\n"
MADE = (
    "FROM base AS make\nCOPY . /src\nRUN cut -c1 /src/app.py > /made\n"
    "FROM base\nCOPY --from=make /made /\n" + ONCE
)  # fmt: skip
FILES = {"app.py": "b1\n", "other.py": "o\n"}
B_AGAIN = (write("app.py", "b2\n"), append("other.py", "o\n"))

CASES = (
    case("a stage's bytes of a build that failed", MADE, write("app.py", "a\n"), built(**EXPORTED), *B_AGAIN,
         first={**EXPORTED, "fails": True}, then=EXPORTED, files=FILES, states="RAN RAN CACHED RAN",
         roots=((4, "file changed", "app.py, other.py changed"),),
         still=((7, "line 5 ran again, and the files taken from there are others than last time"),),
         causes=((8, "the files line 7 takes from stage make changed", 1),)),
    case("the same bytes, of an image that isn't exported", MADE, write("app.py", "a\n"), built(), *B_AGAIN,
         first={"fails": True}, files=FILES, states="RAN RAN CACHED RAN",
         roots=((4, "file changed", "app.py, other.py changed"), (8, "unknown", "line 7 is cached, perhaps with other files")),
         still=((7, "line 5 ran again, but the cache has the files taken from there, from the last time or an earlier one"),)),
    case("an image's bytes of a build that failed", f"COPY --from=CASE-tools /note /\n{ONCE}",
         image("CASE-tools", "one"), built(**EXPORTED),
         image_of("CASE-tools", "FROM python:3.11-slim\nRUN echo CASE\nRUN echo two > /note\n"),
         given=(image("CASE-tools", "two"),), first={**EXPORTED, "fails": True}, then=EXPORTED, states="CACHED RAN",
         still=((3, "and the files taken from there are others than last time"),),
         roots=((4, "source changed", "tools:latest moved"),)),
    case("a stage's bytes of a build of another target",
         "FROM base AS make\nCOPY app.py /\nRUN cut -c1 /app.py > /made\nFROM base AS one\nCOPY --from=make /made /\n"
         "RUN echo one\nFROM base AS two\nCOPY --from=make /made /\nRUN echo two\n",
         write("app.py", "b1\n"), built(target="two"), write("app.py", "b2\n"), first={"target": "one"}, then={"target": "one"},
         files={"app.py": "a1\n"}, states="RAN RAN CACHED RAN", still=((7, "from the last time or an earlier one"),),
         roots=((4, "file changed", "app.py"), (8, "unknown", "line 7 is cached, perhaps with other files"))),
    case("a build of another target that left all", "FROM base AS make\nCOPY app.py /\nFROM make AS one\nRUN echo one\n"
         "FROM make AS two\nRUN echo two\n", append("app.py", "b\n"), built(target="two"), first={"target": "one"},
         then={"target": "one"}, states="CACHED RAN",
         still=((4, "app.py changed, but the cache has it from a build of target two"),),
         roots=((6, "file changed", "app.py changed (line 4)"),)),
    # -- what a failed build's record doesn't have -----------------------------------------------------------------------
    case("a base that moved, and a failure", "RUN echo CASE\nRUN true\n", image("CASE-base", "two"),
         replace("RUN true", "RUN false"), head="FROM CASE-base\n", given=(image("CASE-base", "one"),), states="RAN FAILED",
         fails="exit code: 1", roots=((2, "unknown", "-base couldn't be compared"), (3, "text changed", "true → false"))),
    case("the same base, pruned, and a failure", "RUN echo CASE\nRUN true\n", docker("builder", "prune", "--all", "--force"),
         replace("RUN true", "RUN false"), head="FROM python:3.11-slim\n", alone=True, states="RAN FAILED",
         fails="exit code: 1", roots=((2, "record gone", ""), (3, "text changed", "true → false"))),
    case("another image that COPY --from names, and a failure", "COPY --from=CASE-tools /note /\nRUN true\n",
         image("CASE-tools", "two"), replace("RUN true", "RUN false"), given=(image("CASE-tools", "one"),),
         states="RAN FAILED", fails="exit code: 1",
         roots=((3, "unknown", "-tools couldn't be compared"), (4, "text changed", "true → false"))),
    case("an address with other content, and a failure", "ADD SITE/data.txt /\nRUN true\n", serve("data.txt", "v2222"),
         replace("RUN true", "RUN false"), given=(serve("data.txt", "v1"),), states="RAN FAILED", fails="exit code: 1",
         roots=((3, "unknown", "data.txt couldn't be compared"), (4, "text changed", "true → false"))),
    case("a file of a named context, and a failure", "COPY --from=shared . /lib\nRUN true\n",
         append("OUTSIDE/shared/lib.py", "l2\n"), replace("RUN true", "RUN false"),
         given=(write("OUTSIDE/shared/lib.py", "l\n"),), first=SHARED, then=SHARED, states="RAN FAILED", fails="exit code: 1",
         roots=((3, "file changed", "lib.py in context shared changed"), (4, "text changed", "true → false"))),
    # -- steps that failed before ----------------------------------------------------------------------------------------
    case("a step that failed, and its text", "RUN echo one\nRUN false\nRUN echo three\n", replace("RUN false", "RUN true"),
         first={"fails": True}, states="CACHED RAN RAN",
         roots=((4, "text changed", "false → true (no earlier build got through it)"),
                (5, "instruction added", "no earlier build got through it"))),
    case("a step that failed twice", "RUN echo one\nRUN false 1\n", replace("false 1", "false 2"),
         first={"fails": True}, states="CACHED FAILED", fails="exit code: 1",
         roots=((4, "text changed", "1 → 2 (no earlier build got through it)"),)),
    case("a COPY that failed, and its file", "COPY data.txt /CASE/\nRUN echo last\n", write("data.txt", "d\n"),
         head="FROM python:3.11-slim\n", first={"fails": True}, states="RAN RAN",
         roots=((2, "file added", "data.txt is new (no earlier build got through it)"), (3, "instruction added", "no earlier"))),
    case("an ARG of a step that failed", "ARG V=1\nRUN test $V = 2\n", nothing, first={"fails": True}, then={"args": {"V": "2"}},
         states="RAN", roots=((4, "argument changed", "ARG V: 1 → 2 (no earlier build got through it)"),)),
    case("an ARG, and a COPY above", "COPY app.py /\nARG V\nRUN echo one\n", append("app.py", "b\n"), then={"args": {"V": "2"}},
         states="RAN RAN", roots=((3, "file changed", "app.py"), (5, "argument changed", "ARG V")),
         remedies=("no step down to there names it, and a new value alone would leave each cached",)),
)  # fmt: skip
