"""Machine: a disposable engine that resolves a Definition, runs one build, asks its image, and cleans up."""
