"""What the tests share: a LayerLab home of their own, so that a run neither uses nor disturbs the person's lab.

Engine tests fail, and are not skipped, where no engine can be had: `make test` sets one up before pytest starts.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

#: Weights of the sample apps in tests, MB: large enough to be seen in a layer, small enough to keep the suite quick.
WEIGHTS_MB = "8"

# Set before anything of LayerLab is imported or started, and inherited by every process the tests start.
os.environ["LAYERLAB_WEIGHTS_MB"] = WEIGHTS_MB
os.environ["LAYERLAB_CLUTTER_MB"] = "4"


#: The longest modules, longest first: two processes share the suite, and none should begin the longest as the last.
FIRST = ("test_safety", "test_app_semantic_search", "test_build", "test_projects", "test_lab_08", "test_lab_04")
#: The notebooks are one test module and half of the time, so its tests may run side by side.
DIVIDED = "test_safety"


class ByModule(LoadFileScheduling):
    """A module stays in one process: its tests share machines, images and a JupyterLab.

    `--dist loadgroup` is not used: with pytest 9.2, pytest-xdist 3.8 makes no group and says nothing (it marks a test by
    writing `item._nodeid`, which pytest no longer reads), and every module was built twice.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = super()._split_scope(nodeid)
        return nodeid if Path(module).stem == DIVIDED else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByModule(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    real = {item.path.parent.name for item in items} & {"engine", "browser"}

    def rank(item: pytest.Item) -> tuple[int, bool]:
        named = FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST)
        return named, item.path.parent.name not in real

    items.sort(key=rank)


def person_home() -> Path:
    """Where `make test` has just put the engine's packages and base images."""
    import platformdirs

    chosen = os.environ.get("LAYERLAB_PERSON_HOME") or os.environ.get("LAYERLAB_HOME")
    return Path(chosen) if chosen else platformdirs.user_data_path("layerlab")


def new_home(folder: Path, source: Path) -> Path:
    """A home with a copy of another's cache (engine packages, base images): nothing is fetched twice."""
    folder.mkdir(parents=True, exist_ok=True)
    if (source / "cache").exists():
        subprocess.run(["cp", "--archive", "--reflink=auto", source / "cache", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def lab_home(tmp_path_factory) -> Path:
    """A home for this run; LAYERLAB_HOME is set to it. All that is in it is removed at the end."""
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


@pytest.fixture(scope="session")
def machine(lab_home):
    """A machine for the whole run, called "test": `docker` of this process stays where it was."""
    from layerlab import Machine

    return Machine.start("test")


@pytest.fixture
def app():
    """A scratch copy of the radiology API."""
    from layerlab import App

    with App("radiology_api") as copy:
        yield copy


@pytest.fixture(scope="session")
def script():
    """scripts/execute_notebooks.py as a module."""
    path = Path(__file__).parents[1] / "scripts" / "execute_notebooks.py"
    spec = importlib.util.spec_from_file_location("execute_notebooks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
