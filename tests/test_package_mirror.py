"""The package mirror's pure parts: what an index lets clients keep, nginx's configuration, the access log."""

from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.engines import index, mirror_config, mirror_log, packages
from layerlab.engines.index import Index
from layerlab.engines.mirror_config import OUT_OF_REACH, Place, configuration, rewritten
from layerlab.errors import CommandFailed

PLACE = Place("0a1b2c3d", "/home/mirror", "/run/mirror", "/cache/mirror", "/ca.pem", "10.0.0.1", (20000, 20001))
FILES = ("https://files.example", "https://more.example")
INDEX = Index("https://index.example/team/simple", FILES, lets_keep=False)
ADDRESSES = {
    "https://index.example": ["192.0.2.1:443"],
    "https://files.example": ["192.0.2.2:443", "[2001:db8::1]:443"],
}

HTML = """<a href="https://files.example/a/six-1.0.tar.gz#sha256=00">six-1.0.tar.gz</a>
<a href="../../b/six-1.1-py3-none-any.whl#sha256=11" data-core-metadata="sha256=22">six-1.1-py3-none-any.whl</a>"""
JSON = json.dumps(
    {
        "files": [
            {"filename": "six-1.0.tar.gz", "url": "https://files.example/a/six-1.0.tar.gz"},
            {"filename": "six-1.1-py3-none-any.whl", "url": "https://more.example/b/six-1.1-py3-none-any.whl"},
        ]
    }
)


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({}, False),
        ({"Content-Type": "text/html", "Date": "today"}, False),
        ({"ETag": '"1"'}, True),
        ({"Expires": "Thu, 01 Jan 2099 00:00:00 GMT"}, True),
        ({"cache-control": "max-age=600, public"}, True),
        ({"Cache-Control": "max-age=0"}, False),
        ({"Cache-Control": "no-store", "ETag": '"1"'}, False),
        ({"Cache-Control": "public"}, False),
    ],
)
def test_what_may_be_kept(headers, kept):
    assert index.lets_keep(headers) == kept


def test_files_of_a_page_in_both_forms():
    page = "https://index.example/team/simple/six/"
    assert index.files_of(page, HTML) == [
        "https://files.example/a/six-1.0.tar.gz",
        "https://index.example/team/b/six-1.1-py3-none-any.whl",
    ]
    assert index.hosts_of(index.files_of(page, JSON)) == FILES


def test_the_index_is_the_one_that_pip_is_told(monkeypatch):
    def run(*words, **_):
        if words[-1] == "install.index-url":
            return "https://b.example/simple\n"
        raise CommandFailed("", words, 1, "ERROR: No such key")

    monkeypatch.setattr(index, "run", run)
    monkeypatch.setenv("PIP_INDEX_URL", "https://a.example/simple")
    assert index.address() == "https://a.example/simple"
    monkeypatch.delenv("PIP_INDEX_URL")
    assert index.address() == "https://b.example/simple"


def applied(text: str) -> str:
    """The text of a page as nginx's sub_filter leaves it: each part is replaced once, from left to right."""
    table = dict(rewritten("https://index.example", FILES))
    return re.sub("|".join(map(re.escape, table)), lambda found: table[found[0]], text)


def test_addresses_in_pages_lead_to_the_mirror():
    for text in (HTML, JSON):
        assert not re.search(r"https://(files|more)\.example", applied(text))
    assert "../../b/six" in applied(HTML), "relative addresses lead there by themselves"
    assert '"url": "/files/' in applied(JSON)
    assert "index.example" not in applied('<a href="/c/x.whl">') and 'href="/files/' in applied('<a href="/c/x.whl">')


def test_each_host_has_a_path_and_no_host_is_an_open_door():
    text = configuration(INDEX, PLACE, ADDRESSES)
    for host in ("index.example", "files.example", "more.example"):
        assert f"proxy_ssl_name {host};" in text
    assert text.count("proxy_pass https://") == 5, "pages, three hosts, and what's beside the pages"
    assert "proxy_pass https://host0/team/simple/;" in text or "proxy_pass https://host1/team/simple/;" in text
    assert "$http_host" not in text and "resolver" not in text, "nothing that a client sends chooses a host"


def test_it_starts_without_an_address_of_its_index():
    assert "server unix:/run/mirror/no-address.sock;" in configuration(INDEX, PLACE, {})
    assert "no-address" not in configuration(INDEX, PLACE, ADDRESSES | {"https://more.example": ["192.0.2.3:443"]})


def test_it_listens_where_it_may_and_says_what_pypi_says():
    text = configuration(INDEX, PLACE, ADDRESSES)
    assert re.findall(r"listen (\S+);", text) == ["unix:/run/mirror/inner.sock", "10.0.0.1:20000", "10.0.0.1:20001"]
    keeping, forbidding = text.split("listen 10.0.0.1:")[1:]
    assert mirror_config.PAGE_CONTROL in keeping and mirror_config.FILE_CONTROL in keeping
    assert "max-age" not in forbidding and forbidding.count('add_header ETag "";') == 2


def test_an_error_names_the_index():
    text = configuration(INDEX, PLACE, ADDRESSES)
    assert f"{OUT_OF_REACH} index.example" in text.replace(r"\'", "'")


def line(**fields: object) -> str:
    usual = {
        "at": 1.5, "seconds": 0.1, "kind": "file", "name": "/files/0/a/six-1.0.tar.gz", "status": 200, "bytes": 7,
        "client": "10.214.0.2", "program": "pip/23.0.1", "received": "",
    }  # fmt: skip
    return json.dumps(usual | fields)


def test_what_was_served_is_counted_by_kind():
    log = mirror_log.read(
        [
            line(kind="page", name="/simple/six/", bytes=100, received="90, 30"),
            line(kind="page", name="/simple/toml/", status=304, bytes=0),
            line(at=2.5),
            line(at=3.5, name="/files/0/a/six-1.0.tar.gz", bytes=0),
            line(kind="metadata", name="/files/0/b/six-1.1-py3-none-any.whl.metadata", bytes=3),
            line(kind="mark", name="/mark"),
        ]
    )
    assert (log.pages, log.files) == (["six"], ["six-1.0.tar.gz"])
    assert (log.page_bytes, log.file_bytes, log.received_bytes, log.not_modified) == (100, 10, 120, 1)
    assert log.requests == {"page": 2, "file": 2, "metadata": 1}
    assert [one.at for one in log.between(2, 3).served] == [2.5]


def test_half_a_line_is_left_out():
    whole = line()
    for end in range(len(whole)):
        assert mirror_log.read([whole[:end]]).served == ()
    assert len(mirror_log.read([whole, whole[:20]]).served) == 1


@given(st.lists(st.sampled_from([line(), line(kind="page"), "", "{}", "[]", "null", "1", '{"kind": 3}', line(at="x")])))
def test_a_damaged_log_is_read_as_far_as_it_goes(lines):
    whole = [text for text in lines if text in (line(), line(kind="page"))]
    assert len(mirror_log.read(lines).served) == len(whole)


def test_libraries_that_came_with_a_program_are_found(tmp_path):
    program, library = tmp_path / "usr/sbin/nginx", tmp_path / "usr/lib/x86_64-linux-gnu"
    library.mkdir(parents=True)
    assert packages.libraries_of(program) == {"LD_LIBRARY_PATH": str(library)}


def test_ports_are_free_ones(monkeypatch):
    from layerlab.engines import mirror

    assert all(port + 1 < 32768 for port in random.sample(mirror.PORTS, 20)), "not where outgoing connections begin"
