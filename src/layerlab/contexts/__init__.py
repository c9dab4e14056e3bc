"""Build contexts: the ignore rules, what is in a context after them, and which of it a COPY looks at."""
