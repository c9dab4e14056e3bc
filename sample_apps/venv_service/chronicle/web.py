"""The web service."""

from __future__ import annotations

from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

from chronicle import repository
from chronicle.statistics import fingerprint, statistics

#: Of a history, bytes. A year of a small team is about one megabyte.
LARGEST = 8_000_000
#: Asked once, at the start: without git the service had better not start than answer half.
GIT = repository.version()

app = Flask("chronicle")
app.config["MAX_CONTENT_LENGTH"] = LARGEST


@app.get("/health")
def health():
    """That it runs, and that git and the compiled package are there."""
    return jsonify(status="ok", git=GIT, fingerprint=fingerprint([]))


@app.post("/history")
def history():
    """Statistics of a repository: the body is {"stream": what `git fast-export --all` wrote}."""
    body = request.get_json()
    stream = body.get("stream") if isinstance(body, dict) else None
    if not isinstance(stream, str):
        return jsonify(error='the body is {"stream": "…"}'), 422
    try:
        return jsonify(statistics(repository.commits(stream.encode())))
    except repository.UnreadableHistory as error:
        return jsonify(error=str(error)), 422


@app.errorhandler(HTTPException)
def refused(error: HTTPException):
    """Errors as JSON too: not JSON, too large, no such page."""
    return jsonify(error=error.description), error.code
