"""Why each step ran: what it asked the engine to do, aligned with an earlier build, and how the two differ."""
