"""Reports of a build: one HTML file that needs no network, a Markdown summary for CI, JSON, or annotations of a Dockerfile.

`facts` gathers the content, without secrets (`record/fitting.py`); `page`, `markdown`, `data` and `annotating` write it.
"""

from .writing import FORMATS, file_name, format_of, render, report, report_together

__all__ = ["FORMATS", "file_name", "format_of", "render", "report", "report_together"]
