"""LayerLab: make the Docker builds of your Python projects fast, and prove it.

    from layerlab import App, Machine, compare, timeline, before_after

    machine = Machine.start()
    app = App("radiology_api")
    build = machine.build(app, "before")
    timeline(build)
"""

from .app import App
from .build import BuildFailed
from .charts import before_after, summary, timeline
from .checks import check_lab
from .diagnosis import doctor
from .diff import diff
from .errors import LayerLabError
from .experiment import compare
from .machine import Machine
from .predict import predict
from .records import Build, Step

__all__ = [
    "App",
    "Build",
    "BuildFailed",
    "LayerLabError",
    "Machine",
    "Step",
    "before_after",
    "check_lab",
    "compare",
    "diff",
    "doctor",
    "predict",
    "summary",
    "timeline",
]
