"""Predictions of the next build's states: ask for them, grade them with the build, and keep the score of the course."""
