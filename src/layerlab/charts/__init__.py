"""Charts of builds: pure functions from records (a Build, or the frame `compare` gives) to a plotly figure.

`timeline` shows one build, `before_after` compares variants over edits, `layers` shows what images weigh; `summary` and
`critical_path` are the numbers behind them.
"""

from .before_after import before_after
from .chart import Chart
from .critical_path import critical_path
from .layers import layers
from .summary import summary
from .timeline import timeline

__all__ = ["Chart", "before_after", "critical_path", "layers", "summary", "timeline"]
