"""Random small projects and random edits, for differential tests of `explain` against a real engine.

Each edit says what it did in terms of causes: the kinds that a root cause may have, and a word that its text or evidence must
contain. Every file and every stage holds the case's own token, so that no step can be a hit by another case.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from hypothesis import strategies as st

TOKEN = "TOKEN"  # replaced by the case's own when a project is written
BASE = "python:3.11-slim"
#: Files of every project; COPY names some, others come along with their folder.
FILES = ("one.txt", "two.txt", "src/a.py", "src/b.py", "src/deep/c.py", "data/d.bin", "data/e.log")
SOURCES = ("one.txt", "two.txt", "src", "src/", "data", "*.txt", "src/*.py", ".", "src/deep")
FLAGS = ("", "", "", "--link ", "--chmod=755 ", "--chown=1:1 ", "--exclude=*.log ")


@dataclasses.dataclass(frozen=True)
class Project:
    """Files (path → (content, mode)), ignore rules, and stages as lists of instructions, the first of which is FROM."""

    files: tuple[tuple[str, str, int], ...]
    ignore: tuple[str, ...]
    stages: tuple[tuple[str, ...], ...]
    args: tuple[tuple[str, str], ...] = ()

    @property
    def dockerfile(self) -> str:
        return "\n".join(line for stage in self.stages for line in stage) + "\n"

    def write(self, folder: Path, token: str) -> None:
        """Make the folder hold exactly this; what is right already is not touched."""
        wanted = {"Dockerfile": (self.dockerfile, 0o644), ".dockerignore": ("\n".join(self.ignore) + "\n", 0o644)}
        wanted |= {path: (f"{TOKEN} {content}\n", mode) for path, content, mode in self.files}
        for path in [p for p in folder.rglob("*") if p.is_file()]:
            if str(path.relative_to(folder)) not in wanted:
                path.unlink()
        for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
            if not any(path.iterdir()):
                path.rmdir()
        for name, (text, mode) in wanted.items():
            path, text = folder / name, text.replace(TOKEN, token)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            path.chmod(mode)


@dataclasses.dataclass(frozen=True)
class Edit:
    """What was done to a project, and what may be said of it.

    Attributes:
        name: the kind of edit.
        after: the project afterwards.
        kinds: the kinds that a root cause may have.
        mentions: what its text or evidence must contain.
        options: of the last build.
        touched: a file that gets another date.
        always: options of every build.
        broken: the project as it's built in between, or before all else if `first`, where that build must fail.
        first: whether the broken project takes the place of the first build.
    """

    name: str
    after: Project
    kinds: frozenset[str]
    mentions: str = ""
    options: tuple[str, ...] = ()
    touched: str = ""
    always: tuple[str, ...] = ()
    broken: Project | None = None
    first: bool = False

    def __repr__(self) -> str:
        return f"<{self.name}: {self.mentions or self.touched or '-'}; options {self.options}>"


@st.composite
def projects(draw) -> Project:
    files = tuple((path, draw(st.sampled_from("abc")), draw(st.sampled_from((0o644, 0o755)))) for path in FILES)
    ignore = tuple(
        draw(st.lists(st.sampled_from(("**/*.log", "data", "!data/e.log", "*.md")), max_size=2, unique=True))
    )
    count = draw(st.integers(1, 4))
    stages: list[tuple[str, ...]] = []
    for number in range(count):
        base = draw(st.sampled_from([BASE, *(f"s{n}" for n in range(number))]))
        lines = [f"FROM {base} AS s{number}", f"COPY --chmod=644 one.txt /seen/{number}/"]
        # It runs again when one.txt changes, and makes the same bytes.
        lines.append(f"RUN echo {TOKEN} {number} > /tmp/made-{number}")
        for index in range(draw(st.integers(1, 5))):
            lines.append(draw(instructions(number, index, "data" in ignore)))
        stages.append(tuple(lines))
    if count > 1 and not any(f"s{count - 2}" in line for line in stages[-1]):
        stages[-1] = (*stages[-1], f"COPY --from=s{count - 2} /seen /from-the-stage-before")
    if count > 2 and draw(st.booleans()):  # several stages in one, some with the same bytes as before
        taken = [f"COPY --from=s{n} {draw(st.sampled_from(_outputs(n)))} /of/{n}" for n in range(count - 1)]
        stages[-1] = (*stages[-1], *taken, "RUN echo after what was taken")
    return Project(files, ignore, tuple(stages))


def _outputs(stage: int) -> tuple[str, str]:
    """What other stages may take: files that change with one.txt, and one that's made again with the same bytes."""
    return "/seen", f"/tmp/made-{stage}"


@st.composite
def instructions(draw, stage: int, index: int, no_data: bool) -> str:
    """One instruction that cannot fail, in stage `stage`."""
    word = draw(st.sampled_from(("alpha", "beta", "gamma")))
    kind = draw(st.sampled_from(("copy", "copy", "copy", "run", "run", "run", "from", "mount", "cache", "env", "arg", "workdir",
                                 "user", "heredoc", "filled", "script", "label")))  # fmt: skip
    source = draw(st.sampled_from([s for s in SOURCES if not (no_data and s == "data")]))
    match kind:
        case "copy":
            return f"COPY {draw(st.sampled_from(FLAGS))}{source} /c{index}/"
        case "from" if stage:
            other = draw(st.integers(0, stage - 1))
            what = draw(st.sampled_from(_outputs(other)))
            return f"COPY {draw(st.sampled_from(('', '--link ')))}--from=s{other} {what} /f{index}"
        case "mount":
            of = draw(st.sampled_from(["", *(f",from=s{n}" for n in range(stage))]))
            where = "source=/seen" if of else f"source={source.rstrip('/') if '*' not in source else 'src'}"
            return f"RUN --mount=type=bind,{where},target=/m{of} ls -R /m {word}-{index} || :"
        case "cache":
            return f"RUN --mount=type=cache,target=/cache-{word} echo {word} {index}"
        case "env":
            return f"ENV E_{word.upper()}={draw(st.integers(1, 2))}"
        case "arg":
            return f"ARG A_{word.upper()}={draw(st.integers(1, 2))}"
        case "workdir":
            return f"WORKDIR /tmp/{word}"
        case "user":
            return f"USER {draw(st.sampled_from(('root', 'nobody')))}"
        case "heredoc":
            return f"COPY <<EOT /tmp/{word}.txt\n{TOKEN} {word} {index}\nEOT"
        case "filled":  # with variables that may be set above
            return f"COPY <<EOV /tmp/{word}.env\n{TOKEN} ${{A_{word.upper()}:-none}} $E_{word.upper()}\nEOV"
        case "script":
            return f"RUN <<EOR\necho {word} {index} $A_{word.upper()}\nEOR"
        case "label":
            return f"LABEL {word}={index}"
        case _:
            return f"RUN echo {word} {index} > /tmp/{word}-{stage}-{index}"


@st.composite
def edits(draw, project: Project) -> Edit:
    """One edit of `project`."""
    kind = draw(st.sampled_from((
        "none", "touch", "content", "content", "mode", "add", "remove", "rename", "ignore", "run text", "insert", "delete",
        "env", "arg", "build arg", "workdir", "user", "chmod flag", "comment", "white space", "cache id", "no cache", "label",
        "heredoc", "swap", "content", "target", "content of a target", "failure between", "failure first",
    )))  # fmt: skip
    return globals()[f"_edit_{kind.replace(' ', '_')}"](draw, project)


def _edit(name: str, after: Project, kinds: str = "", mentions: str = "", **more) -> Edit:
    return Edit(name, after, frozenset(k.strip() for k in kinds.split(",") if k.strip()), mentions, **more)


def _with_file(project: Project, path: str, content: str | None, mode: int | None) -> Project:
    """Content or mode of one file replaced; a content of None removes it."""
    files = []
    for name, old, old_mode in project.files:
        if name != path:
            files.append((name, old, old_mode))
        elif content is not None:
            files.append((name, content, old_mode if mode is None else mode))
    if path not in {f[0] for f in project.files} and content is not None:
        files.append((path, content, mode or 0o644))
    return dataclasses.replace(project, files=tuple(files))


def _edit_none(draw, project: Project) -> Edit:
    return _edit("nothing", project)


def _edit_touch(draw, project: Project) -> Edit:
    return _edit("touch", project, touched=draw(st.sampled_from(FILES)))


def _edit_content(draw, project: Project) -> Edit:
    path = draw(st.sampled_from(FILES))
    return _edit("content", _with_file(project, path, "changed", None), "file changed", path)


def _edit_mode(draw, project: Project) -> Edit:
    path, content, mode = draw(st.sampled_from(project.files))
    return _edit("mode", _with_file(project, path, content, mode ^ 0o111), "mode changed", path)


def _edit_add(draw, project: Project) -> Edit:
    path = draw(
        st.sampled_from(("src/new.py", "new.txt", "data/new.log", "src/deep/new.py", "README.md", "other/x.txt"))
    )
    return _edit("add", _with_file(project, path, "new", None), "file added", path.split("/")[0])


def _edit_remove(draw, project: Project) -> Edit:
    path = draw(st.sampled_from(("src/b.py", "data/e.log")))
    return _edit("remove", _with_file(project, path, None, None), "file removed", path)


def _edit_rename(draw, project: Project) -> Edit:
    content, mode = next((c, m) for p, c, m in project.files if p == "src/b.py")
    after = _with_file(_with_file(project, "src/b.py", None, None), "src/z.py", content, mode)
    # Another file of equal content makes "renamed" a matter of taste; the name must be told all the same.
    return _edit("rename", after, "file renamed, file added, file removed", "src/z.py")


def _edit_ignore(draw, project: Project) -> Edit:
    rule = draw(st.sampled_from(("src/b.py", "**/*.bin", "!**/*.bin", "!data/e.log")))
    after = dataclasses.replace(project, ignore=(*project.ignore, rule))
    return _edit("ignore", after, "ignore rules changed", "ignore")


def _lines(project: Project, wanted: str) -> list[tuple[int, int]]:
    return [(s, i) for s, stage in enumerate(project.stages) for i, line in enumerate(stage) if line.startswith(wanted)]


def _replaced(project: Project, at: tuple[int, int], *new: str) -> Project:
    stages = [list(stage) for stage in project.stages]
    stages[at[0]][at[1] : at[1] + 1] = new
    return dataclasses.replace(project, stages=tuple(map(tuple, stages)))


def _picked(draw, project: Project, wanted: str) -> tuple[tuple[int, int], str] | None:
    found = _lines(project, wanted)
    if not found:
        return None
    at = draw(st.sampled_from(found))
    return at, project.stages[at[0]][at[1]]


def _edit_run_text(draw, project: Project) -> Edit:
    if not (found := _picked(draw, project, "RUN ")):
        return _edit_content(draw, project)
    at, line = found
    return _edit(
        "run text",
        _replaced(project, at, line.replace("echo", "echo edited").replace("ls -R", "ls -l -R")),
        "text changed",
    )


def _edit_insert(draw, project: Project) -> Edit:
    stage = draw(st.integers(0, len(project.stages) - 1))
    at = (stage, draw(st.integers(1, len(project.stages[stage]) - 1)))
    line = draw(st.sampled_from(("RUN echo inserted", "WORKDIR /inserted", "COPY two.txt /inserted/")))
    after = _replaced(project, at, line, project.stages[at[0]][at[1]])
    # A new WORKDIR moves what is relative below it; everything of ours is absolute, but RUN sees the directory.
    return _edit("insert", after, "instruction added, working directory changed, instruction moved")


def _edit_delete(draw, project: Project) -> Edit:
    choices = [
        (s, i)
        for s, stage in enumerate(project.stages)
        for i in range(2, len(stage))
        if stage[i].startswith(("RUN", "COPY"))
    ]
    if not choices:
        return _edit_insert(draw, project)
    return _edit("delete", _replaced(project, draw(st.sampled_from(choices))), "instruction removed")


def _edit_swap(draw, project: Project) -> Edit:
    pairs = [
        (s, i)
        for s, stage in enumerate(project.stages)
        for i in range(2, len(stage) - 1)
        if stage[i].startswith("RUN") and stage[i + 1].startswith(("RUN", "COPY")) and stage[i] != stage[i + 1]
    ]
    if not pairs:
        return _edit_insert(draw, project)
    s, i = draw(st.sampled_from(pairs))
    stage = project.stages[s]
    after = _replaced(_replaced(project, (s, i), stage[i + 1]), (s, i + 1), stage[i])
    return _edit("swap", after, "instruction moved, instruction removed, instruction added, text changed")


def _number_changed(draw, project: Project, keyword: str, kinds: str) -> Edit:
    if not (found := _picked(draw, project, keyword)):
        return _edit_insert(draw, project)
    at, line = found
    name, _, value = line.removeprefix(keyword).partition("=")
    return _edit(keyword.strip().lower(), _replaced(project, at, f"{keyword}{name}={int(value) + 7}"), kinds, name)


def _edit_env(draw, project: Project) -> Edit:
    return _number_changed(draw, project, "ENV ", "environment changed")


def _edit_arg(draw, project: Project) -> Edit:
    return _number_changed(draw, project, "ARG ", "argument changed, environment changed")


def _edit_label(draw, project: Project) -> Edit:
    return _number_changed(draw, project, "LABEL ", "")


def _edit_build_arg(draw, project: Project) -> Edit:
    name = f"A_{draw(st.sampled_from(('ALPHA', 'BETA', 'GAMMA')))}"
    return _edit(
        "build arg", project, "argument changed, environment changed", name, options=(f"--build-arg={name}=9",)
    )


def _edit_workdir(draw, project: Project) -> Edit:
    if not (found := _picked(draw, project, "WORKDIR ")):
        return _edit_insert(draw, project)
    at, line = found
    return _edit("workdir", _replaced(project, at, f"{line}/moved"), "working directory changed, text changed")


def _edit_user(draw, project: Project) -> Edit:
    if not (found := _picked(draw, project, "USER ")):
        return _edit_insert(draw, project)
    at, line = found
    return _edit("user", _replaced(project, at, "USER 65534" if line == "USER root" else "USER root"), "user changed")


def _edit_chmod_flag(draw, project: Project) -> Edit:
    if not (found := _picked(draw, project, "COPY --chmod=755")):
        return _edit_mode(draw, project)
    at, line = found
    return _edit(
        "chmod flag", _replaced(project, at, line.replace("755", "700")), "option changed, mode changed", "chmod"
    )


def _edit_comment(draw, project: Project) -> Edit:
    stage = draw(st.integers(0, len(project.stages) - 1))
    return _edit("comment", _replaced(project, (stage, 1), "# a comment", project.stages[stage][1]))


def _edit_white_space(draw, project: Project) -> Edit:
    if not (found := _picked(draw, project, "RUN echo")):
        return _edit_comment(draw, project)
    at, line = found
    inside = draw(st.booleans())
    new = line.replace("echo ", "echo  ", 1) if inside else line.replace("RUN ", "RUN   ", 1)
    return _edit("white space", _replaced(project, at, new), "text changed" if inside else "")


def _edit_cache_id(draw, project: Project) -> Edit:
    if not (found := _picked(draw, project, "RUN --mount=type=cache")):
        return _edit_run_text(draw, project)
    at, line = found
    return _edit("cache id", _replaced(project, at, line.replace("type=cache", "type=cache,id=mine")), "mount changed")


def _edit_heredoc(draw, project: Project) -> Edit:
    if not (found := _picked(draw, project, "COPY <<EOT")):
        return _edit_content(draw, project)
    at, line = found
    return _edit("heredoc", _replaced(project, at, line.replace(f"{TOKEN} ", f"{TOKEN} new ")), "text changed")


def _edit_no_cache(draw, project: Project) -> Edit:
    option = draw(st.sampled_from(("--no-cache", *(f"--no-cache-filter=s{n}" for n in range(len(project.stages))))))
    return _edit("no cache", project, "no cache", option.split("=")[0], options=(option,))


def _edit_target(draw, project: Project) -> Edit:
    """Build another target than before: steps of stages that weren't built run, as all else does that is new to the engine."""
    stage = draw(st.integers(0, len(project.stages) - 1))
    return _edit("target", project, "first build", options=(f"--target=s{stage}",))


def _edit_content_of_a_target(draw, project: Project) -> Edit:
    stage = draw(st.integers(0, len(project.stages) - 1))
    return dataclasses.replace(_edit_content(draw, project), always=(f"--target=s{stage}",))


def _broken(draw, project: Project) -> Project:
    """The project with a step that fails in its last stage, which is always built."""
    at = (len(project.stages) - 1, draw(st.integers(1, len(project.stages[-1]) - 1)))
    return _replaced(project, at, f"RUN false {TOKEN}", project.stages[at[0]][at[1]])


def _edit_failure_between(draw, project: Project) -> Edit:
    """An edit, a build of it that fails, and the failure mended."""
    edit = _edit_content(draw, project)
    return dataclasses.replace(edit, name="failure between", broken=_broken(draw, edit.after))


def _edit_failure_first(draw, project: Project) -> Edit:
    """The first build fails, and is mended. What it didn't get through is new to the engine."""
    kinds = "instruction added, first build, instruction removed"
    return _edit("failure first", project, kinds, broken=_broken(draw, project), first=True)


@st.composite
def cases(draw) -> tuple[Project, Edit]:
    """A project and one edit of it."""
    project = draw(projects())
    return project, draw(edits(project))


def touch(path: Path) -> None:
    """Another modification time, the same content."""
    os.utime(path, (1_000_000_000, 1_000_000_000))
