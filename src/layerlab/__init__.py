"""LayerLab: make the Docker builds of your Python projects fast, and prove it.

from layerlab import App, Machine, compare, timeline, before_after

machine = Machine.start()
app = App("radiology_api")
build = machine.build(app, "before")
timeline(build)
"""

import importlib
from typing import TYPE_CHECKING, Any, Unpack

from .record import view
from .system import extras

if TYPE_CHECKING:  # for editors and type checkers; at run time, see __getattr__
    from .charts.before_after import before_after as before_after
    from .charts.timeline import timeline as timeline
    from .diagnosing.doctor import doctor as doctor
    from .diffing.diff import diff as diff
    from .errors import LayerLabError as LayerLabError
    from .explaining.why import explain as explain
    from .machine.builder import Builder as Builder
    from .machine.building import BuildFailed as BuildFailed
    from .machine.machine import Machine as Machine
    from .measuring.compare import compare as compare
    from .predicting.predict import predict as predict
    from .project.app import App as App
    from .record.build import Build as Build
    from .reporting.writing import report as report

#: Every public name and its module. Names that only the course needs are in `layerlab.course`.
_PUBLIC = {
    "App": "project.app",
    "Build": "record.build",
    "BuildFailed": "machine.building",
    "Builder": "machine.builder",
    "LayerLabError": "errors",
    "Machine": "machine.machine",
    "before_after": "charts.before_after",
    "compare": "measuring.compare",
    "diff": "diffing.diff",
    "doctor": "diagnosing.doctor",
    "explain": "explaining.why",
    "predict": "predicting.predict",
    "report": "reporting.writing",
    "timeline": "charts.timeline",
}
__all__ = list(_PUBLIC)


def _live_view(title: str, dockerfile: str, **known: Unpack[view.Known]) -> view.View:
    """Return a live view. Views pull in libraries, so they're imported only when a build wants one."""
    from .live.choosing import live_view

    return live_view(title, dockerfile, **known)


view.register(_live_view)


if not TYPE_CHECKING:  # it would make type checkers accept any name

    def __getattr__(name: str) -> Any:
        """Import a public name on first use (PEP 562), because `layerlab --help` needs neither pandas nor docker-py."""
        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        with extras.needs_course():
            value = getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
