"""The size of images, layer by layer: a bar per layer, starting where the previous one ends; builds one below another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..record.build import Build
from ..record.layers import ImageLayer, image_layers
from . import theme
from .chart import Chart
from .labels import brief
from .theme import escaped, megabytes, shortened
from .timeline import LABEL_WIDTH

#: Colour and pattern of a layer by its instruction, distinguishable without colour too; OTHER for the rest.
OTHER = "other"
LOOKS = {
    "FROM": (theme.INK, "-"),
    "RUN": (theme.VERMILLION, "/"),
    "COPY": (theme.BLUE, ""),
    OTHER: (theme.PURPLE, "."),
}
#: Layers smaller than this share of the largest image share one row, because they would be hairlines.
SMALL = 0.004


@dataclasses.dataclass(frozen=True)
class _Bar:
    """A bar: row, kind (of LOOKS; "" for a whole image), start and length in MB, texts."""

    row: int
    kind: str
    start: float
    length: float
    label: str
    hover: str


def layers(*builds: Build, title: str = "") -> Chart:
    """Draw the layers of each build's image in MB, compressed, lowest first, with their sum on the row of its name.

    From the second image on, the sum is also shown as a share of the first. Only the image's own layers are shown, not those
    left behind in other stages. Small layers (under 0.4 % of the largest image) share a row. Raises ValueError without
    builds, or if a build's layers are not known, for example because it failed.
    """
    if not builds:
        raise ValueError("no builds to show")
    images = [image_layers(build) for build in builds]
    for build, image in zip(builds, images, strict=True):
        if not image:
            raise ValueError(f"the layers of {build.variant} are not known: it failed, or was built without provenance")
    totals = [sum(layer.size_bytes for layer in image) / 1e6 for image in images]
    labels, bars = _rows(builds, images, totals)
    subtitle = "a bar begins where the one above it ends; the outline is the whole image"
    chart = Chart(layout=theme.layout(title or _title(builds), subtitle, len(labels)))
    for kind in ["", *LOOKS]:
        _draw(chart, kind, [bar for bar in bars if bar.kind == kind])
    chart.add_scatter(
        x=[bar.start + bar.length for bar in bars],
        y=[bar.row for bar in bars],
        text=[theme.beside(bar.label) for bar in bars],
        mode="text",
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        name="labels",
    )
    return chart.update_layout(
        meta={"summary": _words(builds, images, totals)},
        yaxis=theme.row_axis(labels),
        xaxis=theme.value_axis("MB in a registry (compressed)")
        | {"range": [0, max(totals) * 1.65]},  # room for a label
    )


def _rows(
    builds: Sequence[Build], images: Sequence[Sequence[ImageLayer]], totals: Sequence[float]
) -> tuple[list[str], list[_Bar]]:
    """Return the rows' texts and bars."""
    labels: list[str] = []
    bars: list[_Bar] = []
    for number, (build, image, total) in enumerate(zip(builds, images, totals, strict=True)):
        share = f" · {total / totals[0]:.0%} of {escaped(shortened(builds[0].variant, 20))}" if number else ""
        label = f"<b>{megabytes(total)}{share}</b>"
        bars.append(_Bar(len(labels), "", 0.0, total, label, f"{escaped(build.variant)}: {megabytes(total)}"))
        labels.append(f"<b>{theme.cell(shortened(build.variant, LABEL_WIDTH), LABEL_WIDTH + 4)}</b>")
        start = 0.0
        large = [layer for layer in image if layer.size_bytes / 1e6 >= SMALL * max(totals)]
        for layer in large:
            size = layer.size_bytes / 1e6
            hover = f"{escaped(shortened(layer.text, 90))}<br><b>{megabytes(size)}</b>"
            bars.append(_Bar(len(labels), _kind(layer), start, size, megabytes(size), hover))
            labels.append(
                theme.cell(f"{layer.line or '':>3} {brief(layer.text or 'base image', LABEL_WIDTH)}", LABEL_WIDTH + 4)
            )
            start += size
        if len(large) < len(image):
            rest, size = len(image) - len(large), total - start
            name = f"{rest} smaller layer{'s' if rest > 1 else ''}"
            told = megabytes(size) if size >= 0.1 else f"{size * 1000:.0f} kB"
            bars.append(_Bar(len(labels), OTHER, start, size, told, f"{name}<br><b>{told}</b>"))
            labels.append(theme.cell(f"    {name}", LABEL_WIDTH + 4))
    return labels, bars


def _draw(chart: Chart, kind: str, bars: list[_Bar]) -> None:
    """Draw the bars of one kind; a whole image is an outline."""
    if not bars:
        return
    colour, pattern = LOOKS.get(kind, (theme.INK, ""))
    marker = {"color": theme.faded(colour, 0.55) if kind else theme.CLEAR, "line": {"color": colour, "width": 1.5}}
    if kind:
        marker["pattern"] = {"shape": pattern, "fillmode": "overlay", "fgcolor": colour, "size": 7, "solidity": 0.35}
    chart.add_bar(
        name=kind or "image",
        y=[bar.row for bar in bars],
        base=[bar.start for bar in bars],
        x=[bar.length for bar in bars],
        hovertext=[bar.hover for bar in bars],
        hoverinfo="text",
        orientation="h",
        width=0.68,
        marker=marker,
    )


def _kind(layer: ImageLayer) -> str:
    kind = {"ADD": "COPY"}.get(layer.instruction, layer.instruction)
    return kind if kind in LOOKS else OTHER


def _title(builds: Sequence[Build]) -> str:
    return shortened(f"{builds[0].app}: {' / '.join(build.variant for build in builds)}, layer by layer", 90)


def _words(builds: Sequence[Build], images: Sequence[Sequence[ImageLayer]], totals: Sequence[float]) -> str:
    """Describe the chart in one line."""
    parts = []
    for build, image, total in zip(builds, images, totals, strict=True):
        heaviest = sorted(image, key=lambda layer: -layer.size_bytes)[:3]
        named = ", ".join(
            f"{brief(layer.text or 'base image', 40)} {megabytes(layer.size_bytes / 1e6)}" for layer in heaviest
        )
        parts.append(f"{build.variant} {megabytes(total)} ({named})")
    return f"layers of {builds[0].app}: " + "; ".join(parts)
