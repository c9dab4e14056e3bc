"""A small service with three dependencies, built in every way that the guides speak of."""

from http.server import BaseHTTPRequestHandler, HTTPServer

import jinja2
import pygments
import requests

PAGE = jinja2.Template("{{ name }} is {{ state }}, with requests {{ requests }} and pygments {{ pygments }}")


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        page = PAGE.render(name="trials", state="up", requests=requests.__version__, pygments=pygments.__version__)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(page.encode())


if __name__ == "__main__":
    HTTPServer(("", 8000), Service).serve_forever()
