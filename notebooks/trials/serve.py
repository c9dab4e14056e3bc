"""Run a command beside a package index of its own, which serves the wheels in this folder: `serve.py pip install idna`.

What it says is printed: how many files were asked for, and how many at a time. KEEP is what it tells clients about keeping
files: PyPI's own "max-age=365000000, immutable, public" unless set. SILENT=1 makes an index that never answers.
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
        body = (WHEELS / self.path.rsplit("/", 1)[1]).read_bytes() if is_file else self.page()
        time.sleep(0.05 * is_file)  # long enough for another request to come
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if is_file else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", KEEP if is_file else "no-store")
        self.end_headers()
        self.wfile.write(body)
        with lock:
            now -= is_file

    def page(self):
        project = self.path.strip("/").rsplit("/", 1)[1].replace("-", "_").lower()
        names = [p.name for p in sorted(WHEELS.iterdir()) if p.name.lower().startswith(f"{project}-")]
        return "".join(f'<a href="/files/{name}">{name}</a>\n' for name in names).encode()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 8999), Index)
threading.Thread(target=server.serve_forever, daemon=True).start()
# pip keeps files only of an index that it trusts: one with TLS, or one that it is told to.
settings = {"PIP_INDEX_URL": "http://127.0.0.1:8999/simple", "PIP_TRUSTED_HOST": "127.0.0.1"}
code = subprocess.run(sys.argv[1:], env={**os.environ, **settings}).returncode
print(f"index: {files} files, at most {most} at a time", flush=True)
os._exit(code)
