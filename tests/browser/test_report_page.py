"""A report as a person opens it: from disk, without a network, on a phone and a desk, by keyboard and on paper."""

from __future__ import annotations

import pytest
from driving import PICTURES
from playwright.sync_api import Browser, Page
from test_report import (
    HOSTILE,
    build_of,
    explanation_of,
    hostile_build,
    hostile_explanation,
    recorded,
    shop,
    step,
)

from layerlab import reporting
from layerlab.explaining.causes import Cause
from layerlab.record.build import Build

pytestmark = pytest.mark.browser

PHONE, DESK = 360, 1280


def large() -> tuple[Build, None, object]:
    log = "".join(f"line {n} of a long log, {'word ' * 12}\n" for n in range(3000))
    steps = [
        step(n, f"RUN make --directory=packages/part-{n} --jobs=2 all install check && touch /var/done-{n}", stage=f"s-{n // 20}",
             log=log, downloaded_bytes=n * 1_000_000)
        for n in range(1, 61)
    ]  # fmt: skip
    build = build_of(*steps, seconds=62.0)
    return build, None, explanation_of(build, line_1=Cause("file changed", "a.py changed"))


def hostile() -> tuple[Build, Build, object]:
    return hostile_build(), hostile_build(), hostile_explanation(hostile_build())


REPORTS = {
    "shop": shop,
    "code_edit": lambda: (recorded("code_edit"), recorded("first_build"), explanation_of(recorded("code_edit"))),
    "failed": lambda: (recorded("failed"), None, explanation_of(recorded("failed"))),
    "syntax_error": lambda: (recorded("syntax_error"), None, explanation_of(recorded("syntax_error"))),
    "large": large,
    "hostile": hostile,
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    """Addresses of the reports on disk."""
    folder = tmp_path_factory.mktemp("reports")
    found = {}
    for name, make in REPORTS.items():
        build, previous, explanation = make()
        (folder / f"{name}.html").write_text(reporting.render(build, previous, "html", explanation))
        found[name] = (folder / f"{name}.html").as_uri()
    return found


@pytest.fixture
def open_report(browser: Browser, pages):
    """Open a report; at the end nothing may have been asked of any network, said on the console, or run."""
    contexts, requests, told = [], [], []

    def opened(name: str, width: int = DESK, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
        page.goto(pages[name])
        page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not told
    assert {url.split("#")[0] for url in requests} <= set(pages.values())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", list(REPORTS))
def test_it_fits_the_screen(open_report, name, width, scheme):
    page = open_report(name, width, scheme)
    page.screenshot(path=PICTURES / f"report-{name}-{width}-{scheme}.png", full_page=name != "large")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)" if scheme == "light" else "rgb(17, 20, 24)"
    )


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", ["shop", "code_edit", "failed", "large"])
def test_texts_of_the_timeline_do_not_meet(open_report, name, width):
    page = open_report(name, width)
    overlaps = page.evaluate(
        """[...document.querySelectorAll('svg[role=img] g')].flatMap(row => {
             const [left, right] = [...row.querySelectorAll('text')].map(t => t.getBoundingClientRect());
             return left.right > right.left && right.width ? [row.textContent] : [];
           })"""
    )
    assert not overlaps
    assert page.locator("svg[role=img] g").count() >= 7


def test_by_keyboard(open_report):
    page = open_report("shop")
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "Skip to the report"
    assert focused.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
    assert focused.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "report"
    log = page.locator("details", has=page.locator("pre[id^=log-]")).first
    for _ in range(80):
        page.keyboard.press("Tab")
        if log.locator("summary").evaluate("e => e === document.activeElement"):
            break
    assert not log.locator("pre").is_visible()
    page.keyboard.press("Enter")
    assert log.locator("pre").is_visible()
    assert "Downloading numpy" in log.locator("pre").inner_text()


def test_a_link_to_a_log_unfolds_it(open_report):
    page = open_report("failed")
    log = page.locator("#logs ~ details pre", has_text="boom")
    assert not log.is_visible()
    page.get_by_role("link", name="The whole log").click()
    assert log.is_visible()


def test_on_paper_everything_is_unfolded_and_nothing_is_dark(open_report, tmp_path):
    page = open_report("shop", scheme="dark")
    page.evaluate(
        "addEventListener('beforeprint', () => window.seen = document.querySelectorAll('details:not([open])').length)"
    )
    assert page.pdf(path=tmp_path / "report.pdf", format="A4").startswith(b"%PDF")
    assert page.evaluate("window.seen") == 0
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0  # as it was
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()


def test_what_helps_a_screen_reader(open_report):
    page = open_report("shop")
    for role in ("banner", "main", "navigation", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    drawing = page.get_by_role("img", name="Timeline of the build")
    assert drawing.count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("region", name="The timeline as a table").count() == 0  # folded
    page.get_by_text("The timeline as a table").click()
    assert page.get_by_role("region", name="The timeline as a table").get_by_role("row").count() == 1 + 5 + 2


def test_hostile_texts_do_nothing(open_report):
    page = open_report("hostile")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.locator("h1").inner_text().startswith(HOSTILE[:40])
    assert page.locator("img").count() == 0
