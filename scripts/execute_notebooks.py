"""Execute notebooks in place, each in a fresh kernel, and save them so that a diff shows only real changes.

    python scripts/execute_notebooks.py [--check] NOTEBOOK...

With --check, nothing is written. A notebook fails if a cell raises, or if the output of a cell tagged `nbval-check-output`
differs from the saved one.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from layerlab.system.home import home

#: Cells with this tag print the same on every machine.
CHECKED = "nbval-check-output"
#: A build in a cell may take long on a slow network; after this many seconds it counts as hanging.
CELL_SECONDS = 1800
#: A notebook larger than this is too heavy to open on a code host, bytes.
LARGEST = 1_500_000
#: The repository's folder, and the name that outputs give the reader's copy of it.
ROOT, READERS_ROOT = Path(__file__).resolve().parents[1], "~/layerlab"
#: LayerLab's default folder for its data on Linux (home.py).
READERS_HOME = "~/.local/share/layerlab"
#: The place where a notebook says how long its cells took.
MEASURED = re.compile(r"ran for .*? in the run saved here")
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


def execute(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Return a copy of the notebook, executed from top to bottom in a fresh kernel whose working directory is `folder`.

    If the notebook has a place for it, the copy says how long that took. Raises CellExecutionError if a cell fails.
    """
    done = copy.deepcopy(notebook)
    for cell in done.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        done,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    started = time.monotonic()
    client.execute()
    took = _in_words(time.monotonic() - started)
    for cell in done.cells:
        if cell.cell_type == "markdown":
            cell.source = MEASURED.sub(f"ran for {took} in the run saved here", cell.source)
    return done


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.1f} minutes"


def tidied(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Strip the notebook, in place, to the parts worth keeping: ids made from the text, no widgets, times or versions."""
    notebook.metadata = nbformat.from_dict(copy.deepcopy(METADATA))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        cell.id = _identity(cell.source, seen)
        if cell.cell_type == "code":
            # Without its model, a widget shows as an error message. Keep an output's HTML if it has any; drop outputs that
            # are only a widget, such as progress bars.
            for output in cell.outputs:
                if "text/html" in output.get("data", {}):
                    output.data.pop(WIDGET, None)
            cell.outputs = [o for o in _joined(cell.outputs) if WIDGET not in o.get("data", {})]
            for output in cell.outputs:
                output.pop("transient", None)
            cell.outputs = _everybodys(cell.outputs)
    return notebook


def _everybodys(value: Any) -> Any:
    """Replace this computer's folders in outputs with those on a reader's computer."""
    if isinstance(value, str):
        return value.replace(str(home()), READERS_HOME).replace(str(ROOT), READERS_ROOT)
    if isinstance(value, dict):
        return nbformat.from_dict({key: _everybodys(item) for key, item in value.items()})
    return [_everybodys(item) for item in value] if isinstance(value, list) else value


def _identity(source: str, seen: set[str]) -> str:
    """Return eight hex digits made from the text; a later cell with the same text gets different ones."""
    text = source
    while (name := hashlib.sha256(text.encode()).hexdigest()[:8]) in seen:
        text += "\n"
    seen.add(name)
    return name


def _joined(outputs: list) -> list:
    """Return new outputs with printed pieces joined, because the breaks between pieces differ from run to run."""
    kept: list = []
    for output in outputs:
        if kept and output.output_type == "stream" == kept[-1].output_type and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(copy.copy(output))  # a copy, because joining must not change the original
    return kept


def differences(saved: nbformat.NotebookNode, now: nbformat.NotebookNode) -> list[str]:
    """Describe each checked cell whose output differs from the saved one."""
    found = []
    for number, (before, after) in enumerate(zip(saved.cells, now.cells, strict=True), 1):
        if CHECKED in before.metadata.get("tags", []) and _texts(before) != _texts(after):
            found.append(
                f"cell {number}: {before.source.splitlines()[0]}\n  saved: {_texts(before)}\n  now:   {_texts(after)}"
            )
    return found


def _texts(cell: nbformat.NotebookNode) -> list[str]:
    return [
        o.text if o.output_type == "stream" else o.get("data", {}).get("text/plain", "") for o in _joined(cell.outputs)
    ]


def run(path: Path, check: bool) -> bool:
    """Execute one notebook and save it, or only check it. Print how it went; return whether it went well."""
    started = time.monotonic()
    print(f"{path}: running", flush=True)
    saved = nbformat.read(path, as_version=4)
    try:
        now = execute(saved, path.resolve().parent)
    except CellExecutionError as error:
        print(f"{path}: a cell failed\n{error}", file=sys.stderr)
        return False
    problems = differences(saved, now) if check else []
    if not check:
        text = nbformat.writes(tidied(now), version=4)
        if len(text.encode()) > LARGEST:
            problems.append(f"{len(text.encode()) / 1e6:.1f} MB is too large to commit, so nothing was written")
        else:
            path.write_text(text + "\n", encoding="utf-8")
    for problem in problems:
        print(f"{path}: {problem}", file=sys.stderr)
    print(f"{path}: {'not as saved' if problems else 'done'} in {time.monotonic() - started:.0f} s", flush=True)
    return not problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where checked outputs differ")
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    options = parser.parse_args()
    if not options.check:
        os.environ["LAYERLAB_STATIC"] = "1"  # charts then include a picture for pages that run no scripts
    # Run every notebook, so that one failure doesn't hide the next.
    done = [run(path, options.check) for path in options.notebooks]
    return 0 if all(done) else 1


if __name__ == "__main__":
    raise SystemExit(main())
