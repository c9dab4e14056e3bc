"""Build contexts: the ignore rules, the files they let in, and which of those a COPY looks at."""
