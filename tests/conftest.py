"""What the tests share: a LayerLab home of their own, so that a run neither uses nor disturbs the user's lab.

Without an engine, engine tests fail and aren't skipped: `make test` sets one up before pytest starts.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import tiers
from xdist.scheduler import LoadFileScheduling

#: Weights of the sample apps in tests, MB: large enough to be seen in a layer, small enough to keep the suite quick.
WEIGHTS_MB = "8"

# Set before anything of LayerLab is imported or started, and inherited by every process the tests start.
os.environ["LAYERLAB_WEIGHTS_MB"] = WEIGHTS_MB
os.environ["LAYERLAB_CLUTTER_MB"] = "4"


# How long an example takes depends on how busy the computer is, so a deadline would only fail correct tests.
hypothesis.settings.register_profile("layerlab", deadline=None)
hypothesis.settings.load_profile("layerlab")

# A shell's background job (`make test &` in a script) ignores Ctrl-C, and everything that it starts inherits that: Python then
# doesn't raise KeyboardInterrupt, so tests that interrupt a build would wait in vain. From here on it's as in a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


#: A test that takes longer than this holds up the tests behind it for long.
LONG_SECONDS = 30.0


def pytest_addoption(parser):
    parser.addoption("--shard", type=tiers.shard_of, default=(1, 1), help="run one part of the suite, such as 1/3")


class ByModule(LoadFileScheduling):
    """A module stays in one process: its tests share machines, images and a JupyterLab.

    `--dist loadgroup` won't do: with pytest 9.2, pytest-xdist 3.8 silently makes no groups (it marks a test by writing
    `item._nodeid`, which pytest no longer reads), and every module was built twice.
    """

    def _split_scope(self, nodeid: str) -> str:
        return tiers.scope(tiers.named(nodeid))

    def _assign_work_unit(self, node):
        """Give a process its next module: the longest that's left, or a short one if it will wait behind a test of minutes.

        A process gets its next module before it starts the last test of the previous one (xdist can't do otherwise).
        """
        for name, tests in self.assigned_work[node].items():
            if not all(tests.values()) and tiers.seconds(name) / len(tests) > LONG_SECONDS and self.workqueue:
                self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByModule(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark the fast tier, leave out what other computers run, and put the longest first, so that no process begins it last."""
    names = {item: tiers.named(item.nodeid) for item in items}
    for item in items:
        if tiers.is_fast(names[item]):
            item.add_marker(pytest.mark.fast)
    mine = tiers.shard(map(tiers.scope, names.values()), *config.getoption("--shard"))
    wanted = [i for i in items if tiers.scope(names[i]) in mine and tiers.is_wanted(names[i], os.environ)]
    if others := [item for item in items if item not in wanted]:
        config.hook.pytest_deselected(items=others)
        items[:] = wanted
    items.sort(key=lambda item: -tiers.seconds(tiers.scope(names[item])))


def person_home() -> Path:
    """Return the home into which `make test` has just put the engine's packages and base images."""
    import platformdirs

    chosen = os.environ.get("LAYERLAB_PERSON_HOME") or os.environ.get("LAYERLAB_HOME")
    return Path(chosen) if chosen else platformdirs.user_data_path("layerlab")


def new_home(folder: Path, source: Path) -> Path:
    """Make a home that borrows another's cache (engine, base images, Python packages, the seed): nothing is fetched or copied.

    Archives of images are borrowed one by one: those that are made in the new home stay there.
    """
    from layerlab.engines.seed import SEED_NAME

    (folder / "cache" / "images").mkdir(parents=True)
    (folder / ".layerlab-home").touch()
    lent = [source / "cache" / name for name in ("engine", "registry", "tools", "mirror", SEED_NAME)]
    for path in [*lent, *(source / "cache" / "images").glob("*.tar")]:
        if path.exists():
            (folder / path.relative_to(source)).symlink_to(path)
    return folder


@pytest.fixture(scope="session")
def lab_home(tmp_path_factory) -> Path:
    """Make a home for this run and set LAYERLAB_HOME to it; remove everything in it at the end."""
    source = person_home()
    os.environ["LAYERLAB_PERSON_HOME"] = str(source)
    home = new_home(tmp_path_factory.mktemp("home"), source)
    before = os.environ.get("LAYERLAB_HOME")
    os.environ["LAYERLAB_HOME"] = str(home)
    yield home
    from layerlab.machine.cleanup import clean

    clean()
    shutil.rmtree(home, ignore_errors=True)
    if before is None:
        del os.environ["LAYERLAB_HOME"]
    else:
        os.environ["LAYERLAB_HOME"] = before


@pytest.fixture(scope="module")
def own_home(tmp_path_factory) -> Iterator[Path]:
    """Set LAYERLAB_HOME to an empty home for a module's tests, which need no engine."""
    with pytest.MonkeyPatch.context() as changed:
        folder = tmp_path_factory.mktemp("own") / "home"
        changed.setenv("LAYERLAB_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def machine(lab_home):
    """Start a machine for the whole run, called "test"; this process's own `docker` stays where it was."""
    from layerlab import Machine

    return Machine.start("test")


@pytest.fixture
def app():
    """Make a scratch copy of the radiology API."""
    from layerlab import App

    with App("radiology_api") as copy:
        yield copy


@pytest.fixture(scope="session")
def script():
    """Load scripts/execute_notebooks.py as a module."""
    path = Path(__file__).parents[1] / "scripts" / "execute_notebooks.py"
    spec = importlib.util.spec_from_file_location("execute_notebooks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
