"""`python -m benchmarks [NAME…]`: measure, print a table, write benchmarks/results/, exit with 1 if a limit is missed."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import platform
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from layerlab import LayerLabError, Machine

from . import __doc__ as description
from . import apps, builds, contexts, in_place, machines, notebooks, traces
from .result import Result

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parents[1] / "README.md"
#: The table in README.md goes between these.
MARKS = ("<!-- bench -->", "<!-- /bench -->")
ALL = {
    "build": builds.overhead,
    "code": apps.code_edits,
    "dependency": apps.dependency_edits,
    "sizes": apps.sizes,
    "notebooks": notebooks.run,
    "machines": machines.run,
    "traces": traces.run,
    "contexts": contexts.run,
    "in_place": in_place.run,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("benchmarks", None, description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(ALL)}; all if none is given")
    parser.add_argument(
        "--readme",
        action="store_true",
        help="write the table into README.md; the benchmarks that don't run now appear as last measured",
    )
    options = parser.parse_args(arguments)
    names = options.names or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose one of: {', '.join(ALL)}")
    console = Console()
    remove_machines()
    results: dict[str, list[Result]] = {}
    try:
        for name in names:
            results[name] = []
            with console.status(f"measuring: {name}"):
                for result in ALL[name]():
                    results[name].append(result)
                    console.print(f"{name}: {result.what}: {result.figure} ({result.bound})", markup=False)
    except LayerLabError as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        return 1
    finally:
        remove_machines()
    show(console, results)
    save(results)
    if options.readme:
        into_readme(markdown(saved()))
    return 0 if all(r.passed for rs in results.values() for r in rs) else 1


def remove_machines() -> None:
    """Remove the benchmarks' machines, including those of an interrupted run."""
    for machine in Machine.all():
        if machine.name.startswith("bench"):
            machine.remove()


def show(console: Console, results: dict[str, list[Result]]) -> None:
    table = Table("benchmark", "what", "measured", "limit", "", "how", title=computer())
    for name, rows in results.items():
        for r in rows:
            table.add_row(name, r.what, r.figure, r.bound, "pass" if r.passed else "[red]FAIL[/]", r.detail)
    console.print(table)
    print(markdown(results))


def markdown(results: dict[str, list[Result]]) -> str:
    """Return the results as a Markdown table for the README, with the guides' figures beside ours."""
    rows = ["| what | measured | limit | | the team's guide says |", "|---|---|---|---|---|"]
    for r in (r for rs in results.values() for r in rs):
        rows.append(f"| {r.what} | {r.figure} | {r.bound} | {'pass' if r.passed else '**missed**'} | {r.guide} |")
    missing = [f"`{name}`" for name in ALL if name not in results]
    rest = f" Not measured: {', '.join(missing)}." if missing else ""
    return "\n".join([*rows, "", f"Measured by `make bench` on {computer()}, {datetime.date.today():%B %Y}.{rest}"])


def save(results: dict[str, list[Result]]) -> None:
    """Write results/NAME.json for each benchmark, and results/table.md."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for name, rows in results.items():
        record = {
            "benchmark": name,
            "at": now,
            "computer": computer(),
            "results": [dataclasses.asdict(r) | {"passed": r.passed} for r in rows],
        }
        (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "table.md").write_text(markdown(results) + "\n")


def saved() -> dict[str, list[Result]]:
    """Read the latest results from results/NAME.json, in the order of ALL."""
    files = {name: RESULTS / f"{name}.json" for name in ALL}
    records = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
    return {
        name: [Result(**{k: v for k, v in r.items() if k != "passed"}) for r in record["results"]]
        for name, record in records.items()
    }


def into_readme(table: str) -> None:
    """Replace the text between the README's marks."""
    text = README.read_text(encoding="utf-8")
    start, end = (text.index(mark) for mark in MARKS)
    README.write_text(f"{text[:start]}{MARKS[0]}\n{table}\n{text[end:]}", encoding="utf-8")


def computer() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
