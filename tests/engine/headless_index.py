"""A real package index that sends no header that lets clients keep anything, as between many offices and PyPI."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = "application/vnd.pypi.simple.v1+json"
#: So much that a file stands out among pages.
BODY = bytes(range(256)) * 400


def wheel(name: str, version: str) -> bytes:
    """A wheel with one module, the same bytes each time."""
    info = f"{name}-{version}.dist-info"
    texts = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{name}.bin": BODY.decode("latin-1"),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    texts[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*texts, f"{info}/RECORD"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in texts.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return file.getvalue()


class Index(ThreadingHTTPServer):
    """Serves `files` (project → file name → bytes) below /simple/ and /packages/, and notes each path in `asked`."""

    daemon_threads = True

    def __init__(self, *projects: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        for project in projects:
            self.publish(project, "1.0")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"

    def publish(self, project: str, version: str) -> None:
        self.files.setdefault(project, {})[f"{project}-{version}-py3-none-any.whl"] = wheel(project, version)


class _Handler(BaseHTTPRequestHandler):
    server: Index
    protocol_version = "HTTP/1.0"  # an index that has ended answers on no connection that was left open

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        kind, _, rest = self.path.lstrip("/").partition("/")
        project, _, name = rest.partition("/")
        files = self.server.files.get(project, {})
        if kind == "simple" and files:
            self._page(project, files)
        elif kind == "packages" and name in files:
            self._send(files[name], "application/octet-stream")
        else:
            self._send(b"", "text/plain", 404)

    do_HEAD = do_GET

    def _page(self, project: str, files: dict[str, bytes]) -> None:
        address = f"http://127.0.0.1:{self.server.server_port}/packages/{project}"
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        if JSON in self.headers["Accept"]:
            rows = [{"filename": n, "url": f"{address}/{n}", "hashes": {"sha256": h}} for n, h in hashes.items()]
            page = {"meta": {"api-version": "1.0"}, "name": project, "files": rows}
            self._send(json.dumps(page).encode(), JSON)
        else:
            links = [f'<a href="{address}/{n}#sha256={h}">{n}</a>' for n, h in hashes.items()]
            self._send(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode(), "text/html")

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output free of it."""


@contextlib.contextmanager
def serving(*projects: str) -> Iterator[Index]:
    """Run an index with version 1.0 of each project, and of pip, which LayerLab asks for."""
    index = Index("pip", *projects)
    thread = threading.Thread(target=index.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.shutdown()
        index.server_close()
        thread.join()
