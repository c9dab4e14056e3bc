"""Reports of a build: one HTML file that needs no network, a Markdown summary for CI, or JSON.

`facts` gathers the content, without secrets (`record/fitting.py`); `page`, `markdown` and `data` write it.
"""

from .writing import FORMATS, format_of, render, report

__all__ = ["FORMATS", "format_of", "render", "report"]
