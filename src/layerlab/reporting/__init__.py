"""Reports of a build: one HTML file that needs no network, a Markdown summary for CI, JSON, or annotations of a Dockerfile.

`facts` gathers the content, without secrets (`record/fitting.py`); `page`, `markdown`, `data` and `annotations` write it.
"""

from .writing import FORMATS, format_of, render, report

__all__ = ["FORMATS", "format_of", "render", "report"]
