"""The `layerlab` command. Its modules read arguments and print; the modules they call do the work."""
