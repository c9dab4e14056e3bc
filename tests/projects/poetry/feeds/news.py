"""What is new in a feed since it was last looked at."""

import json

import feedparser


def news(text, seen):
    """Entries of the feed `text` whose id is not in the set `seen`, which grows by them."""
    fresh = [entry for entry in feedparser.parse(text).entries if entry.get("id", entry.get("link")) not in seen]
    seen.update(entry.get("id", entry.get("link")) for entry in fresh)
    return [{"title": entry.get("title", ""), "link": entry.get("link", "")} for entry in fresh]


def load(path):
    return set(json.loads(path.read_text())) if path.exists() else set()


def save(path, seen):
    path.write_text(json.dumps(sorted(seen)))
