"""What is shown of an entry."""

LONGEST = 90


def snippet(text: str) -> str:
    """The first words of a text, at most LONGEST characters, cut between words."""
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rsplit(" ", 1)[0] + " …"
