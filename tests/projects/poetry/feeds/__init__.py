"""Reads feeds and says what is new."""
