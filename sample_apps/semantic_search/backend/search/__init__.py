"""Semantic search: finds the entry that means what was asked, not the one that has the same words."""
