"""Charts of builds: pure functions that turn records (a Build, or the frame `compare` returns) into a plotly figure.

`timeline` shows one build, `before_after` compares variants over edits, `layers` shows the sizes of images; `summary` and
`critical_path` are the numbers behind them.
"""
