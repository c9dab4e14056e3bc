"""What scripts/execute_notebooks.py does to outputs before they're committed."""

from __future__ import annotations

import nbformat


def executed(*pieces: str) -> nbformat.NotebookNode:
    """Make a notebook with one checked cell that printed these pieces."""
    cell = nbformat.v4.new_code_cell("print(1)", metadata={"tags": ["nbval-check-output"]})
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=piece) for piece in pieces]
    return nbformat.v4.new_notebook(cells=[cell])


def test_what_was_printed_in_pieces_is_written_once(script):
    """It used to be written twice: looking for differences had lengthened the first piece, which was then joined again."""
    now = executed("one\n", "two\n")
    assert script.differences(executed("one\ntwo\n"), now) == []
    assert [o.text for o in script.tidied(now).cells[0].outputs] == ["one\ntwo\n"]


def test_another_text_is_a_difference(script):
    assert "cell 1: print(1)" in script.differences(executed("one\n"), executed("two\n"))[0]
