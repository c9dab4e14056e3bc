"""Setting up: uv is told what pip's configuration says, and pip does the work if there's no uv."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def install():
    spec = importlib.util.spec_from_file_location("install", ROOT / "scripts/install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: As `pip config list` prints it.
LISTING = r"""
:env:.cert='/certs/of/the/variable.pem'
global.cert='/certs/of/the/file.pem'
global.extra-index-url='\nhttps://one.example/simple\nhttps://two.example/simple'
global.index-url='https://mirror.example/simple'
global.trusted-host='mirror.example'
install.find-links='/wheels /more wheels'
list.format='columns'
"""


def test_uv_follows_the_configuration_of_pip(install):
    assert install.uv_environment(install.pip_settings(LISTING)) == {
        "SSL_CERT_FILE": "/certs/of/the/variable.pem",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INSECURE_HOST": "mirror.example",
        "UV_FIND_LINKS": "/wheels,/more,wheels",  # pip splits at spaces, too
    }


@pytest.mark.parametrize("value", ["1", "true", "yes", "on"])
def test_uv_asks_no_index_where_pip_would_not(install, value):
    assert install.no_index(install.pip_settings(f":env:.no-index='{value}'")) == ["--no-index"]
    assert install.no_index(install.pip_settings("global.no-index='0'")) == []


def test_without_any_configuration_uv_trusts_what_the_computer_trusts(install):
    assert install.uv_environment(install.pip_settings("")) == {"UV_SYSTEM_CERTS": "true"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_falls_into_uv_with_its_hashes_and_the_rest(install, name):
    lock = (ROOT / name).read_text()
    uv, others = install.split(lock)
    assert uv.startswith("uv==") and uv.count("==") == 1 and "--hash=sha256:" in uv
    assert "\nuv==" not in others and others.count("--hash") + uv.count("--hash") == lock.count("--hash")


class Commands:
    """Commands that are written down instead of run; those in `refused` fail."""

    def __init__(self, install, monkeypatch, tmp_path, *refused: str) -> None:
        self.ran: list[str] = []
        self.refused = refused
        monkeypatch.setattr(install, "UV", tmp_path / "uv")
        monkeypatch.setattr(install, "printed", lambda command: "")
        monkeypatch.setattr(install, "failure", lambda command, environment=None: self._run(command))
        monkeypatch.setattr(install.subprocess, "call", lambda command: bool(self._run(command)))

    def _run(self, command) -> str:
        tool = "uv" if command[0].endswith("/uv") else "pip"
        self.ran.append(f"{tool} {'uv.txt' if command[-1].endswith('uv.txt') else Path(command[-1]).name or '.'}")
        return "no such wheel" if self.ran[-1] in self.refused else ""


def test_uv_installs_the_lock_and_then_the_project(install, monkeypatch, tmp_path, capsys):
    commands = Commands(install, monkeypatch, tmp_path)
    assert install.main([str(ROOT / "requirements.lock"), "--project"]) == 0
    assert commands.ran == ["pip uv.txt", "uv lock.txt", "uv ."]
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize(
    ("refused", "before"),
    [("pip uv.txt", ["pip uv.txt"]), ("uv lock.txt", ["pip uv.txt", "uv lock.txt"])],
)
def test_where_uv_fails_pip_does_it_and_says_why(install, monkeypatch, tmp_path, capsys, refused, before):
    commands = Commands(install, monkeypatch, tmp_path, refused)
    assert install.main([str(ROOT / "requirements.lock"), "--project"]) == 0
    assert commands.ran == [*before, "pip lock.txt", "pip ."]
    assert "uv doesn't work here: no such wheel\nUsing pip instead" in capsys.readouterr().out


def test_where_pip_fails_too_so_does_the_set_up(install, monkeypatch, tmp_path):
    commands = Commands(install, monkeypatch, tmp_path, "pip uv.txt", "pip lock.txt")
    assert install.main([str(ROOT / "requirements.lock"), "--project"]) == 1
    assert commands.ran[-1] == "pip lock.txt"
