"""What all charts share: colours that hold on white and dark pages and without colour vision, and text helpers."""

from __future__ import annotations

import html
import re

#: JupyterLab's page colours: light theme, and `--jp-layout-color0` of its dark theme.
LIGHT_PAGE, DARK_PAGE = "#ffffff", "#111111"

#: From the Okabe-Ito palette, made to be told apart without full colour vision (M. Okabe and K. Ito, "Color Universal
#: Design", 2008): those with a contrast of 3 on both pages, and orange (E69F00), darkened until it has that on white.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#C08400"

#: Text and lines: the grey with the same WCAG contrast, 4.3, on both pages. No colour can have the 4.5 that level AA
#: asks of small text on white and on #111 at once: the most is the root of their own contrast, 4.35.
INK = "#797979"

#: Text of the static pictures, which have a white page of their own.
INK_ON_WHITE = "#24292f"

GRID = "rgba(128,128,128,0.25)"
CLEAR = "rgba(0,0,0,0)"
SANS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
MONO = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"

#: ANSI escape sequences, and control characters other than tab and newline.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio of two "#rrggbb" colours, 1 to 21."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def faded(colour: str, alpha: float = 0.3) -> str:
    """A "#rrggbb" colour with some transparency."""
    return "rgba({},{},{},{})".format(*_rgb(colour), alpha)


def layout(title: str, subtitle: str, rows: int) -> dict:
    """The layout every chart starts from: titles (plain text) and height for so many rows; the page decides the width.

    No legend: every bar is named beside it, which needs no colours to be matched.
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
        "template": "none",  # plotly's default template would bring its own colours
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "height": top + bottom + max(rows, 2) * row,
        "margin": {"l": 12, "r": 20, "t": top, "b": bottom},
        "showlegend": False,
        "barmode": "overlay",
        # Opaque, with a contrast of its own: a tooltip covers what is under it.
        "hoverlabel": {
            "align": "left",
            "bgcolor": "#24292f",
            "bordercolor": "#8b949e",
            "namelength": 0,
            "font": {"family": MONO, "size": 12, "color": "#f6f8fa"},
        },
    }


def row_axis(labels: list[str]) -> dict:
    """A y axis with one text a row, the first at the top; "" for a row without."""
    return {
        "tickvals": [y for y, label in enumerate(labels) if label],
        "ticktext": [label for label in labels if label],
        "tickfont": {"family": MONO, "size": 12},
        "ticklabelstandoff": 8,
        "range": [len(labels) - 0.4, -0.6],
        "fixedrange": True,  # dragging zooms time only, so that a row never loses its text
        "automargin": True,  # whatever the font, a text is never cut off
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }


def value_axis(title: str) -> dict:
    """An x axis of values from zero; `title` names the unit."""
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
    """Plain text as plotly shows it unchanged: no tags, no TeX (between dollars), no terminal control sequences."""
    return html.escape(_CONTROL.sub("", text), quote=False).replace("$", "&#36;")


def cell(text: str, width: int) -> str:
    """Padded to `width` with spaces that do not collapse: right-aligned axis texts then line up on the left."""
    return escaped(text.ljust(width)).replace(" ", "\u00a0")


def beside(text: str) -> str:
    """Set off a little from the bar or symbol it stands right of."""
    return "\u00a0" * 3 + text


def shortened(text: str, width: int) -> str:
    """One line of at most `width` characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def seconds(value: float) -> str:
    """0.45 s, 41.2 s, 1,234 s."""
    return f"{_number(value)} s"


def megabytes(value: float) -> str:
    """0.45 MB, 41.2 MB, 1,234 MB; what would read 0.00 is 0 MB."""
    return f"{_number(value) if value >= 0.005 else 0} MB"


def _number(value: float) -> str:
    return f"{value:,.{2 if value < 0.995 else 1 if value < 99.95 else 0}f}"


def _rgb(colour: str) -> tuple[int, int, int]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _rgb(colour))]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
