"""Chronicle: what went on in a repository, read from its history by git."""
