"""Machine: a disposable engine. Resolves a Definition, runs one build, asks its image, cleans up."""
