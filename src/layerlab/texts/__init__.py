"""What may be shown of a text: without its secrets, and without anything that a terminal or a page would obey."""
