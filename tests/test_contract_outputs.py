"""What `layerlab contract check --fast` prints and writes, and the plugin for pytest. Without an engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree

import contract_cases
import pytest
from click.testing import CliRunner
from contract_cases import BREAKING

from layerlab.commands.main import main
from layerlab.contracts import outputs
from layerlab.contracts.clauses import Clause
from layerlab.contracts.verdict import FAIL, PASS, UNDECIDED, WARN, Finding, Verdict

BROKEN = next(mutation for mutation in BREAKING if mutation.name == "all is copied before the install")


def check(folder, *options):
    return CliRunner().invoke(main, ["contract", "check", str(folder), "--fast", *map(str, options)])


def test_the_command_exits_with_0_for_a_contract_that_is_kept(tmp_path):
    done = check(contract_cases.write(tmp_path))
    assert done.exit_code == 0
    assert "9 kept (reasoned from the files; nothing was built)" in done.stdout
    assert "code edit: main.py, a source file that the build reads" in done.stdout
    assert "dependency edit: requirements.txt, which line 5 installs from:" in done.stdout


def test_the_command_exits_with_1_and_says_why_for_one_that_is_broken(tmp_path):
    done = check(contract_cases.write(tmp_path, BROKEN))
    assert done.exit_code == 1
    assert "✗ code: cached RUN --mount=type=cache*pip install*" in done.stdout
    assert "`COPY . /` in line 4 precedes it: main.py changed" in done.stdout
    assert "? code: cached COPY *--from=* /venv" in done.stdout


def test_json_has_the_same(tmp_path):
    done = check(contract_cases.write(tmp_path, BROKEN), "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["failed"], told["reasoned"], told["dockerfile"]) == (1, True, True, "Dockerfile")
    assert told["findings"][1]["clause"]["pattern"] == "RUN --mount=type=cache*pip install*"
    assert (told["findings"][1]["level"], told["findings"][1]["line"]) == ("fail", 4)


def test_a_project_without_a_contract_is_an_error_with_a_remedy(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    done = check(tmp_path)
    assert done.exit_code == 1
    assert "has no contract" in done.stderr and "layerlab contract init" in done.stderr


def test_what_init_proposes_is_a_contract(tmp_path):
    folder = contract_cases.write(tmp_path)
    done = CliRunner().invoke(main, ["contract", "init", str(folder), "--fast"])
    assert done.exit_code == 0
    proposed = tomllib.loads(done.stdout)["contract"]
    assert proposed["code"] == {"cached": ["RUN *apt-get install*", "RUN *pip install*"], "max_steps_run": 1}
    assert proposed["dependency"] == {"cached": ["RUN *apt-get install*"]}
    (folder / "layerlab.toml").write_text(done.stdout)
    assert check(folder).exit_code == 0


def test_the_reports_are_written(tmp_path, monkeypatch):
    folder = contract_cases.write(tmp_path / "services" / "my shop", BROKEN)
    monkeypatch.chdir(tmp_path)
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    names = {"--sarif": tmp_path / "c.sarif", "--junit": tmp_path / "c.xml", "--markdown": summary}
    done = check(folder, *(word for pair in names.items() for word in pair))
    assert done.exit_code == 1

    log = json.loads((tmp_path / "c.sarif").read_text())
    first, *_ = log["runs"][0]["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "services/my%20shop/Dockerfile"}, "region": {"startLine": 4}}
    assert (first["ruleId"], first["level"]) == ("cached", "error")
    assert "`COPY . /` in line 4 precedes it: main.py changed" in first["message"]["text"]

    suite = ElementTree.parse(tmp_path / "c.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "9",
        "failures": "2",
        "skipped": "1",
    }
    assert len(suite.findall("testcase/failure")) == 2

    lines = summary.read_text().splitlines()
    assert lines[0] == "before" and lines[1].startswith(
        "### The contract of my shop Dockerfile: 6 kept, 2 broken, 1 unknown"
    )
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines if line.startswith("|"))


def verdict(*levels):
    findings = tuple(
        Finding(Clause("code", "max_steps_run", number), level, "it | <b>runs</b>", "because\x1b[0m of `this`", number)
        for number, level in enumerate(levels)
    )
    return Verdict("shop", "Dockerfile", "docker/Dockerfile", (), findings, False)


def test_sarif_has_what_its_schema_requires():
    """The schema itself (100 kB) was tried by hand; this holds what it requires of the parts that are used."""
    (run,) = json.loads(outputs.sarif(verdict(FAIL, WARN, PASS, UNDECIDED)))["runs"]
    assert set(run["tool"]["driver"]) == {"name", "version", "rules"}
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert [result["level"] for result in run["results"]] == ["error", "warning"]
    for result in run["results"]:
        assert result["ruleId"] in rules and result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "docker/Dockerfile" and place["region"]["startLine"] >= 1


def test_every_rule_is_described():
    assert outputs.RULES.keys() == {
        "cached",
        "max_steps_run",
        "max_downloaded_mb",
        "max_context_mb",
        "max_image_mb",
        "max_seconds",
    }


def test_what_projects_wrote_is_harmless_in_reports():
    made = verdict(FAIL, WARN, PASS, UNDECIDED)
    assert "<b>" not in outputs.markdown(made)
    assert "\x1b" not in outputs.markdown(made) + outputs.junit(made) + outputs.sarif(made) + str(made)
    ElementTree.fromstring(outputs.junit(made).encode())


def run_pytest(folder, *options):
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "layerlab.contracts.pytest_plugin",
        "-p",
        "no:cacheprovider",
        *options,
    ]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True)


def test_the_plugin_makes_a_test_of_each_clause(tmp_path):
    folder = contract_cases.write(tmp_path, BROKEN)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    (folder / "tests/test_main.py").write_text("def test_one(): pass\n")
    done = run_pytest(folder, "--layerlab-fast", "--junitxml=report.xml", "-rs")
    assert done.returncode == 1
    assert "2 failed, 7 passed, 1 skipped" in done.stdout  # one of them is the project's own test
    assert "`COPY . /` in line 4 precedes it: main.py changed" in done.stdout
    assert "unknown: after a code edit" in done.stdout
    assert "Traceback" not in done.stdout
    suite = ElementTree.parse(folder / "report.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("2", "1")


def test_without_its_option_the_plugin_does_nothing(tmp_path):
    folder = contract_cases.write(tmp_path, BROKEN)
    (folder / "tests/test_main.py").write_text("def test_one(): pass\n")
    done = run_pytest(folder)
    assert "1 passed" in done.stdout and done.returncode == 0


@pytest.mark.parametrize("text", ["[contract.code]\nmax_steps = 1\n", "[app]\nname = 'shop'\n"])
def test_a_contract_that_cannot_be_read_or_is_not_there(tmp_path, text):
    folder = contract_cases.write(tmp_path)
    (folder / "layerlab.toml").write_text(text)
    done = run_pytest(folder, "--layerlab-fast", "layerlab.toml")
    assert done.returncode != 0
    assert ("isn't a key that LayerLab knows" in done.stdout) == ("max_steps" in text)
