"""The words on a label, in the recipient's language: from .mo files, compiled from the translators' .po files."""

import gettext
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "locales"


class MissingTexts(Exception):
    """A language whose translations were not compiled."""


def texts(language: str) -> Callable[[str], str]:
    """A function that translates; English needs no translation."""
    if language == "en":
        return str
    try:
        return gettext.translation("labels", FOLDER, [language]).gettext
    except OSError:
        raise MissingTexts(f"no compiled translations for {language!r}: pybabel compile -d locales -D labels") from None
