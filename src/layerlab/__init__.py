"""LayerLab: make the Docker builds of your Python projects fast, and prove it.

from layerlab import App, Machine, compare, timeline, before_after

machine = Machine.start()
app = App("radiology_api")
build = machine.build(app, "before")
timeline(build)
"""

# ruff: noqa: F401 - the names imported for editors are used by them alone
import importlib
from typing import TYPE_CHECKING, Any

from . import view

if TYPE_CHECKING:  # for editors; at run time, see __getattr__
    from .app import App
    from .building import BuildFailed
    from .charts import before_after, summary, timeline
    from .comparing.diff import diff
    from .doctoring import doctor
    from .errors import LayerLabError
    from .experiment import compare
    from .labs import check_lab
    from .machine import Machine
    from .predicting.predict import predict
    from .records import Build, Step

#: Every public name, and the module it is in.
_PUBLIC = {
    "App": "app",
    "Build": "records",
    "BuildFailed": "building",
    "LayerLabError": "errors",
    "Machine": "machine",
    "Step": "records",
    "before_after": "charts",
    "check_lab": "labs",
    "compare": "experiment",
    "diff": "comparing.diff",
    "doctor": "doctoring",
    "predict": "predicting.predict",
    "summary": "charts",
    "timeline": "charts",
}
__all__ = list(_PUBLIC)


def _live_view(title: str, dockerfile: str, **known: Any) -> view.View:
    """Views bring libraries along, so they are imported when a build wants one."""
    from .progress import live_view

    return live_view(title, dockerfile, **known)


view.register(_live_view)


def __getattr__(name: str) -> Any:
    """A public name is imported when it is first asked for: `layerlab --help` has no use for pandas or docker-py (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
