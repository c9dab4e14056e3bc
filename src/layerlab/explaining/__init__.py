"""Why each step ran: what it asked the engine to do, aligned with the build before, and how the two differ."""
