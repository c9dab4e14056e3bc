"""A build while it runs: its state at any moment (`model`), and three views that show it."""
