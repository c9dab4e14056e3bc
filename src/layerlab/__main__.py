"""`python -m layerlab` is the `layerlab` command."""

from .commands.main import main

if __name__ == "__main__":
    main(prog_name="layerlab")
