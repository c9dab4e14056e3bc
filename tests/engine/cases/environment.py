"""Variables: ENV, ARG, --build-arg, those that BuildKit knows, platforms."""

from .scene import BASE, Case, dockerfile, image, nothing, plain, replace

ENV = plain("""
    FROM python:3.11-slim
    WORKDIR /CASE
    ENV FIRST=1
    ENV LEVEL=info
    COPY main.py .
    RUN echo one
    """)
ARG = plain("""
    FROM python:3.11-slim
    ARG VERSION=1
    WORKDIR /CASE
    COPY main.py .
    RUN echo one
    """)
FILES = {"main.py": "print(1)\n"}
HIT = "CACHED CACHED CACHED"
RUN = "CACHED CACHED RAN"


def env(name: str, *edits, states: str = RUN, text: str = ENV, **more) -> Case:
    """Line 6 is a RUN below two ENVs, and a COPY between."""
    return Case(name, text, edits, states, **{"files": FILES, **more})


def arg(name: str, *edits, states: str = RUN, text: str = ARG, first=None, then=None, **more) -> Case:
    """Line 5 is a RUN below an ARG, and a COPY between; `first` and `then` are build arguments."""
    how = {"first": {"args": first or {}}, "then": {"args": then or {}}}
    return Case(name, text, edits or (nothing,), states, **{"files": FILES, **how, **more})


CASES = (
    # -- ENV ---------------------------------------------------------------------------------------------------------
    env("ENV value", replace("info", "debug"), roots=((6, "environment changed", "LEVEL"),)),
    env("ENV added above", replace("COPY", "ENV MORE=yes\nCOPY"), roots=((7, "environment changed", "MORE"),)),
    env("ENV removed", replace("ENV LEVEL=info\n", ""), roots=((5, "environment changed", "LEVEL"),)),
    env("ENV added below", replace("echo one", "echo one\nENV MORE=yes"), states=HIT, still=((6, "below"),)),
    env("ENV renamed", replace("LEVEL", "DEPTH"), roots=((6, "environment changed", "DEPTH"),)),
    env("ENV between two RUNs", replace("COPY", "ENV MORE=yes\nCOPY"), text=ENV.replace("COPY", "RUN echo zero\nCOPY"),
        states="CACHED CACHED CACHED RAN", roots=((8, "environment changed", "MORE"),)),
    # The variables go to a RUN as a list.
    env("ENV order", dockerfile(ENV.replace("ENV FIRST=1\nENV LEVEL=info", "ENV LEVEL=info\nENV FIRST=1")),
        roots=((6, "environment changed", "order"),)),
    env("two ENVs on one line", dockerfile(ENV.replace("\nENV LEVEL", " LEVEL")), states=HIT),
    env("ENV otherwise written", dockerfile(ENV.replace("FIRST=1", "FIRST 1").replace("=info", '="info"\nENV LEVEL=info')),
        states=HIT),
    env("ENV overruled", replace("LEVEL=info", "LEVEL=debug"), text=ENV.replace("RUN", "ENV LEVEL=error\nRUN"),
        states=HIT),
    env("ENV moved below the COPY", dockerfile(ENV.replace("ENV LEVEL=info\n", "").replace("RUN", "ENV LEVEL=info\nRUN")),
        states=HIT),
    env("ENV of PATH", replace("LEVEL=info", "PATH=/opt/bin:$PATH"), roots=((6, "environment changed", "PATH"),)),
    env("ENV of an ENV", replace("FIRST=1", "FIRST=2"), text=ENV.replace("info", "$FIRST"),
        roots=((6, "environment changed", "LEVEL"),)),
    env("ENV in a destination", replace("LEVEL=info", "LEVEL=debug"), text=ENV.replace("main.py .", "main.py $LEVEL/"),
        states="CACHED RAN RAN", roots=((5, "environment changed", "debug"), (6, "environment changed", "LEVEL"))),
    env("ENV in one stage of two", replace("info", "debug"), states="CACHED RAN CACHED CACHED", text="""
        FROM python:3.11-slim AS one
        WORKDIR /CASE
        ENV LEVEL=info
        RUN echo one > /made
        FROM python:3.11-slim
        WORKDIR /CASE
        COPY --from=one /made .
        """, roots=((4, "environment changed", "LEVEL"),)),
    # -- ARG ---------------------------------------------------------------------------------------------------------
    arg("ARG value", first={"VERSION": "1"}, then={"VERSION": "2"}, roots=((5, "argument changed", "VERSION"),)),
    arg("ARG same value", first={"VERSION": "2"}, then={"VERSION": "2"}, states=HIT),
    arg("ARG given as the default is", then={"VERSION": "1"}, states=HIT),
    arg("ARG given, then not", first={"VERSION": "2"}, roots=((5, "argument changed", "VERSION"),)),
    arg("ARG default", replace("=1", "=2"), roots=((5, "argument changed", "VERSION"),)),
    arg("ARG default overruled", replace("=1", "=2"), first={"VERSION": "3"}, then={"VERSION": "3"}, states=HIT),
    arg("ARG not declared", first={"OTHER": "1"}, then={"OTHER": "2"}, states=HIT),
    arg("ARG added above", replace("ARG", "ARG OTHER=1\nARG"), roots=((6, "argument changed", "OTHER"),)),
    # Without a value it is not in the environment.
    arg("ARG without a value added", replace("ARG", "ARG OTHER\nARG"), states=HIT),
    arg("ARG without a value, given", text=ARG.replace("=1", ""), then={"VERSION": "2"},
        roots=((5, "argument changed", "VERSION"),)),
    arg("ARG declared below the RUN", text=ARG.replace("ARG VERSION=1\n", "") + "ARG VERSION=1\n",
        first={"VERSION": "1"}, then={"VERSION": "2"}, states=HIT),
    arg("ARG moved below the RUN", dockerfile(ARG.replace("ARG VERSION=1\n", "") + "ARG VERSION=1\n"),
        roots=((4, "argument changed", "VERSION"),)),
    arg("ARG in a RUN's text", text=ARG.replace("echo one", "echo $VERSION"), then={"VERSION": "2"},
        roots=((5, "argument changed", "VERSION"),)),
    # "Environment variables defined using the ENV instruction always override an ARG instruction of the same name."
    arg("ARG overruled by ENV", text=ARG.replace("WORKDIR", "ENV VERSION=3\nWORKDIR"), then={"VERSION": "2"}, states=HIT),
    arg("ARG kept by ENV", text=ARG.replace("WORKDIR", "ENV KEPT=$VERSION\nWORKDIR"), then={"VERSION": "2"},
        roots=((6, "argument changed", "VERSION"), (6, "environment changed", "KEPT"))),
    arg("ARG in a COPY", text=ARG.replace("COPY main.py .", "COPY main.py app-$VERSION.py"), then={"VERSION": "2"},
        states="CACHED RAN RAN", roots=((4, "argument changed", "app-2.py"), (5, "argument changed", "VERSION"))),
    arg("ARG in a WORKDIR", text=ARG.replace("/CASE", "/CASE/$VERSION"), then={"VERSION": "2"}, states="RAN RAN RAN",
        roots=((3, "argument changed", "2"), (4, "working directory changed", "2"), (5, "argument changed", "VERSION"),
               (5, "working directory changed", "2"))),
    arg("ARG in what is below", text=ARG.replace("ARG VERSION=1\n", "") + "ARG VERSION=1\nENV V=$VERSION\nLABEL v=$VERSION\n",
        then={"VERSION": "2"}, states=HIT),
    arg("ARG before FROM only", text="ARG VERSION=1\n" + ARG.replace("ARG VERSION=1\n", ""), then={"VERSION": "2"},
        states=HIT),
    arg("ARG before FROM and again in the stage", text="ARG VERSION=1\n" + ARG.replace("VERSION=1", "VERSION"),
        then={"VERSION": "2"}, roots=((6, "argument changed", "VERSION"),)),
    arg("ARG of another stage", text="FROM python:3.11-slim AS other\nARG VERSION=1\n" + ARG.replace("VERSION", "MINE"),
        then={"VERSION": "2"}, states=HIT),
    arg("ARG of the stage below FROM", states="CACHED CACHED RAN", text="""
        FROM python:3.11-slim AS base
        ARG VERSION=1
        WORKDIR /CASE
        RUN echo one
        FROM base
        ARG MORE=1
        RUN echo two
        """, then={"MORE": "2"}, roots=((7, "argument changed", "MORE"),)),
    arg("ARG in FROM", states="RAN RAN RAN", text="ARG TAG=one\n" + ARG.replace(BASE, "CASE-base:$TAG"),
        given=(image("CASE-base:one", "one"), image("CASE-base:two", "two")), then={"TAG": "two"},
        roots=((4, "base changed", "base:two"),)),
    arg("ARG that chooses a stage", states="RAN RAN", text="""
        ARG KIND=a
        FROM python:3.11-slim AS a
        WORKDIR /CASE/a
        FROM python:3.11-slim AS b
        WORKDIR /CASE/b
        FROM $KIND
        RUN echo one
        """, then={"KIND": "b"}, roots=((5, "first build", "stage b"), (7, "working directory changed", "b"))),
    # -- those that BuildKit knows -----------------------------------------------------------------------------------
    # Proxies are kept out of the cache key, unless an ARG declares them (reference, "Predefined ARGs").
    arg("HTTP_PROXY", then={"HTTP_PROXY": "http://proxy.invalid:3128"}, states=HIT),
    arg("HTTP_PROXY declared", text=ARG.replace("VERSION=1", "HTTP_PROXY"),
        then={"HTTP_PROXY": "http://proxy.invalid:3128"}, roots=((5, "argument changed", "HTTP_PROXY"),)),
    arg("TARGETARCH declared", replace("VERSION=1", "TARGETARCH"), roots=(
        (5, "argument changed", "TARGETARCH"), (5, "argument changed", "VERSION"),
    )),
    # BuildKit gives the folder that WORKDIR makes this time.
    arg("SOURCE_DATE_EPOCH", first={"SOURCE_DATE_EPOCH": "1"}, then={"SOURCE_DATE_EPOCH": "2"}, states="RAN RAN RAN",
        roots=((3, "argument changed", "SOURCE_DATE_EPOCH"),)),
    arg("SOURCE_DATE_EPOCH declared", text=ARG.replace("VERSION=1", "SOURCE_DATE_EPOCH"),
        first={"SOURCE_DATE_EPOCH": "1"}, then={"SOURCE_DATE_EPOCH": "2"}, states="RAN RAN RAN",
        roots=tuple((line, "argument changed", "SOURCE_DATE_EPOCH") for line in (3, 5))),
    arg("BUILDKIT_INLINE_CACHE", then={"BUILDKIT_INLINE_CACHE": "1"}, states=HIT),
    arg("BUILDKIT_SANDBOX_HOSTNAME", then={"BUILDKIT_SANDBOX_HOSTNAME": "builder"},
        roots=((5, "option changed", "builder"),)),
    arg("BUILDKIT_CACHE_MOUNT_NS with a default id", text=ARG.replace("RUN", "RUN --mount=type=cache,target=/cache"),
        first={"BUILDKIT_CACHE_MOUNT_NS": "one"}, then={"BUILDKIT_CACHE_MOUNT_NS": "two"},
        roots=((5, "mount changed", "two"),)),
    arg("BUILDKIT_CACHE_MOUNT_NS with an id of its own",
        text=ARG.replace("RUN", "RUN --mount=type=cache,id=CASE,target=/cache"),
        first={"BUILDKIT_CACHE_MOUNT_NS": "one"}, then={"BUILDKIT_CACHE_MOUNT_NS": "two"}, states=HIT),
    # -- platforms: a file is a file on each; a RUN would have to be emulated ------------------------------------------
    Case("another platform, files only", "FROM scratch\nCOPY main.py /CASE/\n", (nothing,), "CACHED", files=FILES,
         first={"options": ["--platform=linux/amd64"]}, then={"options": ["--platform=linux/arm64"]}),
    Case("another platform, TARGETARCH in a RUN", plain("""
         FROM --platform=$BUILDPLATFORM python:3.11-slim AS make
         ARG TARGETARCH
         WORKDIR /CASE
         RUN echo $TARGETARCH > made
         FROM scratch
         COPY --from=make /CASE/made /CASE/
         """), (nothing,), "CACHED RAN RAN", roots=((4, "argument changed", "TARGETARCH"),),
         first={"options": ["--platform=linux/amd64"]}, then={"options": ["--platform=linux/arm64"]}),
)  # fmt: skip
