"""LayerLab: make the Docker builds of your Python projects fast, and prove it.

from layerlab import App, Machine, compare, timeline, before_after

machine = Machine.start()
app = App("radiology_api")
build = machine.build(app, "before")
timeline(build)
"""

# ruff: noqa: F401 - the names imported for editors are used by them alone
import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors; at run time, see _Package
    from .app import App
    from .build import BuildFailed
    from .charts import before_after, summary, timeline
    from .diagnosis import doctor
    from .diff import diff
    from .errors import LayerLabError
    from .experiment import compare
    from .labs import check_lab
    from .machine import Machine
    from .predict import predict
    from .records import Build, Step

#: Every public name, and the module it is in.
_PUBLIC = {
    "App": "app",
    "Build": "records",
    "BuildFailed": "build",
    "LayerLabError": "errors",
    "Machine": "machine",
    "Step": "records",
    "before_after": "charts",
    "check_lab": "labs",
    "compare": "experiment",
    "diff": "diff",
    "doctor": "diagnosis",
    "predict": "predict",
    "summary": "charts",
    "timeline": "charts",
}
__all__ = list(_PUBLIC)


class _Package(types.ModuleType):
    """Imports a public name when it is first asked for: `layerlab --help` has no use for pandas, plotly or docker-py."""

    def __getattr__(self, name: str) -> Any:
        if name not in _PUBLIC:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{_PUBLIC[name]}", self.__name__), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # Whoever imports the module `diff` makes it an attribute here; it must not hide the function of that name.
        if not (name in _PUBLIC and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_PUBLIC})


sys.modules[__name__].__class__ = _Package
