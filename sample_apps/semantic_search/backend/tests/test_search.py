import numpy as np
import pytest

from search.corpus import Entry, read_corpus
from search.index import Index
from search.snippet import LONGEST, snippet

DIRECTIONS = {"north": (0, 1), "east": (1, 0), "west": (-1, 0)}


def embed(texts):
    return np.array([DIRECTIONS[text.split(".")[0]] for text in texts], dtype=np.float32)


def test_the_nearest_is_the_one_in_the_same_direction():
    index = Index([Entry("west", ""), Entry("north", ""), Entry("east", "")], embed)
    assert [(entry.title, likeness) for entry, likeness in index.nearest("east", 3)] == [
        ("east", 1.0),
        ("north", 0.0),
        ("west", -1.0),
    ]
    assert len(index.nearest("east", 99)) == 3


@pytest.mark.parametrize("text", ["", "short", "word " * 100, "x" * LONGEST])
def test_a_snippet_is_short_and_cut_between_words(text):
    assert len(snippet(text)) <= LONGEST + 2
    assert text.startswith(snippet(text).removesuffix(" …"))


def test_a_corpus_of_another_form_is_refused(tmp_path):
    (tmp_path / "no.toml").write_text("[[entry]]\ntitle = 'a'\n")
    with pytest.raises(TypeError):
        read_corpus(tmp_path / "no.toml")
