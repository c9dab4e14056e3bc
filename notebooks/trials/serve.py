"""Run a command beside a package index of its own, which serves the wheels in this folder: `serve.py pip install idna`.

At the end it prints how many files the command asked for, and how many at a time. Settings, as variables:
    KEEP    its Cache-Control for files: PyPI's own "max-age=365000000, immutable, public" unless set; none if it's ""
    ETAGS   with 1, each file has an ETag, and a client that still has the file gets "304 Not Modified"
    HIDE    the index leaves out files that begin so
    SILENT  with 1, the index never answers
"""

import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WHEELS = Path(__file__).parent / "wheels"
KEEP = os.environ.get("KEEP", "max-age=365000000, immutable, public")
HIDE = os.environ.get("HIDE", "nothing at all")
lock, now, most, files = threading.Lock(), 0, 0, 0


class Index(BaseHTTPRequestHandler):
    def do_GET(self):
        global now, most, files
        if os.environ.get("SILENT"):
            time.sleep(3600)
        is_file = self.path.startswith("/files/")
        with lock:
            now, files = now + is_file, files + is_file
            most = max(most, now)
        name = self.path.rsplit("/", 1)[1]
        body = (WHEELS / name).read_bytes() if is_file else self.page()
        time.sleep(0.05 * is_file)  # long enough for another request to come
        tag = f'"{name}"' if is_file and os.environ.get("ETAGS") else ""
        unchanged = tag and self.headers.get("If-None-Match") == tag
        self.send_response(304 if unchanged else 200)
        self.send_header("Content-Type", "application/octet-stream" if is_file else "text/html")
        self.send_header("Content-Length", str(len(body)))
        if tag:
            self.send_header("ETag", tag)
        if keep := KEEP if is_file else "no-store":
            self.send_header("Cache-Control", keep)
        self.end_headers()
        if self.command == "GET" and not unchanged:
            self.wfile.write(body)
        with lock:
            now -= is_file

    do_HEAD = do_GET  # uv asks for a file's length first

    def page(self):
        project = self.path.strip("/").rsplit("/", 1)[1].replace("-", "_").lower()
        names = [p.name for p in sorted(WHEELS.iterdir()) if p.name.lower().startswith(f"{project}-")]
        return "".join(f'<a href="/files/{name}">{name}</a>\n' for name in names if not name.startswith(HIDE)).encode()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 8999), Index)
threading.Thread(target=server.serve_forever, daemon=True).start()
# pip keeps files only of an index that it trusts: one with TLS, or one that it is told to.
settings = {"PIP_INDEX_URL": "http://127.0.0.1:8999/simple", "PIP_TRUSTED_HOST": "127.0.0.1"}
settings["UV_DEFAULT_INDEX"] = settings["PIP_INDEX_URL"]
code = subprocess.run(sys.argv[1:], env={**os.environ, **settings}).returncode
print(f"index: {files} files, at most {most} at a time", flush=True)
os._exit(code)
