"""MkDocs hooks for this project's site: pages kept outside docs/, and the links between all pages.

The notebooks, the labs, the sample apps' READMEs and the papers at the top of the repository become pages of the site without
being copied. A link that works in the repository leads to the corresponding page; a link to a file that isn't a page of the
site becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.toc import TableOfContents, get_toc

ROOT = Path(__file__).resolve().parents[1]
#: Pages of the site that are kept outside docs/.
ELSEWHERE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "labs/*/lab.ipynb",
    "notebooks/*.ipynb",
    "notebooks/*.md",
    "sample_apps/*/README.md",
)
#: [text](target#anchor) in Markdown; the text may contain brackets. A picture begins with "!".
MARKDOWN_LINK = re.compile(
    r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])+)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)"
)
#: A link to a page of this site or a file of the repository, as opposed to an address or a part of the same page.
RELATIVE = re.compile(r"(?![a-z][a-z0-9+.-]*:|/)\S")
#: Parts of a notebook that a page of the site doesn't need.
LEFT_OUT = (
    ".jp-Collapser, .jp-InputPrompt, .jp-OutputPrompt, .celltoolbar, .zeroclipboard-container, .clipboard-copy-txt"
)
#: The note above each notebook.
NOTE = """<div class="admonition note"><p>This notebook was saved after a run on 2 cores; your times will differ. To run
it, and to change it, open it in JupyterLab: <code>make lab</code>.</p></div>"""


@event_priority(50)  # before mkdocs-jupyter looks for notebooks
def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are kept outside docs/."""
    for pattern in ELSEWHERE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Point links at pages of the site, by names that MkDocs checks. A notebook's turn comes when it's HTML."""
    if page.file.src_uri.endswith(".ipynb"):
        return markdown

    def link(match: re.Match[str]) -> str:
        if not RELATIVE.match(match["target"]):
            return match[0]
        meant = page_meant(match["target"], page, files)
        if not meant:
            return match["text"]
        target = posixpath.relpath(meant.src_uri, posixpath.dirname(page.file.src_uri) or ".")
        return f"[{match['text']}]({target}{match['anchor'] or ''})"

    return MARKDOWN_LINK.sub(link, markdown)


def on_page_content(html: str, page: Any, files: Files, **_: Any) -> str:
    """Turn a notebook, which is HTML by now, into a page like the others."""
    if not page.file.src_uri.endswith(".ipynb"):
        return html
    soup = BeautifulSoup(html, "html.parser").select_one(".jupyter-wrapper")
    # Drops JupyterLab's style sheet, repeated in each page, and scripts from other sites; assets/site.css replaces them.
    for extra in soup.select(LEFT_OUT):
        extra.decompose()
    for cell in soup.select(".jp-Cell-inputWrapper"):
        del cell["tabindex"]  # the Tab key goes from link to link, not from cell to cell
    title, page.toc = contents(soup)
    number = re.match(r"notebooks/(\d+[a-z]?)-", page.file.src_uri)
    page.title = f"{number[1]} {title}" if number else title
    for anchor in soup.select("a.anchor-link"):
        anchor.attrs |= {"class": "headerlink", "title": "Permanent link"}
    for code in soup.select(".highlight-ipynb"):
        code["class"] = "highlight"
        code.pre.wrap(soup.new_tag("pre")).pre.name = "code"  # the structure that the theme colours and lets you copy
    for picture, words in zip(
        soup.select("img[src^='data:image/png']"), descriptions(page.file.abs_src_path), strict=True
    ):
        picture["alt"] = words
    for link in soup.select("a[href]"):
        target, mark, anchor = link["href"].partition("#")
        if RELATIVE.match(target):
            meant = page_meant(target, page, files)
            if meant:
                link["href"] = meant.url_relative_to(page.file) + mark + anchor
            else:
                link.unwrap()
    return f"{NOTE}\n{soup}"


def contents(notebook: Tag) -> tuple[str, TableOfContents]:
    """Return a notebook's title and table of contents. mkdocs-jupyter's own version drops code in headings."""

    def entry(heading: Tag) -> dict[str, Any]:
        name = heading.get_text().removesuffix("¶")
        return {"level": int(heading.name[1]), "id": heading["id"], "name": name, "html": name, "children": []}

    (title,) = map(entry, notebook.select("h1"))
    title["children"] = [entry(heading) for heading in notebook.select("h2")]
    return title["name"], get_toc([title])


def descriptions(notebook: str) -> list[str]:
    """Return the description of each chart in a notebook, in the order of the pictures."""
    outputs = [output for cell in nbformat.read(notebook, 4).cells for output in cell.get("outputs", [])]
    charts = [output for output in outputs if "image/png" in output.get("data", {})]
    return [output.metadata["image/png"]["alt"] for output in charts]


def page_meant(target: str, page: Any, files: Files) -> File | None:
    """Return the page of the site that a link on `page` means, or None. `target` is relative to the page's source file."""
    kept_at = Path(page.file.abs_src_path).relative_to(ROOT).as_posix()
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(kept_at), target))
    found = files.get_file_from_path("index.md" if meant == "README.md" else meant.removeprefix("docs/"))
    return found if found and found.inclusion.is_included() else None
