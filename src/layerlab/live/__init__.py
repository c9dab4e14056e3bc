"""A build while it runs: what is known of it at a moment (`model`), and the three ways to show that."""
