"""HTML for the output of a cell: readable on light and dark pages, and without any style, as code hosts show it.

Each element has its own style, because a notebook's viewer may drop a style sheet and JupyterLab styles tables itself.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..texts.plain import shown
from . import theme

if TYPE_CHECKING:
    import jinja2

#: Styles for templates, as `{{ s.cell }}`. Text and lines have the page's own colours; tints are light enough for both pages.
STYLES = {
    "table": "width:100%;table-layout:auto;border-collapse:collapse;margin:4px 0;"
    f"font-family:{theme.SANS};font-size:13px;line-height:1.4",
    "row": "background:transparent",
    "line": f"background:transparent;border-top:1px solid {theme.GRID}",
    "head": "text-align:left;font-weight:600;padding:2px 8px;vertical-align:bottom",
    "cell": "text-align:left;padding:2px 8px;vertical-align:top;max-width:none;white-space:normal",
    "word": "text-align:left;padding:2px 8px;vertical-align:top;max-width:none;white-space:nowrap",
    "code": f"font-family:{theme.MONO};font-size:12px;white-space:pre-wrap;overflow-wrap:anywhere",
    "wide": "text-align:left;padding:2px 8px;vertical-align:top;max-width:none;white-space:normal;width:100%",
    "right": f"color:{theme.GREEN};font-weight:700",
    "wrong": f"color:{theme.VERMILLION};font-weight:700",
    "quiet": f"color:{theme.INK}",
}


def rendered(template: str, styles: Mapping[str, str] = STYLES, **values: Any) -> str:
    """Fill the values into a Jinja template, escaped. The template can use STYLES, overridden by `styles`, as `s`."""
    return _compiled(template).render(values, s={**STYLES, **styles})


def printable(value: Any) -> Any:
    """Return what a template is about to write: of a text, what may be shown. (Markup, a kind of text too, is our own.)"""
    return shown(value) if type(value) is str else value


@functools.cache
def _compiled(template: str) -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=printable)
    return environment.from_string(template)
