"""Short names for long addresses."""

from pathlib import Path

from flask import Flask, abort, jsonify, redirect, request

from shortlinks.store import Store

app = Flask(__name__)
store = Store()


@app.get("/health")
def health():
    return jsonify(status="ok", links=len(store))


@app.get("/version")
def version():
    return Path("VERSION").read_text().strip()


@app.post("/links")
def add():
    body = request.get_json()
    name = store.add(body["url"], body.get("name"))
    return jsonify(name=name), 201


@app.get("/<name>")
def follow(name):
    url = store.get(name)
    if url is None:
        abort(404)
    return redirect(url, code=302)
