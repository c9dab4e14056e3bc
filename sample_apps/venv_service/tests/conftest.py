import pytest

from chronicle.web import app


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture
def stream() -> str:
    """A history of three commits by two authors, as `git fast-export --all` writes it."""
    return (
        "blob\nmark :1\ndata 12\none\ntwo\nsix\n\n"
        "commit refs/heads/main\nmark :2\nauthor Ada <ada@example.org> 1700000000 +0000\n"
        "committer Ada <ada@example.org> 1700000000 +0000\ndata 5\nfirst\nM 100644 :1 words\n\n"
        "blob\nmark :3\ndata 8\none\ntwo\n\n"
        "commit refs/heads/main\nmark :4\nauthor Grace <grace@example.org> 1700090000 +0000\n"
        "committer Grace <grace@example.org> 1700090000 +0000\ndata 5\nfewer\nfrom :2\nM 100644 :3 words\n\n"
        "commit refs/heads/main\nmark :5\nauthor Ada <ada@example.org> 1700090060 +0000\n"
        "committer Ada <ada@example.org> 1700090060 +0000\ndata 5\nagain\nfrom :4\nM 100644 :1 words\n\n"
    )
