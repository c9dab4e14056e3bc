"""The `layerlab` command, one module a group of subcommands, and `make lab`."""
