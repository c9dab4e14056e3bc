"""The `layerlab` command, and what `make lab` runs: they read arguments and print; the work is done by what they call."""
