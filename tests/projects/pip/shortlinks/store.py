"""Where the links are kept: a dictionary, until we need more."""

import secrets


class Store:
    def __init__(self):
        self._links = {}

    def __len__(self):
        return len(self._links)

    def add(self, url, name=None):
        name = name or secrets.token_urlsafe(4)
        self._links[name] = url
        return name

    def get(self, name):
        return self._links.get(name)
