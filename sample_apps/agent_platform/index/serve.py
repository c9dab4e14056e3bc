"""A package index of one's own, as an office has it: the wheels beside this file, by the rules of PyPI's simple index.

With each file it says what PyPI says with each of its own: keep it as long as you like. pip keeps only
what it is told that it may keep: with an index that leaves this out, as some mirrors do, pip's cache stays empty.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WHEELS = Path(__file__).parent / "wheels"
PORT = 8080


class Index(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        folder, _, name = self.path.strip("/").rpartition("/")
        if folder == "files" and (WHEELS / name).is_file():
            self.answer((WHEELS / name).read_bytes(), "max-age=365000000, immutable, public")
        elif folder == "simple":
            files = [p.name for p in sorted(WHEELS.iterdir()) if project(p.name) == name]
            self.answer("".join(f'<a href="/files/{file}">{file}</a>\n' for file in files).encode(), "max-age=600")
        else:
            self.send_error(404)

    def answer(self, body: bytes, keep: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", keep)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *values: object) -> None:
        print(form % values)


def project(file: str) -> str:
    """The name that a wheel's project has in a simple index (PEP 503)."""
    return file.split("-")[0].lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Index).serve_forever()
