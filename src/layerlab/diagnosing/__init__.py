"""doctor: look at this computer, and tell you what's fine and how to fix the rest."""
