"""A build written down to keep: one HTML file that needs no network, a Markdown summary for CI, or JSON.

`facts` gathers what is said, without secrets (`redaction`); `page`, `markdown` and `data` write it.
"""

from .writing import FORMATS, format_of, render, report

__all__ = ["FORMATS", "format_of", "render", "report"]
