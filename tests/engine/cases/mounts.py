"""RUN --mount of each type."""

from .scene import Case, chmod, dockerfile, image, nothing, plain, replace, write

TEXT = plain("""
    FROM python:3.11-slim
    WORKDIR /CASE
    RUN {} echo one
    """)
FILES = {"app/main.py": "print(1)\n", "app/notes.md": "# Notes\n", "README.md": "# Read\n"}
HIT = "CACHED CACHED"
RUN = "CACHED RAN"


def mount(name: str, was: str, now: str, *roots, states: str = RUN, **more) -> Case:
    """Line 3 is a RUN with `was`, which becomes `now`."""
    edits = (dockerfile(TEXT.format(now)), *more.pop("edits", ()))
    return Case(name, TEXT.format(was), edits, states, tuple(roots), **{"files": FILES, **more})


def same(name: str, flag: str, *edits, roots=(), states: str = RUN, **more) -> Case:
    return mount(name, flag, flag, *roots, states=states, edits=edits, **more)


CACHE = "--mount=type=cache,target=/cache"
BIND = "--mount=type=bind,source=app,target=/app"
SECRET = "--mount=type=secret,id=token"
GIVEN = {"options": ["--secret=id=token,src=OUTSIDE/token"]}
STAGES = plain("""
    FROM python:3.11-slim AS make
    WORKDIR /CASE
    RUN echo one > made
    FROM python:3.11-slim
    WORKDIR /CASE/2
    RUN --mount=from=make,source=/CASE/made,target=/made cat /made
    """)

CASES = (
    # -- cache -------------------------------------------------------------------------------------------------------
    mount("a cache mount added", "", CACHE, (3, "mount changed", "/cache")),
    mount("a cache mount removed", CACHE, "", (3, "mount changed", "/cache")),
    mount("the target of a cache mount", CACHE, CACHE + "2", (3, "mount changed", "/cache2")),
    # Neither the id nor the sharing is in the cache key, unless the id is the default one and the sharing too
    # (BuildKit solver/llbsolver/ops/exec.go, checkShouldClearCacheOpts).
    mount("the id of a cache mount", f"{CACHE},id=a", f"{CACHE},id=b", states=HIT, still=((3, "key is the same"),)),
    mount("an id for a cache mount that had none", CACHE, f"{CACHE},id=b", (3, "mount changed", "of its own")),
    mount("sharing of a cache mount with an id", f"{CACHE},id=a", f"{CACHE},id=a,sharing=locked", states=HIT),
    mount("the id of a cache mount, and the text", f"{CACHE},id=a echo", f"{CACHE},id=b printf",
          (3, "text changed", "printf")),
    # "Defaults to value of target."
    mount("defaults of a cache mount said", CACHE, "--mount=target=/cache,type=cache,id=/cache,sharing=shared", states=HIT),
    mount("sharing of a cache mount", CACHE, f"{CACHE},sharing=locked", (3, "mount changed", "of its own")),
    mount("a cache mount read only", CACHE, f"{CACHE},ro", (3, "mount changed", "/cache")),
    mount("the mode of a cache mount", CACHE, f"{CACHE},mode=0700", (3, "mount changed", "/cache")),
    mount("the owner of a cache mount", f"{CACHE},uid=10001", f"{CACHE},uid=10002", (3, "mount changed", "/cache")),
    # They are sorted by target (BuildKit client/llb).
    mount("the order of two mounts", f"{CACHE} --mount=type=tmpfs,target=/t", f"--mount=type=tmpfs,target=/t {CACHE}",
          states=HIT),
    # What is in a cache mount is in no cache key.
    same("what is in a cache mount", CACHE, replace("FROM", "FROM python:3.11-slim AS other\n"
         f"RUN {CACHE} date > /cache/CASE\nFROM"), states=HIT),
    # -- bind --------------------------------------------------------------------------------------------------------
    mount("a bind mount added", "", BIND, (3, "mount changed", "/app")),
    same("a file under a bind mount", BIND, write("app/main.py", "print(2)\n"),
         roots=((3, "file changed", "app/main.py"),)),
    same("a new file under a bind mount", BIND, write("app/more.py", ""), roots=((3, "file added", "app/more.py"),)),
    same("a mode under a bind mount", BIND, chmod("app/main.py", 0o755),
         roots=((3, "mode changed", "app/main.py"),)),
    same("a file beside a bind mount", BIND, write("README.md", "# Two\n"), states=HIT),
    same("a bind mount of one file, another changed", "--mount=type=bind,source=app/main.py,target=/main.py",
         write("app/notes.md", "# Two\n"), states=HIT),
    same("a bind mount of the whole context", "--mount=type=bind,target=/src", write("README.md", "# Two\n"),
         roots=((3, "file changed", "README.md"),)),
    mount("the source of a bind mount", BIND, "--mount=type=bind,source=app/main.py,target=/app",
          (3, "mount changed", "app/main.py")),
    mount("a bind mount to write to", BIND, f"{BIND},rw", (3, "mount changed", "/app")),
    Case("a bind mount from a stage, other bytes", STAGES, (replace("echo one", "echo two"),),
         "CACHED RAN CACHED RAN", roots=((3, "text changed", "two"),)),
    Case("a bind mount from a stage, the same bytes", STAGES, (replace("echo one", "echo  one"),),
         "CACHED RAN CACHED CACHED", roots=((3, "text changed", "white space"),)),
    same("a bind mount from an image", "--mount=from=CASE-tools,source=/note,target=/note",
         image("CASE-tools", "two"), given=(image("CASE-tools", "one"),),
         roots=((3, "source changed", "tools"),)),
    # -- tmpfs -------------------------------------------------------------------------------------------------------
    mount("a tmpfs mount added", "", "--mount=type=tmpfs,target=/t", (3, "mount changed", "/t")),
    mount("the size of a tmpfs mount", "--mount=type=tmpfs,target=/t,size=1m", "--mount=type=tmpfs,target=/t,size=2m",
          (3, "mount changed", "/t")),
    # -- secret ------------------------------------------------------------------------------------------------------
    mount("a secret added", "", SECRET, (3, "mount changed", "token")),
    mount("the id of a secret", SECRET, "--mount=type=secret,id=key", (3, "mount changed", "key")),
    mount("the target of a secret", SECRET, f"{SECRET},target=/token", (3, "mount changed", "/token")),
    mount("a secret as a variable", SECRET, f"{SECRET},env=TOKEN", (3, "mount changed", "token")),
    # "The build secret's value is not part of the cache key."
    same("the value of a secret", SECRET, write("OUTSIDE/token", "geheim"), states=HIT,
         given=(write("OUTSIDE/token", "secret"),), first=GIVEN, then=GIVEN),
    same("a secret that was not given before", SECRET, write("OUTSIDE/token", "geheim"), states=HIT, then=GIVEN),
    mount("a secret that is required", SECRET, f"{SECRET},required", (3, "mount changed", "token"),
          states="CACHED FAILED", fails="token"),
    # What is cached needs no secret.
    same("a required secret that is not given again", f"{SECRET},required", states=HIT,
         given=(write("OUTSIDE/token", "secret"),), first=GIVEN),
    # -- ssh ---------------------------------------------------------------------------------------------------------
    mount("an ssh mount added", "", "--mount=type=ssh", (3, "mount changed", "ssh")),
    mount("the id of an ssh mount", "--mount=type=ssh", "--mount=type=ssh,id=work", (3, "mount changed", "work")),
    mount("an ssh mount that is required", "--mount=type=ssh", "--mount=type=ssh,required", (3, "mount changed", "ssh"),
          states="CACHED FAILED", fails="ssh"),
    # -- and the rest of the build's options that RUN sees -----------------------------------------------------------
    same("--network of the build", "", nothing, then={"options": ["--network=none"]},
         roots=((3, "network changed", "none"),)),
    same("--add-host", "", nothing, then={"options": ["--add-host=db:10.0.0.1"]}, roots=((3, "option changed", "db"),)),
    # Only the name is in the cache key (exec.go, CacheMap).
    same("the address of --add-host", "", nothing, states=HIT, first={"options": ["--add-host=db:10.0.0.1"]},
         then={"options": ["--add-host=db:10.0.0.2"]}),
    same("--shm-size", "", nothing, then={"options": ["--shm-size=128m"]}, roots=((3, "mount changed", "/dev/shm"),)),
    same("--ulimit", "", nothing, then={"options": ["--ulimit=nofile=1024:1024"]},
         roots=((3, "option changed", "nofile"),)),
)  # fmt: skip
