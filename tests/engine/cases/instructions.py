"""The Dockerfile's text: each instruction and option that is not about variables, mounts or stages."""

from .scene import Case, chmod, commit, dockerfile, image_of, nothing, plain, replace, serve, tar, write

ONE = plain("""
    FROM python:3.11-slim
    WORKDIR /CASE
    RUN echo one
    COPY main.py .
    RUN echo two
""")
FILES = {"main.py": "print(1)\n", "notes.md": "# Notes\n"}
HIT = "CACHED CACHED CACHED CACHED"
CONFIGURED = plain("""
    LABEL version=1
    EXPOSE 80/tcp 1000/udp
    CMD ["python", "1.py"]
    ENTRYPOINT ["python", "-u", "1"]
    HEALTHCHECK --interval=1s CMD test 1
    STOPSIGNAL 1
    VOLUME /data /data1
    ONBUILD RUN echo 1
    RUN echo one""")


def one(name: str, *edits, states: str = HIT, text: str = ONE, **more) -> Case:
    return Case(name, text, edits, states, **{"files": FILES, **more})


def above(name: str, was: str, now: str, states: str = HIT, **more) -> Case:
    """`was` on line 3, above RUN, COPY and RUN, becomes `now`; "" is no line."""
    return one(name, dockerfile(_with(now)), states=states, text=_with(was), **more)


def _with(line: str) -> str:
    return ONE.replace("RUN echo one\n", (f"{line}\n" if line else "") + "RUN echo one\n")


def copy(name: str, was: str, now: str, *roots, states: str = "CACHED RAN RAN", **more) -> Case:
    """Line 3 is `was` and becomes `now`."""
    text = "FROM python:3.11-slim\nWORKDIR /CASE\n{}\nRUN echo done\n"
    edits = (dockerfile(text.format(now)), *more.pop("edits", ()))
    return Case(name, text.format(was), edits, states, tuple(roots), **{"files": FILES, **more})


CASES = (
    # -- how it is written -------------------------------------------------------------------------------------------
    one("a comment", replace("COPY", "# the code\n# and more\nCOPY")),
    one("a comment in a RUN", dockerfile(ONE.replace("echo one", "echo a && \\\n# why\n    echo b")),
        text=ONE.replace("echo one", "echo a && \\\n    echo b")),
    one("spaces after RUN, and at the end", dockerfile(ONE.replace("RUN echo one", "RUN    echo one   "))),
    one("empty lines, and lower case", dockerfile(ONE.replace("RUN", "\n\nrun").replace("COPY", "copy"))),
    one("# check and # escape lines", replace("FROM", "# escape=`\n# check=skip=all\nFROM")),
    one("a line break in a RUN", replace("RUN echo one", "RUN echo \\\n    one"), states="CACHED RAN RAN RAN",
        roots=((3, "text changed", "white space"),)),
    one("spaces in a RUN", replace("RUN echo one", "RUN echo  one"), states="CACHED RAN RAN RAN",
        roots=((3, "text changed", "white space"),)),
    one("text of a RUN", replace("echo one", "echo three"), states="CACHED RAN RAN RAN",
        roots=((3, "text changed", "three"),)),
    one("text of the last RUN", replace("echo two", "echo three"), states="CACHED CACHED CACHED RAN",
        roots=((5, "text changed", "three"),)),
    one("a RUN without a shell", replace("RUN echo one", 'RUN ["echo", "one"]'), states="CACHED RAN RAN RAN",
        roots=((3, "text changed", "echo"),)),
    one("where a COPY goes", replace("main.py .", "main.py app.py"), states="CACHED CACHED RAN RAN",
        roots=((4, "text changed", "app.py"),)),
    one("what a COPY takes", replace("main.py .", "notes.md ."), states="CACHED CACHED RAN RAN",
        roots=((4, "text changed", "notes.md"),)),
    # -- heredocs ----------------------------------------------------------------------------------------------------
    copy("body of a heredoc RUN", "RUN <<EOF\necho one\necho two\nEOF", "RUN <<EOF\necho one\necho 2\nEOF",
         (3, "text changed", "two → 2")),
    # The body alone is what the shell gets (dockerfile2llb, dispatchRun).
    copy("the word that ends a heredoc", "RUN <<EOF\necho one\nEOF", "RUN <<END\necho one\nEND",
         states="CACHED CACHED CACHED"),
    copy("body of a heredoc COPY", "COPY <<EOF /CASE/made\none\nEOF", "COPY <<EOF /CASE/made\ntwo\nEOF",
         (3, "text changed", "two")),
    copy("a heredoc in place of &&", "RUN echo one && echo two", "RUN <<EOF\necho one\necho two\nEOF",
         (3, "text changed", "echo")),
    # -- added, removed, moved ---------------------------------------------------------------------------------------
    one("a RUN added", replace("COPY", "RUN echo new\nCOPY"), states="CACHED CACHED RAN RAN RAN",
        roots=((4, "instruction added", "new"),)),
    one("a COPY added", replace("COPY main", "COPY notes.md .\nCOPY main"), states="CACHED CACHED RAN RAN RAN",
        roots=((4, "instruction added", "new"),)),
    one("a RUN added at the end", replace("echo two", "echo two\nRUN echo new"), states=HIT + " RAN",
        roots=((6, "instruction added", "new"),)),
    one("a RUN removed", replace("RUN echo one\n", ""), states="CACHED RAN RAN",
        roots=((3, "instruction removed", "echo one"),)),
    one("the last RUN removed", replace("RUN echo two\n", ""), states="CACHED CACHED CACHED"),
    # Either of the two may be said to have moved: the one that was below is now above.
    one("two RUNs swapped", dockerfile("FROM python:3.11-slim\nWORKDIR /CASE\nRUN echo two\nRUN echo one\n"),
        text="FROM python:3.11-slim\nWORKDIR /CASE\nRUN echo one\nRUN echo two\n", states="CACHED RAN RAN", files={},
        roots=((3, "instruction moved", "3"),)),
    one("all below FROM removed but one", dockerfile("FROM python:3.11-slim\nRUN echo CASE\n"), states="RAN",
        text="FROM python:3.11-slim\nRUN echo CASE, one\nRUN echo CASE\n",
        roots=((2, "instruction removed", "one"),)),
    # -- what is only in the image's configuration -------------------------------------------------------------------
    one("configuration changed", dockerfile(ONE.replace("RUN echo one", CONFIGURED.replace("1", "2"))),
        text=ONE.replace("RUN echo one", CONFIGURED)),
    one("configuration added", dockerfile(ONE.replace("RUN echo one", CONFIGURED))),
    one("configuration removed", dockerfile(ONE), text=ONE.replace("RUN echo one", CONFIGURED)),
    above("MAINTAINER", "MAINTAINER one", "MAINTAINER two"),
    # -- WORKDIR, USER, SHELL ----------------------------------------------------------------------------------------
    # A RUN's working directory and a relative destination are part of what they are.
    above("WORKDIR", "WORKDIR /CASE/a", "WORKDIR /CASE/b", "CACHED RAN RAN RAN RAN",
          roots=((3, "text changed", "/b"), (4, "working directory changed", "/b"),
                 (5, "working directory changed", "/b"), (6, "working directory changed", "/b"))),
    above("WORKDIR added", "", "WORKDIR deeper", "CACHED RAN RAN RAN RAN",
          roots=((3, "instruction added", "new"), (4, "working directory changed", "deeper"),
                 (5, "working directory changed", "deeper"), (6, "working directory changed", "deeper"))),
    above("WORKDIR otherwise written", "WORKDIR sub", "WORKDIR /CASE/sub", "CACHED CACHED CACHED CACHED CACHED"),
    # The slash is in the path that RUN is given.
    above("WORKDIR with a slash at its end", "WORKDIR /CASE/sub", "WORKDIR /CASE/sub/", "CACHED CACHED RAN RAN RAN",
          roots=((4, "working directory changed", "/sub/"), (6, "working directory changed", "/sub/"))),
    above("USER above a RUN", "USER root", "USER nobody", "CACHED RAN RAN RAN",
          roots=((4, "user changed", "nobody"), (6, "user changed", "nobody"))),
    one("USER above a COPY", replace("COPY", "USER nobody\nCOPY"), states="CACHED CACHED CACHED RAN",
        roots=((6, "user changed", "nobody"),)),
    # BuildKit gives a WORKDIR that it makes to the user.
    one("USER below all", replace("echo two", "echo two\nUSER nobody")),
    above("SHELL above a RUN", 'SHELL ["/bin/sh", "-c"]', 'SHELL ["/bin/bash", "-c"]', "CACHED RAN RAN RAN",
          roots=((4, "shell changed", "/bin/bash"), (6, "shell changed", "/bin/bash"))),
    above("SHELL with another option", "", 'SHELL ["/bin/sh", "-e", "-c"]', "CACHED RAN RAN RAN",
          roots=((4, "shell changed", "-e"), (6, "shell changed", "-e"))),
    copy("SHELL above a RUN without one", 'RUN ["echo", "one"]', 'SHELL ["/bin/bash", "-c"]\nRUN ["echo", "one"]',
         (5, "shell changed", "/bin/bash"), states="CACHED CACHED RAN"),
    # -- options of RUN ----------------------------------------------------------------------------------------------
    copy("RUN --network", "RUN echo one", "RUN --network=none echo one", (3, "network changed", "none")),
    copy("RUN --network as it is anyway", "RUN echo one", "RUN --network=default echo one",
         states="CACHED CACHED CACHED"),
    # -- options of COPY ---------------------------------------------------------------------------------------------
    copy("COPY --chmod", "COPY --chmod=644 main.py .", "COPY --chmod=755 main.py .",
         (3, "option changed", "chmod")),
    copy("COPY --chmod added", "COPY main.py .", "COPY --chmod=755 main.py .", (3, "option changed", "chmod")),
    # A mode that the option overrules is still part of what was sent.
    copy("a mode under COPY --chmod", "COPY --chmod=755 main.py .", "COPY --chmod=755 main.py .",
         (3, "mode changed", "main.py"), edits=(chmod("main.py", 0o700),)),
    copy("COPY --chown", "COPY --chown=1:1 main.py .", "COPY --chown=2:2 main.py .", (3, "option changed", "chown")),
    copy("COPY --chown by name", "COPY --chown=root main.py .", "COPY --chown=nobody main.py .",
         (3, "option changed", "chown")),
    copy("COPY --link added", "COPY main.py .", "COPY --link main.py .", (3, "option changed", "link")),
    copy("COPY --link below a change", "RUN echo one\nCOPY --link main.py .", "RUN echo 1\nCOPY --link main.py .",
         (3, "text changed", "one → 1"), states="CACHED RAN CACHED RAN", still=((4, "--link"),)),
    copy("a file under COPY --link", "COPY --link main.py .", "COPY --link main.py .",
         (3, "file changed", "main.py"), edits=(write("main.py", "print(2)\n"),)),
    copy("COPY --exclude, what it leaves out", "COPY --exclude=*.md . ./", "COPY --exclude=*.md . ./",
         states="CACHED CACHED CACHED", edits=(write("notes.md", "# Two\n"),)),
    copy("COPY --exclude, what it takes", "COPY --exclude=*.md . ./", "COPY --exclude=*.md . ./",
         (3, "file changed", "main.py"), edits=(write("main.py", "print(2)\n"),)),
    copy("COPY --exclude added", "COPY app app", "COPY --exclude=*.md app app", (3, "option changed", "exclude"),
         files={"app/main.py": "1", "app/notes.md": "2"}),
    # -- ADD ---------------------------------------------------------------------------------------------------------
    copy("ADD in place of COPY", "COPY main.py .", "ADD main.py .", (3, "option changed", "ADD")),
    copy("an archive of ADD", "ADD files.tar.gz .", "ADD files.tar.gz .", (3, "file changed", "files.tar.gz"),
         given=(tar("files.tar.gz", a="one"),), edits=(tar("files.tar.gz", a="two"),)),
    copy("an archive of ADD made again", "ADD files.tar.gz .", "ADD files.tar.gz .", states="CACHED CACHED CACHED",
         given=(tar("files.tar.gz", a="one"),), edits=(tar("files.tar.gz", a="one"),)),
    copy("ADD --chmod", "ADD --chmod=644 main.py .", "ADD --chmod=755 main.py .", (3, "option changed", "chmod")),
    copy("ADD of a URL, nothing changed", "ADD SITE/data.txt .", "ADD SITE/data.txt .", states="CACHED CACHED CACHED",
         given=(serve("data.txt", "one"),)),
    copy("ADD of a URL, its content", "ADD SITE/data.txt .", "ADD SITE/data.txt .", (3, "source changed", "data.txt"),
         given=(serve("data.txt", "one"),), edits=(serve("data.txt", "two", 1_100_000_000),)),
    # The file gets the server's Last-Modified as its time, and a time never counts.
    copy("ADD of a URL, its date", "ADD SITE/data.txt .", "ADD SITE/data.txt .", states="CACHED CACHED CACHED",
         given=(serve("data.txt", "one"),), edits=(serve("data.txt", "one", 1_100_000_000),)),
    copy("ADD of another URL", "ADD SITE/a.txt data", "ADD SITE/b.txt data", (3, "text changed", "/b.txt"),
         given=(serve("a.txt", "one"), serve("b.txt", "two"))),
    # sha256 of "one" and of "two".
    copy("ADD --checksum", f"ADD --checksum=sha256:{(SHA_ONE := '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed')} SITE/data.txt .",  # noqa: E501
         f"ADD --checksum=sha256:{(SHA_TWO := '3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3')} SITE/data.txt .",  # noqa: E501
         (3, "source changed", "data.txt"), given=(serve("data.txt", "one"),),
         edits=(serve("data.txt", "two", 1_100_000_000),)),
    # The first build's bytes are what the checksum names: nothing is fetched.
    copy("ADD --checksum, the server has other content", f"ADD --checksum=sha256:{SHA_ONE} SITE/data.txt .",
         f"ADD --checksum=sha256:{SHA_ONE} SITE/data.txt .", states="CACHED CACHED CACHED",
         given=(serve("data.txt", "one"),), edits=(serve("data.txt", "two", 1_100_000_000),)),
    copy("ADD of a Git repository, nothing changed", "ADD GIT#main src", "ADD GIT#main src",
         states="CACHED CACHED CACHED", given=(commit("a.txt", "one"),)),
    copy("ADD of a Git repository, a commit", "ADD GIT#main src", "ADD GIT#main src", (3, "source changed", ""),
         given=(commit("a.txt", "one"),), edits=(commit("a.txt", "two"),)),
    copy("ADD --keep-git-dir", "ADD GIT#main src", "ADD --keep-git-dir=true GIT#main src",
         (3, "option changed", "keep-git-dir"), given=(commit("a.txt", "one"),)),
    # -- the base ----------------------------------------------------------------------------------------------------
    # What it adds has no line of its own; it stands below FROM.
    one("ONBUILD of the base, a file", write("main.py", "print(2)\n"), states="RAN RAN RAN",
        text="FROM CASE-base\nWORKDIR /CASE\nRUN echo two\n", roots=((1, "file changed", "main.py"),),
        given=(image_of("CASE-base", "FROM python:3.11-slim\nONBUILD COPY main.py /CASE/\n"),)),
    one("ONBUILD of the base, and a step that fails", replace("echo two", "false"), states="CACHED CACHED FAILED",
        text="FROM CASE-base\nWORKDIR /CASE\nRUN echo two\n", roots=((3, "text changed", "false"),),
        given=(image_of("CASE-base", "FROM python:3.11-slim\nONBUILD COPY main.py /CASE/\n"),), fails="exit code: 1"),
    one("nothing, with a scratch base", nothing, text="FROM scratch\nWORKDIR /CASE\nCOPY main.py .\n",
        states="CACHED CACHED"),
    one("a file, with a scratch base", write("main.py", "print(2)\n"),
        text="FROM scratch\nCOPY main.py /CASE/\nCOPY notes.md /CASE/\n", states="RAN RAN",
        roots=((2, "file changed", "main.py"),)),
)  # fmt: skip
