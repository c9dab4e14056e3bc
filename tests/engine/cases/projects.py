"""What real public projects showed (docs/real-projects.md): each as a small case of our own, with the answer that helps."""

from .reports import APP, EXPORTED, case
from .scene import append, built, replace, write

FETCH = "python -c \"import json; open('/model','w').write(json.dumps(dict(kind='forest',depth=12,seed=7,trees=200)))\""
COMPOSE = (
    "services:\n  base: {build: {context: ., dockerfile: base.Dockerfile}}\n"
    "  web: {build: {context: ., additional_contexts: {lower: 'service:base'}}}\n"
)
ON_ANOTHER = {
    "head": "FROM lower\n",
    "files": {
        **APP,
        "compose.yaml": COMPOSE,
        "base.Dockerfile": "FROM python:3.11-slim\nARG TOOL=1\nRUN echo CASE one\nRUN echo two\n",
        "Dockerfile.dockerignore": "*Dockerfile*\ncompose.yaml\n",
    },
    "first": {"service": "web", "dockerfile": "compose.yaml"},
}

CASES = (
    case("a COPY of what isn't there", "COPY . /app\nRUN echo install\n", replace("COPY . /app", "COPY nosuch /app"),
         states="FAILED NOT_REACHED", fails="nosuch", files={**APP, ".dockerignore": "Dockerfile\n"},
         roots=((3, "text changed", ". → nosuch"),)),
    case("one ARG of several names", "ARG ENVIRONMENT \\\n  # for permissions\n  USER_ID=1 \\\n  GROUP_ID=1\nRUN echo $USER_ID\n",
         states="RAN", then={"args": {"USER_ID": "2"}}, roots=((7, "argument changed", "ARG USER_ID: 1 → 2"),)),
    case("one ARG of several names, and a failure", "ARG ENVIRONMENT \\\n  USER_ID=1\nRUN test $USER_ID = 1\n",
         states="FAILED", then={"args": {"USER_ID": "2"}}, fails="exit code: 1",
         roots=((5, "argument changed", "ARG USER_ID: 1 → 2"),)),
    case("a default in an ENV of several names", "RUN echo above\nENV ONE=1 \\\n  TWO=2\nRUN echo $TWO\n",
         replace("TWO=2", "TWO=3"), states="CACHED RAN", roots=((6, "environment changed", "ENV TWO: 2 → 3"),),
         still=((3, "ENV in line 4 changed"),)),
    case("a long word that changed near its end", f"RUN {FETCH}\n", replace("trees=200", "trees=300"), states="RAN",
         roots=((3, "text changed", "trees=200"),), shows="trees=300"),
    case("an ARG that a program reads from the environment",
         "FROM base AS web\nARG API_URL=\nRUN echo above\nRUN env | grep ^API_URL > /built || true\n"
         "FROM base\nCOPY --from=web /built /\nRUN echo last\n",
         states="RAN RAN RAN RAN", first=EXPORTED, then={**EXPORTED, "args": {"API_URL": "there"}},
         roots=((5, "argument changed", "ARG API_URL"), (6, "argument changed", "ARG API_URL")), remedies=()),
    case("a file that a step above read, among others", "COPY app.py /\nCOPY . /app\n", append("app.py", "b\n"), built(),
         write("app.py", "a\n"), append("other.py", "b\n"), states="CACHED RAN", files={**APP, "other.py": "o\n"},
         roots=((4, "file changed", "app.py, other.py changed"),), causes=((4, "app.py", 1),)),
    case("an ARG of a build that failed because of a COPY", "ARG ID=1\nRUN echo one\nRUN echo two\nCOPY app.py /\n",
         replace("COPY app.py", "COPY nosuch"), built(fails=True, args={"ID": "2"}), replace("COPY nosuch", "COPY app.py"),
         states="RAN RAN RAN", then={"args": {"ID": "2"}},
         roots=((4, "argument changed", "ARG ID: 1 → 2"), (5, "argument changed", "ARG ID: 1 → 2"))),
    case("an ARG that two hits were built with by a build that failed",
         "ARG ID=1\nRUN echo one\nRUN echo two\nRUN echo three\nCOPY app.py /\n",
         replace("echo three", "false"), built(fails=True, args={"ID": "2"}), replace("false", "echo three"),
         states="CACHED CACHED RAN RAN", then={"args": {"ID": "2"}},
         roots=((6, "argument changed", "ARG ID: 1 → 2"),), causes=((7, "line 6 above ran again", 1),)),
    case("a COPY of one file and a COPY of all", "COPY poetry.lock /\nRUN echo install\nCOPY . /app\n",
         *(append(name, "more\n") for name in ("a.py", "b.py", "c.py", "d.py", "poetry.lock")), states="RAN RAN RAN",
         files={**dict.fromkeys(("a.py", "b.py", "c.py", "d.py"), "a\n"), "poetry.lock": "l\n"},
         roots=((3, "file changed", "poetry.lock changed"), (5, "file changed", "a.py, b.py, c.py and 2 more changed"))),
    case("a change in the target below", "COPY app.py /\nRUN echo three\n", replace("echo two", "echo 2", "base.Dockerfile"),
         states="RAN RAN CACHED RAN", then=ON_ANOTHER["first"], roots=((0, "text changed", "two → 2"),),
         shows="RUN echo 2 above ran again", hidden="line 0", **ON_ANOTHER),
    case("an ARG of the target below", "COPY app.py /\nRUN echo three\n", replace("TOOL=1", "TOOL=2", "base.Dockerfile"),
         states="RAN RAN RAN RAN", then=ON_ANOTHER["first"], hidden="line 0",
         roots=((0, "environment changed", "ARG or ENV TOOL: 1 → 2"), (0, "environment changed", "ARG or ENV TOOL: 1 → 2")),
         **ON_ANOTHER),
    case("a failure above another target", "COPY app.py /\nRUN echo three\n", replace("echo three", "false"),
         states="CACHED FAILED CACHED CACHED", then=ON_ANOTHER["first"], fails="exit code: 1",
         roots=((3, "text changed", "false"),), **ON_ANOTHER),
)  # fmt: skip
