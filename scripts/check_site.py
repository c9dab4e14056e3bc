"""Check every link of the built site: `python scripts/check_site.py site`.

Every link to a page, a part of a page, a picture, a style or a script must have a target. Pages may load nothing from other
sites. Links to other sites aren't followed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

#: Elements and their attributes with an address: those a reader may follow, and those a browser loads by itself.
FOLLOWED = {"a": "href", "area": "href"}
LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
#: Kinds of <link> that load nothing and only describe the page.
SAYS = {"canonical", "prev", "next", "alternate"}


def main(arguments: Sequence[str]) -> int:
    """Check the site in the folder named by the first argument. Print what's wrong and return the exit code."""
    folder = Path(arguments[0])
    faults = sorted(check(folder))
    for fault in faults:
        print(fault, file=sys.stderr)
    pages = len([*folder.rglob("*.html")])
    if not pages:
        print(f"there are no pages in {folder}", file=sys.stderr)
        return 1
    print(f"{pages} pages: {f'{len(faults)} faults' if faults else 'every link leads somewhere'}")
    return bool(faults)


def check(folder: Path) -> Iterator[str]:
    """Yield what's wrong with the links of the site in `folder`, a line each."""
    pages = {
        path.resolve(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in folder.rglob("*.html")
    }
    anchors = {path: {element["id"] for element in soup.select("[id]")} for path, soup in pages.items()}
    for path, soup in pages.items():
        if path.name == "404.html":
            continue  # it's shown at any address, so its links start at the site's root, which isn't known here
        for element in soup.find_all([*FOLLOWED, *LOADED]):
            target = element.get({**FOLLOWED, **LOADED}[element.name])
            if target is None:
                continue
            address = urlsplit(target)
            where = f"{path.relative_to(folder.resolve())}: {target[:100]}"
            if address.scheme or address.netloc:
                loads = element.name in LOADED and not SAYS & set(element.get("rel") or [])
                if loads and address.scheme != "data":
                    yield f"{where} is loaded from another site"
                continue
            meant = (path.parent / unquote(address.path)).resolve() if address.path else path
            if meant.is_dir():
                meant /= "index.html"
            if not meant.is_file():
                yield f"{where} leads nowhere"
            elif address.fragment and meant in anchors and unquote(address.fragment) not in anchors[meant]:
                yield f"{where} names a part that the page doesn't have"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
