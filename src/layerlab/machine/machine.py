"""Machine: a disposable Docker engine of our own. Everything else reaches Docker through this room and `engines`."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from .. import engines
from ..engines import endpoint, images
from ..engines.packages import Say
from ..engines.seed import SEED_NAME, is_seed
from ..errors import LayerLabError, MachineError, SetupError
from ..system import progress
from ..system.files import replace_text
from ..system.home import home, locked, machine_dir
from ..system.refusals import refusals_told
from ..system.shell import run
from . import bases, building, choosing, emptying, holding, spares
from .holding import Holds, Kind
from .machine_like import Preparation
from .resolving import resolve

if TYPE_CHECKING:
    from docker import DockerClient

    from ..project.app import App
    from ..record.build import Build
    from ..record.traffic import Sample
    from ..record.view import Wanted
    from .asking import Answer

#: The machine that notebooks use, and that `docker` in a notebook or in JupyterLab's terminal reaches.
DEFAULT_NAME = "laptop"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}")


class Machine:
    """A disposable Docker engine with its own images, cache and registry credentials.

    Get one with `Machine.start()`. It outlives this process; `Machine.start` finds it again by name. Until this process
    ends, or calls `close` or `remove`, no other notebook or script gets it, resets it or removes it.

    Attributes:
        name: the machine's name.
        engine: "container" (in the user's Docker) or "process" (a private dockerd).
        instead_of: the name that was asked for, if another notebook has that machine ("laptop" of "laptop-2"); else "".
        holds: who uses it.
    """

    def __init__(self, name: str, engine: engines.Engine, instead_of: str = "") -> None:
        self.name, self._engine, self.instead_of = name, engine, instead_of
        self.engine = engine.kind
        self.holds = Holds("machine", name)

    # -- coming and going --------------------------------------------------------------------------------------------

    @classmethod
    @refusals_told()
    def start(cls, name: str = DEFAULT_NAME, *, share: bool = False, say: Say = print) -> Machine:
        """Find the machine called `name`, restart it after a crash, or make a new, cold one. Ready in seconds.

        If another notebook or script has that machine, you get one of your own, such as "laptop-2". It goes when this process
        ends. With `share`, you get the machine all the same, and can build there; reset and removal wait for the other.

        `say` gets a line about each slow step (on a computer's first start, fetching an engine and base images), and about a
        machine of your own.
        The machine that was asked for as "laptop" becomes the one that `docker` in this notebook reaches (`point_docker_here`).
        Raises MachineError for a bad name or an engine that doesn't start, SetupError if no engine can run here, MachineBusy
        if others have all machines of that name, or there's no room for another.
        """
        if not NAME.fullmatch(name) or is_seed(name):
            raise MachineError(
                f"{name!r} isn't a valid machine name",
                "use up to 24 lower-case letters, digits and hyphens; the name `seed` is LayerLab's own",
            )
        own = name
        if not share:
            own = holding.take_one("machine", name, lambda n: spares.may_have(engines.machine_file(n), name), say)
        machine = cls._brought_up(own, "" if own == name else name, say)
        spares.sweep(cls.all())
        if name == DEFAULT_NAME:
            machine.point_docker_here()
        return machine

    @classmethod
    @refusals_told()
    def all(cls) -> list[Machine]:
        """Return the machines that exist, running or not, in order of their names."""
        found = sorted(home().glob("machines/*/machine.json"))
        return [cls._known(file.parent.name) for file in found if not is_seed(file.parent.name)]

    @classmethod
    def _known(cls, name: str) -> Machine:
        return cls(name, engines.of_machine(name), spares.instead_of(engines.machine_file(name)))

    @classmethod
    def _brought_up(cls, name: str, instead_of: str, say: Say) -> Machine:
        with locked(f"machine-{name}", wait=900):
            machine = (
                cls._known(name) if engines.machine_file(name).exists() else cls(name, engines.choose(), instead_of)
            )
            if not machine._reachable:
                machine._bring_up(say)
            if machine.instead_of != instead_of:  # somebody asked for it by its own name, so it's no longer a spare
                machine.instead_of = instead_of
                machine._remember()
            engines.start_mirror(name, say)
        if instead_of:
            spares.sweep_at_exit(cls.all)
        return machine

    def _bring_up(self, say: Say, anew: bool = False) -> None:
        if self._engine is engines.UNKNOWN:
            self._engine.start(self.name, say)  # says what to do
        if self.name != SEED_NAME:
            self._ensure_seed(say)
        # Remember the machine before it starts: if we're killed in between, it can still be found and removed.
        machine_dir(self.name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._remember()
        (self._engine.renew if anew else self._engine.start)(self.name, say)

    def _remember(self) -> None:
        known = {"name": self.name, "engine": self.engine}
        known |= {spares.KEY: self.instead_of} if self.instead_of else {}
        replace_text(engines.machine_file(self.name), json.dumps(known))

    def _ensure_seed(self, say: Say) -> None:
        with locked(f"seed-{self.engine}", wait=900):
            if self._engine.seeded():
                return
            self._engine.remove(SEED_NAME)  # left by an earlier attempt that was killed
            seed = Machine(SEED_NAME, self._engine)
            try:
                with images.made_ahead(images.BASES, say):
                    seed._bring_up(say)
                    mirrored = engines.needs_mirror(self._engine, say)
                    for image in images.BASES:
                        images.ensure(image, seed.docker, say, mirrored=mirrored)
                self._engine.keep_as_seed(SEED_NAME, mirrored=mirrored)
            except BaseException:
                with contextlib.suppress(LayerLabError, OSError):
                    self._engine.remove(SEED_NAME)
                raise

    def close(self) -> None:
        """Let go of the machine: from now on another notebook may have it. A spare ("laptop-2") that nobody else uses goes."""
        self.holds.leave()
        spares.sweep([self])

    @refusals_told()
    def remove(self, *, force: bool = False, wait: float | None = None) -> None:
        """Kill the engine and delete all the machine's data: images, cache, containers, credentials.

        Args:
            force: don't wait for other processes that use it; their builds fail, and say why.
            wait: seconds to wait for them; None for ten minutes.

        Raises MachineBusy if they still use it after that time.
        """
        with self.holds.during(Kind.EMPTY, over="removed" if force else "", wait=wait), locked(f"machine-{self.name}"):
            self._engine.remove(self.name)
            shutil.rmtree(machine_dir(self.name), ignore_errors=True)
        self.holds.leave()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Machine {self.name!r}: {self.engine}, {'running' if self.running else 'not running'}>"

    @property
    def running(self) -> bool:
        """Whether its engine answers."""
        return self._engine.alive(self.name)

    @property
    def _reachable(self) -> bool:
        """Like `running`, but cheaper: socket and certificates are the machine's own, so no other engine can answer there."""
        with contextlib.suppress(OSError):
            return endpoint.reachable(self._engine.environment(self.name))
        return False

    def _require_running(self) -> None:
        self.holds.check()
        if not self._reachable:
            raise MachineError(f"machine {self.name!r} is not running", f"start it: Machine.start({self.name!r})")

    # -- reaching its engine -----------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """What records and the history call it: its name."""
        return self.name

    def gone(self, during: str) -> LayerLabError | None:
        """Return the error that says that its engine died, or that it was removed, `during` something; None if it answers."""
        from . import failing  # here, because few engines die

        return None if self.running else failing.machine_gone(self.name, during)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make `docker` reach this machine; an empty value means that the variable must be unset."""
        return endpoint.machine_environment(self.name, self._engine.environment(self.name))

    def docker(self, *arguments: str, timeout: float = 600) -> str:
        """Run the docker command on this machine and return its output. Raises CommandFailed, also after `timeout` seconds."""
        self.holds.check()
        return run(endpoint.docker_program(), *arguments, env=self.environment, timeout=timeout)

    def traffic(self, ended: threading.Event) -> Iterator[Sample]:
        """Yield samples of what flows to the machine's containers until `ended` is set, and one more; none without counters."""
        return self._engine.traffic(self.name, ended)

    def point_docker_here(self) -> None:
        """Make `docker` in this notebook (`!docker ps`) reach this machine from now on, not your own engine."""
        endpoint.point_at(self.environment)

    def client(self) -> DockerClient:
        """Return a docker-py client of this machine, for queries; build with `build` instead. Close the client after use."""
        self.holds.check()
        return endpoint.connect(self._engine.environment(self.name))

    # -- using it ----------------------------------------------------------------------------------------------------

    @refusals_told()
    def build(
        self,
        app: App,
        variant: str,
        *,
        target: str = "",
        args: Mapping[str, str] | None = None,
        service: str = "",
        options: Sequence[str] = (),
        view: Wanted = "auto",
        say: Say = print,
    ) -> Build:
        """Run one real build of `app` here and return its record.

        Args:
            app: what to build.
            variant: name of one of `variants(app)` ("before"), or path of a Dockerfile, a Compose or a bake file; "" for what
                Docker takes: the Dockerfile, else the Compose files that it finds, with their overrides, else the bake files.
            target: the stage to stop at.
            args: build arguments.
            service: build this Compose service or bake target; then `variant` is the Compose or bake file, "" for those that
                Docker finds, or a variant that names one.
            options: more options for `docker buildx build`, or for bake. Of a service, `--file`, `--profile`, `--env-file` and
                `--var` say what Compose or bake reads, and `--allow` what its files may use beyond the project.
            view: "auto" (live in a notebook or terminal, else plain lines), "none", or a `View` of your own.
            say: gets a line if a base image can't be had and a stand-in is made, or the `# syntax` line is left out.

        Raises BuildFailed with the step and the end of its output, AppError if there is no such variant, PermissionNeeded
        (an AppError) if Compose or bake files ask for more than the project and `--allow` give them, MachineError if the
        engine isn't running or another process removed or reset it, MachineBusy if one is measuring on it.
        """
        self._require_running()
        with self.holds.during(Kind.USE):
            definition = resolve(app, variant, target=target, args=args, service=service, options=options)
            definition = bases.provided(self, definition, say)
            edit, app.last_edit = app.last_edit, "none"
            return building.run_build(self, definition, edit=edit, show=view, known=app.snapshots)

    def variants(self, app: App) -> list[str]:
        """Return the names of what `build` can build of `app`: its variants, its Compose services and its bake targets.

        Raises CommandFailed if Compose or bake can't read its files.
        """
        return choosing.variants(app)

    @refusals_told()
    def ask(self, app: App, build: Build) -> Answer:
        """Start the image that `build` made, send it the app's health check and one real request, and remove its container.

        Raises AppError if the app's manifest doesn't say how to ask it.
        """
        from . import asking  # its docker-py takes 0.2 s to import

        with self.holds.during(Kind.USE):
            return asking.ask(self, app, build.image)

    def named_contexts(self) -> dict[str, str]:
        """Map image names to their stand-ins here: {"python:3.11-slim": "docker-image://layerlab-standin/…"}.

        We ask the engine once and keep the answer, because asking takes long compared with a fully cached build.
        """
        return bases.contexts(self.name, self._tags)

    def forget_contexts(self) -> None:
        """Forget the stand-ins, so that the next build asks for them again: a base image may have been added or removed."""
        bases.forget(self.name)

    @refusals_told()
    def add_base(self, image: str, *, say: Say = print) -> str:
        """Add another base image, pulled or as a stand-in, and return its name. It survives `reset`.

        Raises SetupError if no hub provides the image and no stand-in can be made.
        """
        try:
            name = images.ensure(image, self.docker, say, mirrored=engines.mirrored(self.name))
        finally:
            self.forget_contexts()
        emptying.keep(self.name, name)
        return name

    @refusals_told()
    def move_base(self, image: str = images.BASES[0]) -> str:
        """Replace base image `image` with a new one of the same name, as a new release would; return the new id.

        The new one has one more small file, so its layers differ, but it works as before. In real life this happens with
        the first pull after the publisher updates the image. `restore_bases` and `reset` bring the original back.
        Raises SetupError if `image` isn't on this machine.
        """
        name = images.present(image, self.docker)
        if not name:
            raise SetupError(f"{image} is not on machine {self.name!r}", f"add it: machine.add_base({image!r})")
        with self.alone():
            return images.move(name, self.docker)

    @refusals_told()
    def restore_bases(self) -> None:
        """Restore the names of moved base images and nothing else, so that earlier builds are cache hits again.

        Raises MachineError if the engine isn't running; then start it and call this again, or `reset` it.
        """
        self._require_running()
        with self.alone():
            images.move_back(self._tags(), self.docker)

    @refusals_told()
    def reset(self, *, force: bool = False) -> None:
        """Make it cold: only the base images stay.

        It waits while another process builds here, or has the machine. With `force` it doesn't: their builds fail, and say why.
        Raises MachineBusy if they still use it after ten minutes.
        """
        from ..record import history

        self.holds.check()
        with self.holds.during(Kind.EMPTY, over="reset" if force else ""):
            history.forget(self.name)
            self.forget_contexts()
            if self._has_more_bases() and self._emptied():
                return
            with locked(f"machine-{self.name}"):
                try:
                    self._bring_up(lambda _: None, anew=True)
                except LayerLabError:
                    # A new machine is better than one that's only nearly cold.
                    self._engine.remove(self.name)
                    self._bring_up(lambda _: None)

    def _has_more_bases(self) -> bool:
        """Tell whether there are base images that a new engine wouldn't have."""
        from docker.errors import DockerException

        of_seed = {name for image in images.BASES for name in (image, images.standin_name(image))}
        try:
            return any(emptying.stays(self.name, tag) and tag not in of_seed for tag in self._tags())
        except (DockerException, OSError):
            return False

    def _emptied(self) -> bool:
        """Remove all but the base images, which can take long. Return False if something is left."""
        with contextlib.closing(self.client()) as engine, progress.shown(f"Emptying machine {self.name}"):
            return emptying.emptied(engine, self.docker, functools.partial(emptying.stays, self.name))

    def _tags(self) -> list[str]:
        with contextlib.closing(self.client()) as engine:
            return emptying.tags(engine)

    @property
    def preparations(self) -> dict[str, Preparation]:
        """What `compare` can have it do before a build: become cold, or get another base image."""
        return {"cold": Preparation(self.reset), "base": Preparation(self.move_base, self.restore_bases)}

    # -- sharing it --------------------------------------------------------------------------------------------------

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from building or resetting here during a `with`, as a measurement needs.

        Raises MachineBusy if another process still builds here after ten minutes, MachineError if one removed or reset the
        machine meanwhile (`layerlab down --yes`).
        """
        return self.holds.during(Kind.ALONE)
