"""Chart: a plotly figure that works without a network, describes itself in words, and can include a static picture."""

from __future__ import annotations

import asyncio
import atexit
import base64
import functools
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Self

import plotly.graph_objects as go

from .theme import INK_ON_WHITE, LIGHT_PAGE

#: Set to 1 to execute notebooks for committing: their charts then include a picture for pages that run no scripts.
STATIC = "LAYERLAB_STATIC"

#: Width of that picture, pixels, as wide as a notebook's page. A sharper one would take 300 kB in the notebook, not 100.
PICTURE_WIDTH = 1000

#: How long to wait for a browser that doesn't answer, seconds.
TIMEOUT = 60


class Chart(go.Figure):  # type: ignore[misc]  # plotly has no types
    """A plotly Figure with all its methods. `layout.meta["summary"]`, which is also its repr, describes it in words.

    At the end of a cell, it gives plotly's own format (drawn by the plotly installed in JupyterLab), the description and,
    with LAYERLAB_STATIC=1, a picture, if kaleido and a browser are there.
    """

    # plotly displays itself past IPython's formatters, and its HTML loads a script from the network. Neither can include
    # the description and the picture, so leave display to `_repr_mimebundle_` alone.
    _ipython_display_ = None
    _repr_html_ = None

    if TYPE_CHECKING:  # plotly's own, which returns the figure

        def update_layout(self, *args: Any, **kwargs: Any) -> Self: ...

    def __repr__(self) -> str:
        meta: dict[str, str] = self.layout.meta or {}
        return meta.get("summary", "chart")

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = {"text/plain": repr(self), **super()._repr_mimebundle_(include, exclude, **kwargs)}
        png = self.picture() if os.environ.get(STATIC) == "1" else None
        if png is None:
            return bundle, {}
        bundle["image/png"] = base64.b64encode(png).decode("ascii")
        return bundle, {"image/png": {"width": PICTURE_WIDTH, "alt": repr(self)}}

    def picture(self, width: int = PICTURE_WIDTH, page: str = LIGHT_PAGE, ink: str = INK_ON_WHITE) -> bytes | None:
        """Return the chart as PNG, `width` pixels wide, on its own opaque page, so that it's readable on any page.

        Returns None if kaleido or a browser is missing or doesn't answer: the picture is an extra, not worth an error.
        """
        draw = _browser()
        if draw is None:
            return None
        figure = self.to_dict()
        figure["layout"] |= {"paper_bgcolor": page, "font": {**figure["layout"].get("font", {}), "color": ink}}
        height = figure["layout"].get("height", 500)
        try:
            return draw(figure, {"format": "png", "width": width, "height": height})
        except Exception:  # a browser can fail in any way
            return None


@functools.cache
def _browser() -> Callable[[dict[str, Any], dict[str, Any]], bytes] | None:
    """Return a function that draws with the one browser this process starts; None if there is no browser.

    kaleido's own server has two problems: it waits forever if the browser doesn't start, and it loads MathJax from the
    network.
    """
    try:
        import kaleido

        browser = kaleido.Kaleido(mathjax=False, timeout=TIMEOUT)
    except Exception:  # not installed, or no browser found
        return None
    loop = asyncio.new_event_loop()  # a separate one: a notebook's kernel already runs one in the main thread
    threading.Thread(target=loop.run_forever, name="layerlab-pictures", daemon=True).start()

    def call(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(TIMEOUT)

    try:
        call(browser.open())
    except Exception:  # it did not start
        return None
    atexit.register(lambda: call(browser.close()))
    return lambda figure, options: call(browser.calc_fig(figure, opts=options))
