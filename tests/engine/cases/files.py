"""Files of the build context, and the ignore rules."""

from .scene import (
    Case,
    built,
    chmod,
    chown,
    folder,
    fresh_copy,
    keeping_times,
    link,
    plain,
    remove,
    rename,
    replace,
    touch,
    write,
)

SRC = plain("""
    FROM python:3.11-slim
    WORKDIR /CASE
    COPY src/ src/
    RUN echo done
""")
ALL = SRC.replace("src/ src/", ". .")
TEXTS = SRC.replace("src/ src/", "*.txt ./")
FILES = {"src/main.py": "print(1)\n", "src/run.sh": "echo 1\n", "README.md": "# Read\n"}
COPY_ON = "CACHED RAN RAN"
HIT = "CACHED CACHED CACHED"


def src(name: str, *edits, states: str = COPY_ON, dockerfile: str = SRC, **more) -> Case:
    """A case of the Dockerfile above: line 3 copies a folder, line 4 comes after it."""
    more["files"] = {**FILES, **more.get("files", {})}
    return Case(name, dockerfile, edits, states, **more)


CASES = (
    # -- what a file is ---------------------------------------------------------------------------------------------
    src("nothing changed", states=HIT),
    src("mtime only", touch("src"), states=HIT, still=((3, "have different dates"),)),
    src("a fresh copy", fresh_copy, states=HIT),
    src("another owner on the client", chown("src/run.sh"), states=HIT),
    src("content", write("src/main.py", "print(2)\n"), roots=((3, "file changed", "src/main.py"),)),
    src("a mode", chmod("src/run.sh", 0o755), roots=((3, "mode changed", "src/run.sh"),)),
    src("a mode of group only", chmod("src/run.sh", 0o664), roots=((3, "mode changed", "src/run.sh"),)),
    # The client sends it, but of a folder that the engine holds the key stays as it was (layerlab.selection).
    src("a mode of a folder", chmod("src/deep", 0o700), files={"src/deep/x": ""}, states=HIT),
    src("setuid", chmod("src/run.sh", 0o4755), roots=((3, "mode changed", "src/run.sh"),)),
    src("a rename", rename("src/run.sh", "src/start.sh"), roots=((3, "file renamed", "src/start.sh"),)),
    src("a move to a folder", rename("src/run.sh", "src/bin/run.sh"),
        roots=((3, "file renamed", "src/bin/run.sh"),)),
    src("an added file", write("src/more.py", "print(3)\n"), roots=((3, "file added", "src/more.py"),)),
    src("a removed file", remove("src/run.sh"), roots=((3, "file removed", "src/run.sh"),)),
    src("an empty folder", folder("src/empty"), roots=((3, "file added", "src/empty"),)),
    src("an added link", link("src/latest", "main.py"), roots=((3, "file added", "src/latest"),)),
    src("a link to elsewhere", link("src/latest", "run.sh"), given=(link("src/latest", "main.py"),),
        roots=((3, "file changed", "src/latest"),)),
    src("a link in place of a file", link("src/run.sh", "main.py"), roots=((3, "file changed", "src/run.sh"),)),
    src("line endings", write("src/main.py", "print(1)\r\n"), roots=((3, "file changed", "src/main.py"),)),
    src("an emptied file", write("src/main.py", ""), roots=((3, "file changed", "src/main.py"),)),
    src("two contents swapped", write("src/main.py", "echo 1\n"), write("src/run.sh", "print(1)\n"),
        roots=((3, "file changed", "src/main.py"),)),
    src("content, added and mode at once", write("src/main.py", "print(2)\n"), write("src/more.py", ""),
        chmod("src/run.sh", 0o755), roots=(
            (3, "file changed", "src/main.py"), (3, "file added", "src/more.py"), (3, "mode changed", "src/run.sh"),
        )),
    src("many files", *(write(f"src/part{n}.py", "print(4)\n") for n in range(30)),
        files={f"src/part{n}.py": "print(3)\n" for n in range(30)}, roots=((3, "file changed", "30 files in src changed"),)),
    # BuildKit asks the client for a file again only when its size, mode or time differs (fsutil), as rsync does.
    src("content of the same size and time", keeping_times("src/main.py", "print(2)\n"), states=HIT,
        still=((3, "main.py changed, but not its size and date"),)),
    # The cache remembers more than the last build.
    src("content back as it was", write("src/main.py", "print(2)\n"), built(), write("src/main.py", "print(1)\n"),
        states=HIT, still=((3, "2 builds ago"),)),
    src("a file that is not copied", write("README.md", "# Read me\n"), states=HIT),
    src("a space in a name", write("my file.txt", "two"), dockerfile=SRC.replace("src/ src/", '["my file.txt", "./"]'),
        files={"my file.txt": "one"}, roots=((3, "file changed", "my file.txt"),)),
    # -- which files a COPY names ------------------------------------------------------------------------------------
    src("a new file that a wildcard matches", write("b.txt", "b"), dockerfile=TEXTS, files={"a.txt": "a"},
        roots=((3, "file added", "b.txt"),)),
    src("a new file that no wildcard matches", write("b.md", "b"), dockerfile=TEXTS, files={"a.txt": "a"}, states=HIT),
    src("a new file in a folder that a wildcard does not enter", write("deep/b.txt", "b"), dockerfile=TEXTS,
        files={"a.txt": "a", "deep/a.md": "a"}, states=HIT),
    src("the second of two sources", write("README.md", "# Two\n"),
        dockerfile=SRC.replace("src/ src/", "src/main.py README.md ./"), roots=((3, "file changed", "README.md"),)),
    src("a file of the second COPY", write("src/main.py", "print(2)\n"), states="CACHED CACHED CACHED RAN",
        dockerfile="""
        FROM python:3.11-slim
        WORKDIR /CASE
        COPY README.md .
        RUN echo packages
        COPY src/ .
        """, roots=((5, "file changed", "src/main.py"),)),
    src("a file of both COPYs", write("src/main.py", "print(2)\n"), states="CACHED RAN RAN",
        dockerfile="""
        FROM python:3.11-slim
        WORKDIR /CASE
        COPY src/main.py one.py
        COPY src/ .
        """, roots=((3, "file changed", "src/main.py"), (4, "file changed", "src/main.py"))),
    src("anything under COPY . .", write("README.md", "# Two\n"), dockerfile=ALL,
        roots=((3, "file changed", "README.md"),)),
    # The Dockerfile is a file of the context like any other.
    src("a comment under COPY . .", replace("RUN", "# why\nRUN"), dockerfile=ALL,
        roots=((3, "file changed", "Dockerfile"),)),
    src("a comment with the Dockerfile ignored", replace("RUN", "# why\nRUN"), dockerfile=ALL,
        files={".dockerignore": "Dockerfile\n"}, states=HIT),
    # -- ignore rules ------------------------------------------------------------------------------------------------
    src("an ignored file", write("src/notes.log", "two"), states=HIT,
        files={".dockerignore": "**/*.log\n", "src/notes.log": "one"}),
    src("a new ignored file", write("src/notes.log", "one"), states=HIT, files={".dockerignore": "**/*.log\n"}),
    src("ignore rules let a file in", write(".dockerignore", "# nothing\n"),
        files={".dockerignore": "src/run.sh\n"}, roots=((3, "ignore rules changed", "src/run.sh"),)),
    src("ignore rules keep a file out", write(".dockerignore", "src/run.sh\n"),
        files={".dockerignore": "# nothing\n"}, roots=((3, "ignore rules changed", "src/run.sh"),)),
    src("an ignore file where none was", write(".dockerignore", "**/*.sh\n"),
        roots=((3, "ignore rules changed", "src/run.sh"),)),
    src("ignore rules for what is not copied", write(".dockerignore", "README.md\n"), states=HIT),
    src("ignore rules otherwise written", write(".dockerignore", "# logs\n\n**/*.log\n"), states=HIT,
        files={".dockerignore": "**/*.log\n"}),
    src("an exception to the ignore rules", write(".dockerignore", "src/*\n!src/main.py\n"),
        roots=((3, "ignore rules changed", "src/run.sh"),)),
    src("an ignore file of the Dockerfile's own", write("Dockerfile.dockerignore", "src/run.sh\n"),
        files={".dockerignore": "src/main.py\n"}, roots=((3, "ignore rules changed", "src/"),)),
    src(".dockerignore where the Dockerfile has its own", write(".dockerignore", "src/run.sh\n"), states=HIT,
        files={"Dockerfile.dockerignore": "**/*.log\n"}),
    # The file of rules is itself a file that COPY . . copies.
    src("ignore rules under COPY . .", write(".dockerignore", "README.md\n"), dockerfile=ALL,
        files={".dockerignore": "*.log\n"},
        roots=((3, "file changed", ".dockerignore"), (3, "ignore rules changed", "README.md"))),
    # `*.pyc` matches in the root only.
    src("*.pyc and one in a folder", write("src/main.pyc", "two"), files={".dockerignore": "*.pyc\n"},
        roots=((3, "file added", "src/main.pyc"),)),
    src("**-*.pyc and one in a folder", write("src/main.pyc", "two"), states=HIT,
        files={".dockerignore": "**/*.pyc\n"}),
    src("content of an ignored file let in", write("src/run.sh", "echo 2\n"), write(".dockerignore", ""),
        files={".dockerignore": "src/run.sh\n"}, roots=((3, "ignore rules changed", "src/run.sh"),)),
)  # fmt: skip
