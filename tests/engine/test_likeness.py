"""Each stand-in is like the official image in all that docs/stand-ins.toml lists."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from layerlab import Machine
from layerlab.engines import images
from layerlab.engines.likeness import CA_VARIABLES
from layerlab.errors import CommandFailed

DOCS = Path(__file__).resolve().parents[2] / "docs"
ALIKE = tomllib.loads((DOCS / "stand-ins.toml").read_text())["alike"]


@pytest.fixture(scope="module")
def hubless(lab_home):
    """A machine without a hub, so that its base images are stand-ins."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERLAB_HUB", "no")
        yield Machine.start("likeness")
        Machine.start("likeness").remove()


@pytest.fixture(scope="module", params=sorted(images.standins()))
def standin(hubless, request):
    """Run shell text in a container of one stand-in, and replace {python} and {version}."""
    name = images.present(request.param, hubless.docker) or hubless.add_base(request.param)
    assert name == images.standin_name(request.param)
    container = hubless.docker("run", "--detach", "--network", "host", name, "sleep", "inf").strip()

    def ask(text: str, user: str = "0") -> str:
        try:
            return hubless.docker("exec", "--user", user, container, "sh", "-c", text).strip()
        except CommandFailed as error:
            return str(error)

    ask.python = request.param.removeprefix("python:").removesuffix("-slim")
    ask.image = json.loads(hubless.docker("image", "inspect", name))[0]["Config"]
    yield ask
    hubless.docker("rm", "--force", container)


@pytest.mark.parametrize("likeness", ALIKE, ids=[row["what"] for row in ALIKE])
def test_alike(standin, likeness):
    run, says = (likeness[key].replace("{python}", standin.python) for key in ("run", "says"))
    assert standin(run, likeness.get("user", "0")) == says


def test_its_configuration_is_the_official_ones(standin):
    assert standin.image["Cmd"] == ["python3"]
    assert not standin.image.get("Entrypoint") and not standin.image.get("User") and not standin.image.get("WorkingDir")


def test_it_trusts_what_this_computer_trusts_also_after_an_update_of_the_list(standin):
    bundle = images.ca_bundle()
    assert bundle is not None
    ends = [text.strip() for text in bundle.read_text().split("-----BEGIN CERTIFICATE-----")[1:]]
    standin("update-ca-certificates")
    for variable in CA_VARIABLES:
        trusted = standin(f"cat ${variable}")
        assert all(text in trusted for text in ends)
