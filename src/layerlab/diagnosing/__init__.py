"""doctor: look at this computer, tell what's fine and how to fix the rest."""
