"""App: a project to build, in place and read-only, or a scratch copy where edits happen. The original is never written to."""

from __future__ import annotations

import itertools
import os
import posixpath
import re
import shutil
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AppError
from ..system import refusals
from ..system.files import what_is
from ..system.trees import delete_tree
from ..texts.plain import shown
from . import permissions, scratch
from .comments import comment
from .course_files import sample_apps
from .manifest import MANIFEST, read_manifest
from .preparing import generate, put_in_place
from .variant import Variant, dockerfiles
from .variant import of_file as variant_of_file

if TYPE_CHECKING:
    from ..contexts.beside import Snapshots
    from .copying import Copy

#: What a developer does between two builds. Each edit that `App.edit` makes is fresh: no engine has seen its result.
EDITS = ("none", "code", "dependency", "context", "weights")
#: Size of the file that a "context" edit adds, bytes.
CONTEXT_EDIT_BYTES = 1_000_000
#: Where a project without a manifest has its dependencies.
REQUIREMENTS = "requirements.txt"
#: Where it probably has its most edited code, in this order.
CODE_GUESSES = ("main.py", "app.py", "app/main.py", "src/main.py", "manage.py")


class App:
    """A project: a sample app or another one as a scratch copy (`App("name")`, `App.from_path`), or one in place (`App.at`).

    A scratch copy is removed by `close()`, at the end of a `with`, or, if the kernel died, by the next App.

    Attributes:
        name: the app's name.
        path: the folder that is built: the scratch copy, to look at and change as you like, or the project itself.
        source: the project's folder, the original of a scratch copy.
        last_edit: the edit made since the last build ("none" if there was none).
        last_mark: the text that the last code edit added, which shows whether an image has that code.
        snapshots: the build contexts at the last builds, so that the next one needn't read files that haven't changed.
    """

    @refusals.refusals_told()
    def __init__(self, name: str, profile: str = "") -> None:
        """Copy the sample app called `name`. Raises AppError, naming those that exist, if there is no such app or profile.

        `profile` is one of the manifest's profiles, which swap some of the files: "heavy" has packages of the size that the
        teams had. "" means the light app, or the profile in `$LAYERLAB_PROFILE` if the app has it.
        """
        source = sample_apps() / name
        if not name or not (source / MANIFEST).is_file() or source.parent != sample_apps():
            known = ", ".join(sorted(p.parent.name for p in sample_apps().glob(f"*/{MANIFEST}"))) or "none found"
            raise AppError(
                f"there is no sample app {name!r}", f"there are: {known}; for your own project, use App.from_path(…)"
            )
        profiles = read_manifest(source / MANIFEST).get("profiles", {})
        if profile and profile not in profiles:
            raise AppError(f"{name} has no profile {profile!r}", f"there are: {', '.join(profiles) or 'none'}")
        chosen = profiles.get(profile or os.environ.get("LAYERLAB_PROFILE", ""), {})
        self._open(source)
        self._make_copy(chosen.get("files", {}), whole=True)

    @classmethod
    @refusals.refusals_told()
    def at(cls, path: str | Path, *, allow: Collection[str] = ()) -> App:
        """Use any project in place: nothing is copied or written there. Raises AppError if `path` isn't a project's folder.

        If the project's manifest generates files (its [prepare] table), they have to be written somewhere, so this makes a
        scratch copy, as `from_path` does. The command that makes them runs on this computer, not in a build, so `allow` must
        have "prepare", unless it's a sample app; else this raises PermissionNeeded.
        """
        app = cls.__new__(cls)
        app._open(Path(path).expanduser().resolve())
        if "prepare" in app._manifest:
            try:
                app._permit_preparing(allow)
            except AppError:
                app.close()
                raise
            app._make_copy({}, whole=True)
        return app

    def _permit_preparing(self, allow: Collection[str]) -> None:
        if self.source.parent != sample_apps():
            why = f"{MANIFEST} runs this on your computer: {' '.join(self._manifest['prepare']['command'])}"
            wishes = [permissions.Wish("prepare", "", why)]
            permissions.check(self.name, wishes, [f"--allow={key}" for key in allow], self.source)

    @classmethod
    @refusals.refusals_told()
    def from_path(cls, path: str | Path) -> App:
        """Copy any project, to edit the copy. Raises AppError if `path` isn't a folder or can't be copied.

        The copy holds what build contexts hold, and the files that say what to build. What ignore rules keep out is copied
        when a build with other rules or another context needs it, or when you name it (`read`, `file`, `write`). If the
        project's manifest generates files (its [prepare] table), everything is copied, because its command may read anything.
        """
        app = cls.__new__(cls)
        app._open(Path(path).expanduser().resolve())
        app._make_copy({}, whole="prepare" in app._manifest)
        return app

    def _open(self, source: Path) -> None:
        if not source.is_dir():
            raise AppError(f"{source} is not a folder")
        if source == Path("/") or source.is_relative_to("/proc") or source.is_relative_to("/sys"):
            raise AppError(f"{source} can't be a project", "name the folder that has the Dockerfile")
        self._manifest = read_manifest(source / MANIFEST)
        self.name: str = self._manifest.get("app", {}).get("name", source.name)
        self.source = source
        self.last_edit, self.last_mark = "none", ""
        self.snapshots: Snapshots = {}
        self._edits = itertools.count(1)
        self._copied: Copy | None = None
        self.path = source
        self._folder, self._owner = scratch.new_folder()

    def _make_copy(self, exchange: Mapping[str, str], *, whole: bool) -> None:
        """Make the scratch copy, with some files exchanged, and its generated files."""
        self.path = self._folder / self.source.name
        from .copying import Copy

        try:
            self._copied = Copy(self.source, self.path, whole=whole)
            for path, other in exchange.items():
                shutil.copy2(self.file(other), self.file(path))
            self._prepare()
        except OSError as error:  # shutil.Error is one, which lists every file
            why = refusals.told(error)  # before what fills the disk is deleted
            self.close()
            raise AppError(f"{self.source} can't be copied: {why.message}", why.remedy) from error
        except BaseException:
            self.close()
            raise

    @property
    def in_place(self) -> bool:
        """Whether it's the project itself, which is never written to."""
        return self._copied is None

    @property
    def scratch(self) -> Path:
        """A folder of LayerLab's where a build keeps files; it goes with the app, even if the process is killed."""
        return self._folder

    def close(self) -> None:
        """Delete the scratch copy and the files of builds. A project in place stays as it is."""
        delete_tree(self._folder, f"Deleting the copy of {self.name}", ignore_errors=True)
        self._owner.close()

    def __enter__(self) -> App:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return shown(f"<App {self.name!r}, {'in place' if self.in_place else 'scratch copy'} in {self.path}>")

    # -- what is in it -----------------------------------------------------------------------------------------------

    def file(self, path: str | Path) -> Path:
        """Return the full path of a file in the app. Raises AppError if it's outside the app, by `..` or by a link."""
        full = self._inside(path)
        if self._copied and not full.exists():
            for missing in (place := full.relative_to(self.path.resolve()).as_posix(), f"{place}.dockerignore"):
                self._copied.add_file(missing)
            full = self._inside(path)  # what was copied may be a link
        return full

    def _inside(self, path: str | Path) -> Path:
        try:
            full = (self.path / path).resolve()
        except (RuntimeError, ValueError) as error:  # a circle of links, before Python 3.13; a zero byte
            raise AppError(f"{str(path)!r} can't be a path: {error}", "name a file inside the project") from None
        if not full.is_relative_to(self.path.resolve()):
            raise AppError(f"{str(path)!r} is outside the app, at {full}", "name a file inside the project")
        return full

    def complete(self, context: str, dockerfile: str) -> tuple[str, ...]:
        """Copy what a scratch copy lacks of a build context; return what it still lacks, because ignore rules keep it out.

        Args:
            context: its folder, relative to the app. Nothing is copied of a folder outside the app.
            dockerfile: path of the Dockerfile, relative to `context`, to find its own ignore rules; "" if there is none.
        """
        place = posixpath.normpath(context)
        if not self._copied or place.startswith(("/", "..")):
            return ()
        return self._copied.add_context("" if place == "." else place, dockerfile)

    @refusals.refusals_told()
    def read(self, path: str | Path) -> str:
        """Return the text of a file in the app. Raises AppError if there is none."""
        full = self.file(path)
        if not full.is_file():
            raise AppError(f"{self.name} has no file {str(path)!r}{what_is(self.source / path)}")
        return full.read_text(encoding="utf-8", errors="replace")

    @refusals.refusals_told()
    def write(self, path: str | Path, text: str) -> None:
        """Write a file in the copy, making folders as needed. Raises AppError for a project in place."""
        self._require_copy()
        full = self.file(path)
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text, encoding="utf-8")

    @property
    def variants(self) -> list[str]:
        """Names of the variants: those that the app's manifest lists, else the Dockerfiles in its folder.

        `machine.variants(app)` also has the Compose services and bake targets, which only docker can tell.
        """
        return list(self._manifest.get("variants", {})) or [path.name for path in dockerfiles(self.path, "*")]

    def variant(self, name: str) -> Variant:
        """Return the variant called `name`, or one for the Dockerfile, Compose or bake file `name`. Raises AppError without one.

        The file's path is relative to the app. It may be outside the project, as for docker.
        """
        listed = self._manifest.get("variants", {})
        if name in listed:
            return Variant(name, **{**listed[name], "more": tuple(listed[name].get("more", ()))})
        place = self._relative(name)
        full = self.path / place if self.in_place or os.path.isabs(place) else self.file(place)
        if full.is_file():
            return variant_of_file(Path(place).name.removesuffix(".Dockerfile"), place)
        known = ", ".join(dict.fromkeys([*self.variants, *(path.name for path in dockerfiles(self.path, "*"))]))
        raise AppError(
            f"{self.name} has no variant, Dockerfile or Compose file {name!r}{what_is(self.source / name)}",
            f"it has: {known}" if known else "write a Dockerfile, or name the folder that has it",
        )

    def _relative(self, name: str) -> str:
        """Return a path relative to the app if it's inside it, else the full path, beside the original."""
        for folder in (self.path, self.source):
            full = Path(os.path.normpath(folder / name))
            if full.is_relative_to(folder):
                return full.relative_to(folder).as_posix()
        return str(full)

    @property
    def image(self) -> str:
        """Name of the images built from it, without a tag; in lower case, as image names must be."""
        own: str = self._manifest.get("app", {}).get("image", "")
        plain = re.sub(r"[^a-z0-9]", "-", self.name.lower())[:100].strip("-")
        return own or f"layerlab-{plain or 'app'}"

    @property
    def run(self) -> Mapping[str, Any]:
        """How to send it a request once it runs: the manifest's [run] table; {} if there is none."""
        return self.told("run")

    def told(self, table: str) -> Mapping[str, Any]:
        """Return a table of the manifest; {} if there is none."""
        said: Mapping[str, Any] = self._manifest.get(table, {})
        return said

    # -- edits -------------------------------------------------------------------------------------------------------

    @refusals.refusals_told()
    def edit(self, kind: str, path: str = "") -> str:
        """Make a fresh edit; return a description of it.

        Args:
            kind: one of EDITS: "none"; "code" (a line in a source file), "dependency" (one more pinned requirement), "context"
                (a new file of 1 MB that the app does not need), "weights" (new model weights).
            path: the file or folder to edit; "" for what the manifest names, or else a guess. A dependency edit of a file for
                which the manifest lists no dependencies is a comment: it makes the install run again, with the same packages.

        Raises AppError for any other kind, if the app has nothing of that kind to edit, or for a project in place.
        """
        place = self.edited_by(kind, path)
        done: str = getattr(self, f"_edit_{kind}")(place, next(self._edits))
        if kind != "none":
            self.last_edit = kind
        return done

    def edited_by(self, kind: str, path: str = "") -> str:
        """Return the path that `edit` changes; "" for none. Edits nothing, but raises what `edit` raises."""
        if kind not in EDITS:
            raise AppError(f"there is no edit {kind!r}", f"there are: {', '.join(EDITS)}")
        if kind == "none":
            return ""
        self._require_copy()
        if path and kind in ("code", "dependency"):
            self.read(path)
        return path or self._guessed(kind)

    def _guessed(self, kind: str) -> str:
        """Return what an edit changes if nobody names it: what the manifest says, else a guess."""
        if kind == "code":
            return self._code()
        if kind == "dependency":
            return self._requirements()
        if kind == "context":
            return self._setting("context") or "notes"
        if not self._setting("weights"):
            raise AppError(f"{self.name} has no weights", f"name them in {MANIFEST}: [edits] weights = …")
        return str(self._setting("weights"))

    def _require_copy(self) -> None:
        if self.in_place:
            raise AppError(
                f"{self.path} is your project, and LayerLab never writes there",
                f"edit a scratch copy: App.from_path({str(self.source)!r})",
            )

    def _code(self) -> str:
        path = self._setting("code") or next((p for p in CODE_GUESSES if (self.path / p).is_file()), None)
        path = path or next((str(p.relative_to(self.path)) for p in sorted(self.path.rglob("*.py"))), None)
        if not path:
            raise AppError(f"{self.name} has no Python file to edit", f"name one in {MANIFEST}: [edits] code = …")
        self.read(path)
        return str(path)

    def _requirements(self) -> str:
        path = self._setting("requirements") or REQUIREMENTS
        self.read(path)
        if self._setting("dependencies") is None:
            raise AppError(
                f"{self.name} doesn't say which dependency to add", f"list some in {MANIFEST}: [edits] dependencies"
            )
        return str(path)

    def _edit_none(self, _: str, __: int) -> str:
        return "nothing changed"

    def _edit_code(self, path: str, number: int) -> str:
        self.last_mark = f"edit {_fresh(number)}"
        self._append(path, comment(path, self.last_mark))
        return f"a line added to {path}"

    def _edit_dependency(self, path: str, number: int) -> str:
        have = self.read(path)
        own = path == (self._setting("requirements") or REQUIREMENTS)
        listed = self._setting("dependencies") or () if own else ()
        line = next((d for d in listed if d not in have), "")
        mark = f"edit {_fresh(number)}"
        self._append(path, f"{line}  # {mark}\n" if line else comment(path, mark))
        return f"{line or 'a comment'} added to {path}"

    def _edit_context(self, folder: str, number: int) -> str:
        path = f"{folder}/scan-{_fresh(number)}.bin"
        full = self.file(path)
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(os.urandom(CONTEXT_EDIT_BYTES))
        return f"{path} added, {CONTEXT_EDIT_BYTES / 1e6:.0f} MB"

    def _edit_weights(self, path: str, number: int) -> str:
        generate(
            self.name, self._manifest["prepare"]["command"], self.path, ["--seed", str(time.time_ns() % 2**31 + number)]
        )
        return f"{path} generated again, {self.file(path).stat().st_size / 1e6:.0f} MB"

    def _setting(self, name: str) -> Any:
        return self.told("edits").get(name)

    def _append(self, path: str, line: str) -> None:
        text = self.read(path)
        self.write(path, text + ("" if text.endswith("\n") or not text else "\n") + line)

    # -- generated files ---------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Put generated files (model weights) in place."""
        if prepare := self._manifest.get("prepare"):
            put_in_place(self.name, prepare, self.path, self.file)


def _fresh(number: int) -> str:
    """Return a text that no earlier edit had, in this process or another: a machine may have cached all of them."""
    return f"{number}-{time.time_ns():x}"


__all__ = ["EDITS", "App", "Variant"]
