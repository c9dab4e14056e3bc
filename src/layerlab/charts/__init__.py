"""Charts of builds: pure functions from records (a Build, or the frame `compare` gives) to a plotly figure.

`timeline` shows one build, `before_after` compares variants over edits, `layers` shows what images weigh; `summary` and
`critical_path` are the numbers behind them.
"""

from layerlab.charts.before_after import before_after
from layerlab.charts.chart import Chart
from layerlab.charts.critical_path import critical_path
from layerlab.charts.layers import layers
from layerlab.charts.summary import summary
from layerlab.charts.timeline import timeline

__all__ = ["Chart", "before_after", "critical_path", "layers", "summary", "timeline"]
