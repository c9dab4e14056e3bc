"""Shared by all charts: colours that work on white and dark pages and without colour vision, and text helpers."""

from __future__ import annotations

import html
from typing import Any

from ..texts.plain import shown

#: JupyterLab's page colours: light theme, and `--jp-layout-color0` of its dark theme.
LIGHT_PAGE, DARK_PAGE = "#ffffff", "#111111"

#: From the Okabe-Ito palette, designed to be distinguishable without full colour vision (M. Okabe and K. Ito, "Color
#: Universal Design", 2008): the colours with a contrast of 3 on both pages, and orange (E69F00), darkened until it has that
#: contrast on white.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#C08400"

#: Text and lines: the grey with the same WCAG contrast, 4.3, on both pages. No colour can have the 4.5 that level AA
#: requires for small text on both white and #111: the maximum is the square root of their own contrast, 4.35.
INK = "#797979"

#: Text of the static pictures, which have their own white page.
INK_ON_WHITE = "#24292f"

GRID = "rgba(128,128,128,0.25)"
CLEAR = "rgba(0,0,0,0)"
SANS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
MONO = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def contrast(one: str, other: str) -> float:
    """Return the WCAG 2.1 contrast ratio of two "#rrggbb" colours, from 1 to 21."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def faded(colour: str, alpha: float = 0.3) -> str:
    """Return a "#rrggbb" colour with some transparency, as plotly and CSS take it."""
    return "rgba({},{},{},{})".format(*_rgb(colour), alpha)


def layout(title: str, subtitle: str, rows: int) -> dict[str, Any]:
    """Return the layout that every chart starts from: titles (plain text) and the height for this many rows.

    The page decides the width. There's no legend: each bar's name is beside it, so nobody has to match colours.
    """
    top, bottom = 76, 56
    row = 26 if rows <= 24 else 21
    return {
        "title": {
            "text": f"<b>{escaped(title)}</b><br><span style='font-size:13px'>{escaped(subtitle)}</span>",
            "font": {"size": 17},
            "x": 0,
            "xref": "container",
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "pad": {"l": 12, "t": 26},
        },
        "font": {"family": SANS, "size": 13, "color": INK},
        "template": "none",  # plotly's default template has its own colours
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "height": top + bottom + max(rows, 2) * row,
        "margin": {"l": 12, "r": 20, "t": top, "b": bottom},
        "showlegend": False,
        "barmode": "overlay",
        # Opaque, with its own contrast, because a tooltip covers parts of the chart.
        "hoverlabel": {
            "align": "left",
            "bgcolor": "#24292f",
            "bordercolor": "#8b949e",
            "namelength": 0,
            "font": {"family": MONO, "size": 12, "color": "#f6f8fa"},
        },
    }


def row_axis(labels: list[str]) -> dict[str, Any]:
    """Return a y axis with one text per row, the first at the top; "" for a row without text."""
    return {
        "tickvals": [y for y, label in enumerate(labels) if label],
        "ticktext": [label for label in labels if label],
        "tickfont": {"family": MONO, "size": 12},
        "ticklabelstandoff": 8,
        "range": [len(labels) - 0.4, -0.6],
        "fixedrange": True,  # dragging zooms only time, so a row never loses its text
        "automargin": True,  # no text is cut off, in any font
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }


def value_axis(title: str) -> dict[str, Any]:
    """Return an x axis of values from zero; `title` names the unit."""
    return {
        "title": {"text": escaped(title), "standoff": 8, "font": {"size": 13}},
        "gridcolor": GRID,
        "zeroline": True,
        "zerolinecolor": INK,
        "zerolinewidth": 1,
        "linecolor": INK,
        "ticks": "outside",
        "tickcolor": GRID,
    }


def escaped(text: str) -> str:
    """Escape plain text so that plotly shows it unchanged: no tags, no TeX (between dollars), no terminal control codes."""
    return html.escape(shown(text), quote=False).replace("$", "&#36;")


def cell(text: str, width: int) -> str:
    """Pad the text to `width` with spaces that don't collapse, so that right-aligned axis texts line up on the left."""
    return escaped(text.ljust(width)).replace(" ", "\u00a0")


def beside(text: str) -> str:
    """Indent the text a little, to set it off from the bar or symbol on its left."""
    return "\u00a0" * 3 + text


def shortened(text: str, width: int) -> str:
    """Return the text on one line of at most `width` characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def seconds(value: float) -> str:
    """Write seconds as 0.45 s, 41.2 s or 1,234 s."""
    return f"{_number(value)} s"


def megabytes(value: float) -> str:
    """Write megabytes as 0.45 MB, 41.2 MB or 1,234 MB; less than 0.005 is 0 MB."""
    return f"{_number(value) if value >= 0.005 else 0} MB"


def _number(value: float) -> str:
    return f"{value:,.{2 if value < 0.995 else 1 if value < 99.95 else 0}f}"


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def _luminance(colour: str) -> float:
    """Return the relative luminance (https://www.w3.org/TR/WCAG21/#dfn-relative-luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _rgb(colour))]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
