"""A real registry: one address from every machine, its bytes counted, and gone without a trace, with both engines."""

from __future__ import annotations

import shutil

import psutil
import pytest
from support import small_app

from layerlab import BuildFailed, Machine
from layerlab.errors import CommandFailed, MachineError
from layerlab.machine.cleanup import clean, inventory
from layerlab.machine.registry import Registry
from layerlab.machine.registry_host import folder_of
from layerlab.system.home import home


@pytest.fixture
def registry(lab_home, private):
    with Registry.start("test") as found:
        yield found


@pytest.fixture
def runner(lab_home, private):
    with Machine.start("runner") as cold:
        yield cold


def export(ref: str, mode: str = "max", **more: str) -> list[str]:
    """Options of a build that exports its cache to `ref`."""
    return [
        "--cache-to",
        ",".join(["type=registry", f"mode={mode}", f"ref={ref}", *(f"{k}={v}" for k, v in more.items())]),
    ]


def load(ref: str) -> list[str]:
    """Options of a build that imports the cache at `ref`."""
    return ["--cache-from", f"type=registry,ref={ref}"]


def listening(port: int) -> set[str]:
    """The addresses of this computer at which something listens on `port`."""
    return {c.laddr.ip for c in psutil.net_connections() if c.status == "LISTEN" and c.laddr.port == port}


def test_a_cache_goes_from_one_machine_to_another(registry, machine, runner, tmp_path):
    with small_app(tmp_path / "app") as app:
        with registry.counting() as out:
            machine.build(app, "Dockerfile", options=export(registry.ref("app:cache")), view="none")
        content = registry.content("app:cache")
        assert registry.tags("app") == ["cache"] and registry.repositories() == ["app"]
        assert content.records and content.bytes == sum(content.layers.values())
        assert out.pushed_bytes == registry.bytes() > content.bytes  # manifest and cache keys too
        with registry.counting() as into:
            again = runner.build(app, "Dockerfile", options=load(registry.ref("app:cache")), view="none")
        assert again.state("sleep 0.2") == "CACHED"
        assert 0 < into.pulled_bytes <= registry.bytes() and into.pushed_bytes == 0
        # What is there already is not sent again.
        with registry.counting() as twice:
            machine.build(app, "Dockerfile", options=export(registry.ref("app:other")), view="none")
        assert twice.pushed_bytes < out.pushed_bytes / 10


def test_images_are_pushed_and_pulled(registry, machine, runner, tmp_path):
    name = registry.ref("small/app:1")
    with small_app(tmp_path / "app") as app:
        built = machine.build(app, "Dockerfile", view="none")
    machine.docker("tag", built.image, name)
    machine.docker("push", "--quiet", name)
    assert registry.repositories() == ["small/app"]
    content = registry.content("small/app:1")
    assert content.layers and content.records == 0
    runner.docker("pull", "--quiet", registry.read_only_ref("small/app:1"))


def test_the_other_port_gives_the_same_and_takes_nothing(registry, machine, tmp_path):
    with small_app(tmp_path / "app") as app:
        machine.build(app, "Dockerfile", options=export(registry.ref("app:cache")), view="none")
        held = registry.bytes()
        with pytest.raises(BuildFailed, match="405 Method Not Allowed"):
            machine.build(app, "Dockerfile", options=export(registry.read_only_ref("app:mine")), view="none")
        ignored = export(registry.read_only_ref("app:mine"), **{"ignore-error": "true"})
        machine.build(app, "Dockerfile", options=ignored, view="none")
        assert (registry.bytes(), registry.tags("app")) == (held, ["cache"])
        machine.build(app, "Dockerfile", options=load(registry.read_only_ref("app:cache")), view="none")


def test_what_is_not_there(registry, machine, tmp_path):
    assert registry.tags("nothing") == []
    with pytest.raises(FileNotFoundError, match="nothing"):
        registry.manifest("nothing:here")
    with small_app(tmp_path / "app") as app:
        built = machine.build(app, "Dockerfile", options=load(registry.ref("nothing:here")), view="none")
    assert not built.error
    with pytest.raises(CommandFailed):
        machine.docker("pull", registry.ref("nothing:here"))


def test_it_is_found_again_and_restarted_with_what_it_holds(registry, machine, tmp_path):
    with small_app(tmp_path / "app") as app:
        machine.build(app, "Dockerfile", options=export(registry.ref("app:cache")), view="none")
    assert Registry.start("test").port == registry.port
    for process in psutil.process_iter(["cmdline"]):
        if str(folder_of("test")) in " ".join(process.info["cmdline"] or []):
            process.kill()
            process.wait(10)
    assert not registry.running
    again = Registry.start("test")
    assert again.running and again.ref("app:cache") == registry.ref("app:cache") and again.tags("app") == ["cache"]
    again.reset()
    assert again.running and (again.repositories(), again.bytes()) == ([], 0)
    assert again.ref("app:cache") == registry.ref("app:cache")


def test_a_registry_that_is_gone_costs_the_cache_and_not_the_build(registry, machine, tmp_path):
    with small_app(tmp_path / "app") as app:
        registry.remove()
        built = machine.build(app, "Dockerfile", options=load(registry.ref("app:cache")), view="none")
        assert not built.error
        with pytest.raises(BuildFailed, match="connection refused"):
            machine.build(app, "Dockerfile", options=export(registry.ref("app:cache")), view="none")


#: The second stage needs a layer of the first, so large that nobody fetches it before the registry has ended.
STAGES = """FROM python:3.11-slim AS packages
RUN dd if=/dev/urandom of=/packages bs=1M count=64
FROM python:3.11-slim
RUN sleep 2
COPY --from=packages /packages /packages
"""


class Ending:
    """A view that ends the registry when the list of the cache has been read: its layers have not been, by then."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def feed(self, event: dict) -> None:
        if any(v.get("completed") and "importing cache" in v["name"] for v in event.get("vertexes") or []):
            self.registry.remove()

    def finish(self, build: object) -> None:
        pass


def test_a_registry_that_goes_in_the_middle_fails_the_build_and_not_the_next(registry, machine, runner, tmp_path):
    with small_app(tmp_path / "app", STAGES) as app:
        machine.build(app, "Dockerfile", options=export(registry.ref("app:cache")), view="none")
        app.write("Dockerfile", STAGES.replace("sleep 2", "sleep 3"))
        # Which of the two it is depends on how far the download was.
        with pytest.raises(BuildFailed, match=r"connection refused|came only in part") as failure:
            runner.build(app, "Dockerfile", options=load(registry.ref("app:cache")), view=Ending(registry))
        assert (failure.value.step.instruction, failure.value.step.line) == ("COPY", 5)
        again = runner.build(app, "Dockerfile", options=load(registry.ref("app:cache")), view="none")
        assert again.state("dd") == "RAN" and "connection refused" in again.warnings[0]


def test_it_listens_on_loopback_only(registry):
    assert listening(registry.port) == listening(registry.read_only_port) == {"127.0.0.1"}


def test_a_name_that_cannot_be(lab_home):
    with pytest.raises(MachineError, match="isn't a valid registry name"):
        Registry.start("../other")


def test_clean_removes_it_even_where_its_files_are_gone(fresh_home, private):
    left = Registry.start()
    assert "registry registry" in inventory() and [r.name for r in Registry.all()] == ["registry"]
    shutil.rmtree(home() / "registries")
    assert left.running
    assert clean().problems == ()
    assert not left.running and not listening(left.port)


def test_in_the_persons_docker_it_has_one_address_too(guest, foreign, tmp_path):
    """With machines in containers, made before the registry and after it, and restarted."""
    from test_container_engine import inventory as everything

    before = everything(foreign)
    early = Machine.start("early")
    registry = Registry.start()
    assert listening(registry.port) == {"127.0.0.1"}
    with small_app(tmp_path / "app") as app:
        with registry.counting() as out:
            early.build(app, "Dockerfile", options=export(registry.ref("app:cache")), view="none")
        assert out.pushed_bytes == registry.bytes() > 0
        with Machine.start("late") as late, registry.counting() as into:
            again = late.build(app, "Dockerfile", options=load(registry.read_only_ref("app:cache")), view="none")
            assert again.state("sleep 0.2") == "CACHED"
        assert into.pulled_bytes > 0
        early.reset()
        again = early.build(app, "Dockerfile", options=load(registry.ref("app:cache")), view="none")
        assert again.state("sleep 0.2") == "CACHED"
        with pytest.raises(BuildFailed, match="405 Method Not Allowed"):
            early.build(app, "Dockerfile", options=export(registry.read_only_ref("app:mine")), view="none")
    registry.reset()
    assert registry.running and registry.repositories() == []
    registry.remove()
    assert not registry.running
    Registry.start()
    assert clean().problems == ()
    assert everything(foreign) == before
